// SPDX-License-Identifier: GPL-3.0-or-later
// The detectors of a visit on one patch.

internal import Imaging
internal import SkyGeometry
internal import TaskFramework

/// The detectors of a visit, put together on the pixels of a patch.
struct WarpAccumulator {
  private let box: Box2I
  private let wcs: SkyWCS
  private let control: WarpControl
  private let psfOrder: Int
  private(set) var image: MaskedImage
  private(set) var components: [CoaddPSF.Component] = []
  private(set) var largestOverlap: (area: Double, position: Point2D)?
  private(set) var lacksPSF = false

  init(box: Box2I, wcs: SkyWCS, _ config: MakeWarpConfig) throws {
    self.box = box
    self.wcs = wcs
    control = try config.control
    psfOrder = config.psfOrder
    image = try MaskedImage(withoutDataOver: box)
  }

  /// Adds a detector's exposure, calibrated to nJy; where two have data the first one stays.
  ///
  /// - Throws: ``TaskFramework/TaskError`` for an exposure without WCS or photometric calibration, ``Imaging/ImagingError``.
  mutating func add(_ exposure: Exposure, name: String) throws {
    guard let source = exposure.wcs else { throw TaskError("\(name) has no WCS, so nobody knows where it is") }
    guard let photoCalib = exposure.photoCalib else {
      throw TaskError("\(name) has no photometric calibration; ingest it with --zeropoint")
    }
    let map = WCSPixelMap(destination: wcs, source: source)
    let warped = try Imaging.warp(
      try exposure.maskedImage.calibrated(by: photoCalib), to: box, along: map, control: control)
    try image.fillGaps(with: warped)
    guard let psf = exposure.psf else {
      lacksPSF = true
      return
    }
    let component = try CoaddPSF.Component(
      warping: psf, of: exposure.box, to: box, along: map, control: control, order: psfOrder)
    guard let component, let overlap = component.overlap(with: box) else { return }
    components.append(component)
    if overlap.area > largestOverlap?.area ?? 0 { largestOverlap = overlap }
  }
}
