// SPDX-License-Identifier: GPL-3.0-or-later
// Which exposure makes the best reference.

internal import Imaging

/// What the choice of the reference needs to know of an exposure.
struct ReferenceCandidate: Hashable, Sendable {
  /// Unbiased variance of the usable pixels, counts².
  var variance: Double
  /// Their mean, counts.
  var level: Double
  /// Their number.
  var count: Int

  init(variance: Double, level: Double, count: Int) {
    self.variance = variance
    self.level = level
    self.count = count
  }

  /// - Returns: `nil` for an exposure with fewer than two usable pixels, of which nothing is known.
  /// - Throws: ``Imaging/ImagingError`` for an image without pixels.
  init?(_ image: MaskedImage, _ config: MatchBackgroundsConfig) throws(ImagingError) {
    let statistics = try PixelStatistics(
      of: image.image, mask: image.mask, control: config.statistics(for: image.mask.planes), .moments)
    guard statistics.count > 1, statistics.variance.isFinite, statistics.mean.isFinite else { return nil }
    self.init(variance: statistics.variance, level: statistics.mean, count: statistics.count)
  }
}

/// Why an exposure cannot be the reference.
struct UnusableReference: Error {
  let reason: String
}

/// What it costs to take each exposure as the reference: low variance, low level and many pixels are wanted (framework A.5).
///
/// `cost = w_variance V / max V + w_level l + w_coverage min N / N`, with the extremes over the exposures that can be used. The
/// level's part l is `L / max |L|`, which orders levels also when the sky was subtracted and they are zero or negative; or, with
/// `levelNormalization: range`, `(L - min L) / (max L - min L)`, so that a bright sky that all exposures share does not hide its
/// differences. What would be divided by zero is zero: it tells no exposure from another.
///
/// - Parameter candidates: `nil` for those that cannot be used.
/// - Returns: a cost each, `nil` where there was none.
func referenceCosts(_ candidates: [ReferenceCandidate?], _ config: MatchBackgroundsConfig) -> [Double?] {
  let usable = candidates.compactMap { $0 }
  let largestVariance = usable.map(\.variance).max() ?? 0
  let fewest = usable.map(\.count).min() ?? 0
  let levels = usable.map(\.level)
  let (zero, unit) =
    switch config.levelNormalization {
    case .maximum: (0.0, levels.map(abs).max() ?? 0)
    case .range: (levels.min() ?? 0, (levels.max() ?? 0) - (levels.min() ?? 0))
    }
  func part(_ value: Double, of whole: Double) -> Double { whole > 0 ? value / whole : 0 }

  return candidates.map { candidate in
    candidate.map {
      config.bestRefWeightVariance * part($0.variance, of: largestVariance)
        + config.bestRefWeightLevel * part($0.level - zero, of: unit)
        + config.bestRefWeightCoverage * part(Double(fewest), of: Double($0.count))
    }
  }
}

/// The place of the smallest cost, the first of equal ones; `nil` when there is no cost.
func cheapest(_ costs: [Double?]) -> Int? {
  var best: (index: Int, cost: Double)?
  for (index, cost) in costs.enumerated() {
    if let cost, cost < best?.cost ?? .infinity { best = (index, cost) }
  }
  return best?.index
}
