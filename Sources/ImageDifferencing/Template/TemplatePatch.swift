// SPDX-License-Identifier: GPL-3.0-or-later
// What templates are made of.

package import Imaging
package import SkyGeometry

/// A patch of a coadd, opened when its turn has come; of its pixels only those rows are read that a template needs.
package struct TemplatePatch {
  /// What is known of a patch's coadd, and the way to its pixels.
  package struct Coadd {
    package let psf: (any PSF)?
    package let wcs: SkyWCS?
    package let photoCalib: PhotoCalib?
    package let filter: FilterLabel?
    /// Reads rows, in the tract's pixels.
    package let rows: (Range<Int>) throws -> MaskedImage

    package init(
      psf: (any PSF)?, wcs: SkyWCS?, photoCalib: PhotoCalib?, filter: FilterLabel?,
      rows: @escaping (Range<Int>) throws -> MaskedImage
    ) {
      self.psf = psf
      self.wcs = wcs
      self.photoCalib = photoCalib
      self.filter = filter
      self.rows = rows
    }

    /// A coadd that is in memory.
    package init(_ exposure: Exposure) {
      self.init(
        psf: exposure.psf, wcs: exposure.wcs, photoCalib: exposure.photoCalib, filter: exposure.filter
      ) { rows in
        let box = exposure.box
        let part = rows.clamped(to: box.minY..<box.endY)
        return exposure.maskedImage.cropped(
          to: Box2I(minX: box.minX, minY: part.lowerBound, width: box.width, height: part.count))
      }
    }
  }

  package let tract: TractInfo
  package let patch: PatchInfo
  /// `nil` for a coadd that is not there.
  package let open: () throws -> Coadd?

  package init(tract: TractInfo, patch: PatchInfo, open: @escaping () throws -> Coadd?) {
    self.tract = tract
    self.patch = patch
    self.open = open
  }

  var name: String { "the coadd of tract \(patch.tract), patch \(patch.index)" }
}
