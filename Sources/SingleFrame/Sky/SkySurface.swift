// SPDX-License-Identifier: GPL-3.0-or-later
// The surface through blocks of sky.

internal import Imaging
internal import SkyGeometry

/// The surface through the blocks of an image that are sky (see ``SkyModel``).
struct SkySurface {
  private(set) var mesh: SkyModel.Mesh
  /// At the blocks.
  private(set) var image: Image<Float>
  private var background: Background?
  private var polynomial: ChebyshevApproximation?
  /// Where there is no polynomial.
  private let constant: Double

  /// - Parameters:
  ///   - sky: NaN where there is none.
  ///   - fraction: of sky.
  /// - Throws: ``Imaging/ImagingError``.
  init(_ sky: Image<Float>, fraction: Double, _ config: SkyModelConfig) throws(ImagingError) {
    guard fraction >= config.minPolynomialFraction, let (fit, trend) = try Self.trend(sky, config) else {
      let middle = try PixelStatistics(of: sky, control: StatisticsControl(numSigmaClip: 3, numIter: 5), [.clipped])
      constant = middle.clippedMean.isFinite ? middle.clippedMean : middle.median.isFinite ? middle.median : 0
      image = Image(box: sky.box, fill: Float(constant))
      mesh = .constant
      return
    }
    constant = 0
    (polynomial, image, mesh) = (fit, trend, .polynomial(order: fit.order))
    guard fraction >= config.minMeshFraction else { return }
    let binSize = fraction >= 2 * config.minMeshFraction ? config.binSize : 2 * config.binSize
    // What the polynomial leaves: beyond the outermost cells' centres a spline knows no slope.
    var residual = sky
    residual.subtract(trend)
    let background = try Self.cells(residual, side: max(4, binSize / SkyBlocks.side))
    var surface = try background.image(.akimaSpline, undersample: .reduceInterpOrder)
    guard surface.pixels.allSatisfy({ $0.isFinite }) else { return }
    surface.add(trend)
    (self.background, image, mesh) = (background, surface, .spline(binSize: binSize))
  }

  /// The polynomial, where cells determine it.
  private static func trend(
    _ sky: Image<Float>, _ config: SkyModelConfig
  ) throws(ImagingError) -> (fit: ChebyshevApproximation, image: Image<Float>)? {
    let coarse = try cells(sky, side: max(8, max(sky.width, sky.height) / 8))
    guard let fit = try? ChebyshevApproximation(coarse, order: config.approxOrder, isWeighted: true) else { return nil }
    let trend = try fit.image()
    return trend.pixels.allSatisfy({ $0.isFinite }) ? (fit, trend) : nil
  }

  /// Cells with so few blocks that chance decides are left out.
  private static func cells(_ sky: Image<Float>, side: Int) throws(ImagingError) -> Background {
    let control = try Background.Control(
      covering: sky.box, binSize: side, statistic: .median, statistics: StatisticsControl())
    return try Background(of: sky, control)
  }

  /// The surface at the pixels that the blocks are of.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  func image(over box: Box2I) throws(ImagingError) -> Image<Float> {
    var result = trend(over: box)
    if let background {
      let surface = try Background(box: box, values: background.values, errors: background.errors)
      result.add(try surface.image(.akimaSpline, undersample: .reduceInterpOrder))
    }
    return result
  }

  private func trend(over box: Box2I) -> Image<Float> {
    guard let polynomial, polynomial.order > 0 else {
      return Image(box: box, fill: polynomial.map { Float($0.function(Point2D(x: 0, y: 0))) } ?? Float(constant))
    }
    let side = Double(SkyBlocks.side)
    let columns = (0..<box.width).map { (Double($0) + 0.5) / side - 0.5 }
    let order = polynomial.order
    var result = Image<Float>(box: box, fill: 0)
    var sums = [Double](repeating: 0, count: box.width)
    for y in box.minY..<box.endY {
      let powers = rowPowers(polynomial, row: (Double(y - box.minY) + 0.5) / side - 0.5, order: order)
      // Horner's rule, a whole row at a time.
      for i in sums.indices { sums[i] = 0 }
      for power in powers.reversed() { for i in sums.indices { sums[i] = sums[i] * columns[i] + power } }
      result.withMutableRow(y) { row in for i in row.indices { row[i] = Float(sums[i]) } }
    }
    return result
  }
}

/// The coefficients of the powers of x along a row, from as many values of the polynomial (Newton's divided differences).
private func rowPowers(_ polynomial: ChebyshevApproximation, row: Double, order: Int) -> [Double] {
  let step = max(1, Double(polynomial.box.width) / Double(order + 1))
  let nodes = (0...order).map { Double($0) * step }
  var differences = nodes.map { polynomial.function(Point2D(x: $0, y: row)) }
  for k in stride(from: 1, through: order, by: 1) {
    for i in stride(from: order, through: k, by: -1) {
      differences[i] = (differences[i] - differences[i - 1]) / (nodes[i] - nodes[i - k])
    }
  }
  var powers = [Double](repeating: 0, count: order + 1)
  for k in stride(from: order, through: 0, by: -1) {
    // powers ← powers·(x − node) + difference
    for i in stride(from: order, through: 1, by: -1) { powers[i] = powers[i - 1] - nodes[k] * powers[i] }
    powers[0] = differences[k] - nodes[k] * powers[0]
  }
  return powers
}

extension Image<Float> {
  /// Adds an image of the same box.
  fileprivate mutating func add(_ other: Image<Float>) { add(other, times: 1) }

  /// Subtracts an image of the same box.
  fileprivate mutating func subtract(_ other: Image<Float>) { add(other, times: -1) }
}
