// SPDX-License-Identifier: GPL-3.0-or-later
// What a file says of an exposure, without its pixels.

internal import HDF5
package import Imaging
package import SkyGeometry
package import TaskFramework

/// An exposure without its pixels, for those who read them in parts.
package struct ExposureHeader: Sendable {
  package let box: Box2I
  package let planes: MaskPlanes
  package let psf: (any PSF)?
  package let wcs: SkyWCS?
  package let photoCalib: PhotoCalib?
  package let visitInfo: VisitInfo?
  package let filter: FilterLabel?
  /// What the task that made it found out.
  package let metadata: TaskMetadata

  /// Reads a file on disk, of which nothing but this is loaded.
  ///
  /// - Parameter path: of a file whose digest was checked, or that this run made.
  /// - Throws: ``HDF5/HDF5Error``, ``FormatError``, ``Imaging/ImagingError``.
  package init(ofExposure path: String) throws {
    self = try HDF5File.open(path) { root in
      let known = try Exposure.readCalibrations(root)
      return ExposureHeader(
        box: try Exposure.readBox(root), planes: try Exposure.readPlanes(try root.dataset("mask")), known,
        metadata: try TaskMetadata(reading: try root.group("metadata")))
    }
  }

  private init(box: Box2I, planes: MaskPlanes, _ known: Exposure, metadata: TaskMetadata) {
    self.box = box
    self.planes = planes
    psf = known.psf
    wcs = known.wcs
    photoCalib = known.photoCalib
    visitInfo = known.visitInfo
    filter = known.filter
    self.metadata = metadata
  }
}
