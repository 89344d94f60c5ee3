// SPDX-License-Identifier: GPL-3.0-or-later
// The patches of a tract as one image.

internal import Imaging
internal import SkyGeometry
internal import TaskFramework

/// As much of a tract's coadds as a template needs, joined on the tract's own pixels.
///
/// Every pixel is taken from the patch whose inner box has it, so that none counts twice and pixels at the border between two patches are
/// interpolated as those in the middle of one.
struct TractMosaic {
  /// A patch's part of the mosaic.
  struct Piece {
    let box: Box2I
    let psf: (any PSF)?
  }

  /// nJy; its box may be smaller than what is needed.
  private(set) var image: MaskedImage
  private(set) var pieces: [Piece] = []
  private(set) var filter: FilterLabel?

  /// Reads the patches of one tract, one after the other.
  ///
  /// - Parameter needed: pixels of the tract that the template is made of.
  /// - Returns: `nil` when no patch that is there has any of them.
  /// - Throws: ``TaskFramework/TaskError`` for a coadd that does not fit, ``Imaging/ImagingError``, and what reading throws.
  init?(_ patches: [TemplatePatch], needed: Box2I, checkCancellation: () throws -> Void) throws {
    let parts = patches.map { $0.patch.innerBox.intersection(needed) }
    let box = parts.reduce(Box2I(width: 0, height: 0)) { $0.union($1) }
    guard !box.isEmpty else { return nil }
    image = try MaskedImage(withoutDataOver: box)
    for (patch, part) in zip(patches, parts) where !part.isEmpty {
      try checkCancellation()
      guard let coadd = try patch.open() else { continue }
      guard let photoCalib = coadd.photoCalib else {
        throw TaskError("\(patch.name) has no photometric calibration")
      }
      guard coadd.wcs == patch.tract.wcs else {
        throw TaskError("\(patch.name) does not have the WCS of its tract; it was made with another sky map")
      }
      let rows = try coadd.rows(part.minY..<part.endY).cropped(to: part)
      guard !rows.box.isEmpty else { continue }
      let isCalibrated = photoCalib.mean == 1 && photoCalib.field == nil
      try image.replace(part, with: isCalibrated ? rows : try rows.calibrated(by: photoCalib))
      pieces.append(Piece(box: part, psf: coadd.psf))
      filter = filter ?? coadd.filter
    }
    guard !pieces.isEmpty else { return nil }
  }
}

extension TractMosaic {
  /// The pixels of a tract that are needed for those of a box.
  ///
  /// - Parameter margin: pixels that an interpolation takes on each side.
  /// - Returns: `nil` when a part of the box has no place on the tract's plane, as on the far side of the sky.
  static func needed(for box: Box2I, along map: some PixelMap, margin: Int) -> Box2I? {
    let corners = Box2D(box).corners
    let outline = corners.indices.flatMap { i in
      (0..<16).map { step in corners[i] + (corners[(i + 1) % 4] - corners[i]) * (Double(step) / 16) }
    }
    let mapped = map.toSource(outline)
    guard mapped.allSatisfy(\.isFinite), let hull = Box2D(around: mapped) else { return nil }
    // Between the outline's positions the edges of a detector may bulge by a pixel or two.
    return try? Box2I(covering: hull.grown(by: Double(margin) + 2))
  }
}
