// SPDX-License-Identifier: GPL-3.0-or-later
// How the backgrounds of a whole tract are matched.

package import TaskFramework

/// How the backgrounds of a tract's visits are matched, all patches at once.
package struct TractMatchingConfig: Config {
  package var strategy = Strategy.reference
  package var refVisit: Int? = nil
  package var minFrac = 0.1
  package var bestRefWeightChi2 = 0.3
  package var bestRefWeightVariance = 0.3
  package var bestRefWeightGlobalCoverage = 0.4
  package var smoothness = 0.01
  package var gauge = Gauge.mean

  package init() {}

  /// Where the background that all visits get comes from.
  package enum Strategy: String, ConfigChoice {
    /// One visit's.
    case reference
    /// All visits at once, by least squares; no visit has to cover the whole tract.
    case global
  }

  /// What is left open by differences.
  package enum Gauge: String, ConfigChoice {
    /// The mean of all models is zero.
    case mean
    /// The reference's model is zero.
    case reference
  }

  package static let fields: [ConfigField<Self>] = [
    .field("strategy", \.strategy, doc: "match to one visit, or all to one another by least squares"),
    .field(
      "refVisit", \.refVisit, doc: "the reference visit; null chooses the best", requirement: "at least 0",
      where: { $0.map { $0 >= 0 } ?? true }),
    .field("minFrac", \.minFrac, in: 0...1, doc: "the share of a cell's pixels below which it counts as empty"),
    .field(
      "bestRefWeightChi2", \.bestRefWeightChi2, in: 0...1,
      doc: "weight of how far a visit's background is from a plane, when the reference is chosen"),
    .field("bestRefWeightVariance", \.bestRefWeightVariance, in: 0...1, doc: "weight of a visit's variance"),
    .field(
      "bestRefWeightGlobalCoverage", \.bestRefWeightGlobalCoverage, in: 0...1,
      doc: "weight of how little of the tract a visit covers"),
    .field(
      "smoothness", \.smoothness, in: 1e-9...1e3,
      doc: "weight of the curvature of models, in units of the weight of a cell that was measured well"),
    .field("gauge", \.gauge, doc: "what differences leave open, for the global strategy"),
  ]
}
