// SPDX-License-Identifier: GPL-3.0-or-later
// What the matching of backgrounds depends on.

package import Imaging
package import TaskFramework

/// What the matching of backgrounds depends on; names and defaults are those of the LSST task (framework A.2).
package struct MatchBackgroundsConfig: Config {
  /// The value of a cell.
  package enum GridStatistic: String, ConfigChoice {
    case mean = "MEAN"
    case median = "MEDIAN"
    case meanclip = "MEANCLIP"

    var statistic: Statistic {
      switch self {
      case .mean: .mean
      case .median: .median
      case .meanclip: .meanclip
      }
    }
  }

  /// How the surface is drawn through the cells.
  package enum InterpStyle: String, ConfigChoice {
    case constant = "CONSTANT"
    case linear = "LINEAR"
    case naturalSpline = "NATURAL_SPLINE"
    case akimaSpline = "AKIMA_SPLINE"
    /// The model is zero: the diagnostics alone are wanted.
    case none = "NONE"
  }

  /// What levels are divided by in the choice of the reference.
  package enum LevelNormalization: String, ConfigChoice {
    /// The largest absolute level.
    case maximum
    /// The range of the levels, counted from the lowest.
    case range
  }

  package var usePolynomial = false
  package var order = 8
  package var badMaskPlanes = ["NO_DATA", "DETECTED", "DETECTED_NEGATIVE", "SAT", "BAD", "INTRP", "CR"]
  package var gridStatistic = GridStatistic.mean
  package var undersampleStyle = UndersampleStyle.reduceInterpOrder
  package var binSize = 256
  package var interpStyle = InterpStyle.akimaSpline
  package var numSigmaClip = 3
  package var numIter = 2
  package var bestRefWeightCoverage = 0.4
  package var bestRefWeightVariance = 0.4
  package var bestRefWeightLevel = 0.2
  package var levelNormalization = LevelNormalization.maximum
  package var approxWeighting = true
  package var gridStdevEpsilon = 1e-8
  package var doCropToOverlap = false
  package var tract = TractMatchingConfig()
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "usePolynomial", \.usePolynomial, doc: "fit a Chebyshev polynomial to the cells, else draw a spline through them"),
    .field("order", \.order, in: 0...30, doc: "total order of the polynomial"),
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32, doc: "pixels with any of these planes are left out",
      requirement: "one of \(MaskPlanes.standard.planeNames.joined(separator: ", "))",
      eachItem: { MaskPlanes.standard.contains($0) }),
    .field("gridStatistic", \.gridStatistic, doc: "the value of a cell"),
    .field(
      "undersampleStyle", \.undersampleStyle,
      doc: "what to do when there are fewer cells than the model needs; INCREASE_NXNYSAMPLE is for polynomials alone"),
    .field("binSize", \.binSize, in: 2...1_000_000, doc: "size of a cell along both axes, pixels"),
    .field("interpStyle", \.interpStyle, doc: "how the surface is drawn through the cells; NONE: the model is zero"),
    .field(
      "numSigmaClip", \.numSigmaClip, in: 1...100, doc: "standard deviations beyond which MEANCLIP leaves pixels out"),
    .field("numIter", \.numIter, in: 1...100, doc: "rounds of clipping of MEANCLIP"),
    .field(
      "bestRefWeightCoverage", \.bestRefWeightCoverage, in: 0...1,
      doc: "weight of the number of usable pixels in the choice of the reference"),
    .field(
      "bestRefWeightVariance", \.bestRefWeightVariance, in: 0...1,
      doc: "weight of the pixels' variance in the choice of the reference"),
    .field(
      "bestRefWeightLevel", \.bestRefWeightLevel, in: 0...1,
      doc: "weight of the background's level in the choice of the reference"),
    .field(
      "levelNormalization", \.levelNormalization,
      doc: "levels count as parts of the largest absolute one (maximum), or of their range from the lowest on (range)"),
    .field("approxWeighting", \.approxWeighting, doc: "weight cells by 1/error² in the fit of the polynomial"),
    .field(
      "gridStdevEpsilon", \.gridStdevEpsilon, in: 0...,
      doc: "cells that scatter less are taken to have no noise, counts"),
    .field(
      "doCropToOverlap", \.doCropToOverlap,
      doc: "match on the pixels that exposure and reference share, and crop to them, else other pixels are an error"),
    .config(
      "tract", \.tract,
      doc: "how pipelines match the backgrounds of a whole tract; the fields above are for lists of exposures"),
    .connections("connections", \.connections),
  ]
}

extension MatchBackgroundsConfig {
  var statistic: Statistic { gridStatistic.statistic }

  /// `nil` for a model of zero.
  var interpolation: InterpolationStyle? {
    switch interpStyle {
    case .constant: .constant
    case .linear: .linear
    case .naturalSpline: .naturalSpline
    case .akimaSpline: .akimaSpline
    case .none: nil
    }
  }

  /// Which pixels of an image count, and how they are clipped.
  func statistics(for planes: MaskPlanes) -> StatisticsControl {
    StatisticsControl(
      numSigmaClip: Double(numSigmaClip), numIter: numIter, andMask: planes.bitMask(ofExisting: badMaskPlanes))
  }
}

/// The names of the field are those of the library; ``Imaging/UndersampleStyle/increaseSampling`` makes cells smaller, for polynomials alone.
extension UndersampleStyle: ConfigChoice {}
