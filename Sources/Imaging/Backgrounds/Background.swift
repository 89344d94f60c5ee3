// SPDX-License-Identifier: GPL-3.0-or-later
// A smooth background, from statistics of cells.

package import SkyGeometry

/// A smooth background: one statistic in each cell of a grid, and the surface through them.
///
/// **Source.** framework A.8. The surface is interpolated along y first, then along x; the orders differ for Akima. Cells
/// without a usable pixel are NaN and are left out.
package struct Background: Hashable, Sendable {
  /// What to measure, and where.
  package struct Control: Hashable, Sendable {
    package var columns: Int
    package var rows: Int
    package var statistic: Statistic
    package var statistics: StatisticsControl

    package init(
      columns: Int, rows: Int, statistic: Statistic = .meanclip, statistics: StatisticsControl = .init()
    ) {
      self.columns = columns
      self.rows = rows
      self.statistic = statistic
      self.statistics = statistics
    }

    /// Cells of about `binSize` pixels a side: as many as it takes to cover the box.
    ///
    /// - Throws: ``ImagingError/invalidParameter(_:)`` unless `binSize` is positive.
    package init(
      covering box: Box2I, binSize: Int, statistic: Statistic = .meanclip, statistics: StatisticsControl = .init()
    ) throws(ImagingError) {
      guard binSize > 0 else { throw .invalidParameter("background: binSize is \(binSize); it must be positive") }
      func count(_ length: Int) -> Int { max(1, length / binSize + (length % binSize > 0 ? 1 : 0)) }
      self.init(
        columns: count(box.width), rows: count(box.height), statistic: statistic, statistics: statistics)
    }
  }

  /// The pixels that the background is of.
  package let box: Box2I
  /// The statistic of each cell; NaN where there is none.
  package private(set) var values: Image<Float>
  /// Its standard error (not a variance, whatever the reference system calls it).
  package let errors: Image<Float>
  package let columnCells: BackgroundCells
  package let rowCells: BackgroundCells

  /// Measures a background.
  ///
  /// - Throws: ``ImagingError``.
  package init(of image: Image<Float>, mask: Mask? = nil, _ control: Control) throws(ImagingError) {
    let columns = try BackgroundCells(length: image.width, count: control.columns)
    let rows = try BackgroundCells(length: image.height, count: control.rows)
    let grid = Box2I(width: columns.count, height: rows.count)
    var values = Image<Float>(box: grid, fill: .nan)
    var errors = values
    var scratch = PixelSample()
    let selection = PixelStatistics.Selection.needed(for: control.statistic)
    for j in 0..<rows.count {
      for i in 0..<columns.count {
        let cell = Box2I(
          minX: image.box.minX + columns.edges[i], minY: image.box.minY + rows.edges[j],
          width: columns.edges[i + 1] - columns.edges[i], height: rows.edges[j + 1] - rows.edges[j])
        let statistics = try PixelStatistics(
          of: image, mask: mask, in: cell, control: control.statistics, selection, scratch: &scratch)
        values[i, j] = Float(statistics[control.statistic])
        errors[i, j] = Float(statistics.error(of: control.statistic))
      }
    }
    box = image.box
    self.values = values
    self.errors = errors
    columnCells = columns
    rowCells = rows
  }

  /// A background from its grid alone, as a file holds it.
  ///
  /// - Parameter errors: standard errors; unknown, so NaN, when left out.
  /// - Throws: ``ImagingError``.
  package init(box: Box2I, values: Image<Float>, errors: Image<Float>? = nil) throws(ImagingError) {
    columnCells = try BackgroundCells(length: box.width, count: values.width)
    rowCells = try BackgroundCells(length: box.height, count: values.height)
    if let errors, errors.width != values.width || errors.height != values.height {
      throw .sizeMismatch(
        what: "the grid of errors", found: "\(errors.width)×\(errors.height)",
        expected: "\(values.width)×\(values.height)")
    }
    self.box = box
    self.values = values.moved(toX: 0, y: 0)
    self.errors = (errors ?? values.map { _ in .nan }).moved(toX: 0, y: 0)
  }

  /// Adds a number to every cell.
  package static func += (background: inout Background, offset: Double) {
    background.values = background.values.map { Float(Double($0) + offset) }
  }

  /// Subtracts a number from every cell.
  package static func -= (background: inout Background, offset: Double) { background += -offset }

  /// The style that a request leads to, and whether the grid is too small for what was asked.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` when it is too small and may not be reduced.
  package func usedStyle(
    _ style: InterpolationStyle, undersample: UndersampleStyle = .throwException
  ) throws(ImagingError) -> InterpolationStyle {
    let shorter = min(values.width, values.height)
    guard shorter < style.minimumNodeCount else { return style }
    switch undersample {
    case .reduceInterpOrder: return try .best(forNodeCount: shorter)
    case .throwException, .increaseSampling:
      throw .invalidParameter(
        "background: \(style.rawValue) needs \(style.minimumNodeCount) cells along each axis, there are "
          + "\(values.width)×\(values.height)")
    }
  }

  /// The surface at every pixel of a part of the image.
  ///
  /// **Invalid cells.** They are left out of the curves. With too few left in a column or row,
  /// ``UndersampleStyle/reduceInterpOrder`` takes the smoothest style that is possible there and the others throw; where
  /// nothing is left the surface is NaN.
  ///
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)`` for a box beyond the image, otherwise as
  ///   ``usedStyle(_:undersample:)``, or ``ImagingError/outOfRange(_:)`` for a column or row with too few cells.
  package func image(
    in part: Box2I? = nil, _ style: InterpolationStyle = .akimaSpline,
    undersample: UndersampleStyle = .throwException
  ) throws(ImagingError) -> Image<Float> {
    let part = part ?? box
    guard box.contains(part) else {
      throw .sizeMismatch(what: "the background's box", found: "\(part)", expected: "within \(box)")
    }
    let style = try usedStyle(style, undersample: undersample)
    let rowCenters = rowCells.centers
    let columnCenters = columnCells.centers

    // Along y: the curve of each column of cells at the rows that are asked for.
    let columnCount = values.width
    var alongY = [Double](repeating: .nan, count: columnCount * part.height)
    for i in 0..<columnCount {
      let nodes = (0..<values.height).map { Double(values[i, $0]) }
      guard let curve = try Self.curve(style, undersample, x: rowCenters, y: nodes) else { continue }
      alongY.withUnsafeMutableBufferPointer { out in
        guard let base = out.baseAddress else { return }
        curve.evaluate(from: part.minY - box.minY, count: part.height, into: base + i * part.height)
      }
    }

    var pixels = [Float](repeating: .nan, count: part.area)
    var nodes = [Double](repeating: 0, count: columnCount)
    for y in 0..<part.height {
      for i in 0..<columnCount { nodes[i] = alongY[i * part.height + y] }
      guard let curve = try Self.curve(style, undersample, x: columnCenters, y: nodes) else { continue }
      pixels.withUnsafeMutableBufferPointer { out in
        guard let base = out.baseAddress else { return }
        curve.evaluate(from: part.minX - box.minX, count: part.width, into: base + y * part.width)
      }
    }
    return try Image(box: part, pixels: pixels)
  }

  /// The curve through the nodes that are not NaN; `nil` when there is none to draw.
  private static func curve(
    _ style: InterpolationStyle, _ undersample: UndersampleStyle, x: [Double], y: [Double]
  ) throws(ImagingError) -> Interpolator? {
    var (x, y) = (x, y)
    if y.contains(where: \.isNaN) {
      let good = y.indices.filter { !y[$0].isNaN }
      (x, y) = (good.map { x[$0] }, good.map { y[$0] })
    }
    guard undersample == .reduceInterpOrder, x.count < style.minimumNodeCount else {
      return try Interpolator(style, x: x, y: y)
    }
    guard !x.isEmpty else { return nil }
    return try Interpolator(.best(forNodeCount: x.count), x: x, y: y)
  }
}

extension PixelStatistics.Selection {
  /// What has to be computed for a statistic and its standard error.
  static func needed(for statistic: Statistic) -> Self {
    switch statistic {
    case .median: [.moments, .quartiles]
    case .iqrange: .quartiles
    case .meanclip, .stdevclip, .varianceclip: .clipped
    default: .moments
    }
  }
}
