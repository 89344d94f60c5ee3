// SPDX-License-Identifier: GPL-3.0-or-later
// The visit that the others are matched to.

internal import Imaging
internal import SkyGeometry

/// How good a visit is as the reference of its tract.
package struct ReferenceVisitCost: Hashable, Sendable {
  package let visit: Int64
  /// Reduced χ² of a plane through the visit's background, divided by the largest of all visits.
  package let chi2: Double
  /// Mean variance of a pixel, divided by the largest.
  package let variance: Double
  /// Smallest number of good pixels of all visits, divided by this visit's.
  package let coverage: Double
  package let total: Double
}

extension TractBins {
  /// The cost of each visit as the reference; the smallest is the best.
  ///
  /// **Model.** framework A.13.3, corrected: only cells with enough pixels count, degrees of freedom are those of a plane, and coverage is
  /// the number of good pixels, so that it has a say.
  package func referenceCosts(_ config: TractMatchingConfig) throws -> [ReferenceVisitCost] {
    let measures = try visits.indices.map { try measure($0, config) }
    let largestChi2 = measures.map(\.chi2).filter(\.isFinite).max() ?? 0
    let largestVariance = measures.map(\.variance).filter(\.isFinite).max() ?? 0
    let leastPixels = measures.map(\.pixels).filter { $0 > 0 }.min() ?? 0
    func ratio(_ a: Double, _ b: Double) -> Double { b > 0 && a.isFinite ? a / b : 1 }
    return zip(visits, measures).map { visit, measure in
      let chi2 = ratio(measure.chi2, largestChi2)
      let variance = ratio(measure.variance, largestVariance)
      let coverage = measure.pixels > 0 ? Double(leastPixels) / Double(measure.pixels) : 1
      return ReferenceVisitCost(
        visit: visit, chi2: chi2, variance: variance, coverage: coverage,
        total: measure.pixels > 0
          ? config.bestRefWeightChi2 * chi2 + config.bestRefWeightVariance * variance
            + config.bestRefWeightGlobalCoverage * coverage
          : .infinity)
    }
  }

  /// The background of one visit, against a plane.
  private func measure(
    _ visit: Int, _ config: TractMatchingConfig
  ) throws -> (chi2: Double, variance: Double, pixels: Int) {
    var sums = [(value: Double, variance: Double, count: Double)](repeating: (0, 0, 0), count: grid.cellCount)
    var pixels = 0
    for piece in pieces {
      for entry in piece.entries where entry.visit == visit && entry.mean.isFinite && entry.variance.isFinite {
        let n = Double(entry.count)
        sums[piece.cell].value += n * entry.mean
        sums[piece.cell].variance += n * entry.variance
        sums[piece.cell].count += n
        pixels += entry.count
      }
    }
    let cells = sums.indices.filter { sums[$0].count > 0 && sums[$0].count >= config.minFrac * Double(area($0)) }
    guard !cells.isEmpty else { return (.nan, .nan, pixels) }
    var values = [Float](repeating: .nan, count: grid.cellCount)
    var weights = [Double](repeating: .nan, count: grid.cellCount)
    var variance = 0.0
    for cell in cells {
      let (value, spread, n) = sums[cell]
      values[cell] = Float(value / n)
      // The variance of a cell's mean.
      weights[cell] = spread > 0 ? n * n / spread : .nan
      variance += spread / n / Double(cells.count)
    }
    guard cells.count > 3 else { return (.nan, variance, pixels) }
    let box = Box2I(width: grid.columns.count, height: grid.rows.count)
    let background = try Background(box: grid.box, values: try Image(box: box, pixels: values))
    guard
      let plane = try? ChebyshevApproximation(
        background, order: 1, weights: try Image(box: box, pixels: weights))
    else { return (.nan, variance, pixels) }
    var chi2 = 0.0
    for (j, y) in grid.rows.centers.enumerated() {
      for (i, x) in grid.columns.centers.enumerated() {
        let cell = j * grid.columns.count + i
        guard weights[cell].isFinite else { continue }
        let residual = Double(values[cell]) - plane.function(Point2D(x: x, y: y))
        chi2 += weights[cell] * residual * residual
      }
    }
    return (chi2 / Double(cells.count - 3), variance, pixels)
  }
}
