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
    var mask = Mask(box: box)
    let noData = try mask.planes.bitMask("NO_DATA")
    mask.bits = Image(box: box, fill: noData)
    image = try MaskedImage(
      image: Image(box: box, fill: .nan), mask: mask, variance: Image(box: box, fill: .infinity))
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
    guard let component, let hull = Box2D(around: component.outline) else { return }
    let frame = Box2D(box)
    let overlap = Box2D(
      minX: max(hull.minX, frame.minX), minY: max(hull.minY, frame.minY), maxX: min(hull.maxX, frame.maxX),
      maxY: min(hull.maxY, frame.maxY))
    guard !overlap.isEmpty else { return }
    components.append(component)
    let area = overlap.width * overlap.height
    if area > largestOverlap?.area ?? 0 { largestOverlap = (area, overlap.center) }
  }
}

extension MaskedImage {
  /// The image in nJy.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  func calibrated(by photoCalib: PhotoCalib) throws -> MaskedImage {
    var result = self
    guard let field = photoCalib.field else {
      result.scale(by: photoCalib.mean)
      return result
    }
    let factors = field.image(over: box)
    try result.update { image, _, variance in
      for y in factors.box.minY..<factors.box.endY {
        let factor = factors.row(y)
        image.withMutableRow(y) { row in for i in row.indices { row[i] *= Float(factor[i]) } }
        variance.withMutableRow(y) { row in for i in row.indices { row[i] *= Float(factor[i] * factor[i]) } }
      }
    }
    return result
  }

  /// Takes the pixels of another image of the same box where this one has none.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  mutating func fillGaps(with other: MaskedImage) throws {
    let otherMask = try other.mask.conformed(to: mask.planes)
    let noData = try otherMask.planes.bitMask("NO_DATA")
    try update { image, mask, variance throws(ImagingError) in
      // Planes that only the other one has.
      mask = try mask.conformed(to: otherMask.planes)
      for y in image.box.minY..<image.box.endY {
        let (pixels, variances, bits) = (other.image.row(y), other.variance.row(y), otherMask.bits.row(y))
        image.withMutableRow(y) { image in
          variance.withMutableRow(y) { variance in
            mask.bits.withMutableRow(y) { mask in
              for i in image.indices where mask[i] & noData != 0 && bits[i] & noData == 0 {
                image[i] = pixels[i]
                variance[i] = variances[i]
                mask[i] = bits[i]
              }
            }
          }
        }
      }
    }
  }
}
