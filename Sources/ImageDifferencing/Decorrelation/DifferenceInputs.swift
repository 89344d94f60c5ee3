// SPDX-License-Identifier: GPL-3.0-or-later
// The noise that a difference is made of.

internal import Imaging
internal import SkyGeometry

/// The noise that a difference is made of: the variance planes of both images as they were before one of them was convolved, over the difference's box, and their means.
struct DifferenceInputs {
  /// Mean variances of the image that was not convolved and of the other.
  struct Means: Hashable {
    let unconvolved: Double
    let convolved: Double

    /// Whether there is noise that can be made white.
    var areUsable: Bool {
      unconvolved.isFinite && convolved.isFinite && unconvolved >= 0 && convolved >= 0 && unconvolved + convolved > 0
    }
  }

  let box: Box2I
  /// Of the whole image.
  let means: Means
  let cells: [Box2I]
  /// Of each cell; those of the whole image where a cell has too few pixels.
  let cellMeans: [Means]
  let unconvolved: Image<Float>
  let convolved: Image<Float>
  /// Pixels of the image that was not convolved in which something bright and sharp is, row by row: a filter would ring about them.
  let defects: [Point2I]

  /// Cells all over the image, and which of their pixels are sky in both images: what the noise can be measured on.
  let samples: [Sample]

  struct Sample {
    let box: Box2I
    let means: Means
    let blank: Image<Bool>
  }

  private static let enoughPixels = 1_500_000
  /// Side of the middle of a cell that is looked at.
  private static let largestSample = 400

  /// Fewer pixels say nothing about a cell.
  private static let minPixels = 1000

  /// - Parameters:
  ///   - templateMatched: whether the template was the one that was convolved.
  ///   - cellSize: largest side of a cell, pixels.
  ///   - defectPlanes: of the mask of the image that was not convolved; planes of a template may be renamed (``MaskPreparation``).
  /// - Throws: ``Imaging/ImagingError``; ``SubtractionError`` where the template does not cover the box.
  init(
    science: MaskedImage, template: MaskedImage, box: Box2I, templateMatched: Bool, cellSize: Int,
    ignoring planes: [String], defectPlanes: [String], sampled: Bool = false
  ) throws {
    guard template.box.contains(box), science.box.contains(box) else {
      throw SubtractionError.templateTooSmall(template: template.box, science: box)
    }
    let (own, other) = templateMatched ? (science, template) : (template, science)
    func mean(_ image: MaskedImage, _ part: Box2I) throws(ImagingError) -> Double {
      try image.varianceMean(ignoring: planes, in: part)
    }
    self.box = box
    let overall = Means(unconvolved: try mean(own, box), convolved: try mean(other, box))
    means = overall
    cells = ConvolutionCell.boxes(dividing: box, side: cellSize)
    if cells.count == 1 {
      cellMeans = [overall]
    } else {
      let ignored = (
        own.mask.planes.bitMask(ofExisting: planes), other.mask.planes.bitMask(ofExisting: planes)
      )
      cellMeans = try cells.map { cell in
        guard own.mask.countClear(of: ignored.0, in: cell) >= Self.minPixels,
          other.mask.countClear(of: ignored.1, in: cell) >= Self.minPixels
        else { return overall }
        let means = Means(unconvolved: try mean(own, cell), convolved: try mean(other, cell))
        return means.areUsable ? means : overall
      }
    }
    samples = try sampled ? Self.samples(own, other, cells, cellMeans, ignoring: planes) : []
    // No copy where nothing has to be cut off.
    unconvolved = own.box == box ? own.variance : own.variance.cropped(to: box)
    convolved = other.box == box ? other.variance : other.variance.cropped(to: box)
    let sharp = own.mask.planes.bitMask(ofExisting: defectPlanes.inBoth)
    defects = own.mask.positions(of: sharp, in: box)
  }

  private static func samples(
    _ own: MaskedImage, _ other: MaskedImage, _ cells: [Box2I], _ means: [Means], ignoring planes: [String]
  ) throws(ImagingError) -> [Sample] {
    let usable = zip(cells, means).filter { $1.areUsable }
    let area = usable.reduce(0) { $0 + $1.0.area }
    let count = area > enoughPixels ? max(1, usable.count * enoughPixels / area) : usable.count
    let bits = (
      own.mask.planes.bitMask(ofExisting: planes.inBoth), other.mask.planes.bitMask(ofExisting: planes.inBoth)
    )
    var result: [Sample] = []
    for i in 0..<count {
      let (cell, means) = usable[(2 * i + 1) * usable.count / (2 * count)]
      let box = cell.intersection(
        Box2I(
          minX: cell.minX + max(0, cell.width - largestSample) / 2,
          minY: cell.minY + max(0, cell.height - largestSample) / 2, width: largestSample, height: largestSample))
      let (a, b) = (
        try BlankPixels(of: own, in: box, ignoring: bits.0).image,
        try BlankPixels(of: other, in: box, ignoring: bits.1).image
      )
      result.append(Sample(box: box, means: means, blank: Image(box: box) { x, y in a[x, y] && b[x, y] }))
    }
    return result
  }

  /// The means of the cell that a position is in.
  func means(at position: Point2D) -> Means {
    guard let pixel = position.pixel, let i = cells.firstIndex(where: { $0.contains(pixel) }) else { return means }
    return cellMeans[i]
  }
}

extension [String] {
  /// Names of planes and those that they have where they are a template's (``MaskPreparation``).
  var inBoth: [String] { self + map { $0 + "_TEMPLATE" } }
}

extension Mask {
  fileprivate func countClear(of pattern: UInt32, in part: Box2I) -> Int {
    let columns = part.minX - box.minX..<part.endX - box.minX
    var count = 0
    for y in part.minY..<part.endY {
      let row = bits.row(y)
      for i in columns where row[i] & pattern == 0 { count += 1 }
    }
    return count
  }

  fileprivate func positions(of pattern: UInt32, in part: Box2I) -> [Point2I] {
    guard pattern & presentBits != 0 else { return [] }
    var result: [Point2I] = []
    for y in part.minY..<part.endY {
      let row = bits.row(y)
      for x in part.minX..<part.endX where row[x - box.minX] & pattern != 0 { result.append(Point2I(x: x, y: y)) }
    }
    return result
  }
}
