// SPDX-License-Identifier: GPL-3.0-or-later
// When a source is taken for an object of the solar system.

internal import Catalogs
package import TaskFramework

extension AssociationRule: ConfigChoice {}

/// The columns of the table of associated sources.
package enum AssociationLayout: String, ConfigChoice {
  /// Those of the first version of the reference's task (the seed): IDs, positions, positions of observer and object.
  case v1
  /// All.
  case v3
}

/// When a source is taken for an object of the solar system; names are those of LSST's SolarSystemAssociationConfig where it has them (framework B.1, B.5, B.6).
package struct SolarSystemAssociationConfig: Config {
  package var maxDistArcSeconds = 1.0
  package var maxPixelMargin = 100
  package var maxCandidatePairs = 200_000
  package var assignment = AssociationRule.optimal
  package var doErrorEllipse = false
  package var maxErrorSigma = 4.0
  package var defaultPositionError = 1.0
  package var positionErrorFloor = 0.05
  package var doPadFootprint = true
  package var doExtrapolate = false
  package var excludedFlags = ["sky_source", "isNegative", "is_negative"]
  package var columns = AssociationLayout.v3

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "maxDistArcSeconds", \.maxDistArcSeconds, in: 0.001...3600,
      doc: "a source that is an object is closer to its predicted position, arcseconds"),
    .field(
      "maxPixelMargin", \.maxPixelMargin, in: 0...100_000,
      doc: "how far off the detector's edge a prediction may be at most, pixels; its error sets the margin below that"),
    .field(
      "maxCandidatePairs", \.maxCandidatePairs, in: 1...10_000_000,
      doc: "more pairs that could be one are an error; each takes about 1 KB"),
    .field(
      "assignment", \.assignment,
      doc:
        "optimal: one to one with the smallest sum of costs; greedy: one to one, the closest pair first; nearest: each object has its nearest source, whoever else has it"
    ),
    .field(
      "doErrorEllipse", \.doErrorEllipse,
      doc:
        "a source must also be within maxErrorSigma of the errors of prediction and source, and costs follow from them"),
    .field("maxErrorSigma", \.maxErrorSigma, in: 0.1...1000, doc: "the error ellipse, in standard errors"),
    .field(
      "defaultPositionError", \.defaultPositionError, in: 0...3600,
      doc: "standard error of predictions whose table gives none, arcseconds"),
    .field(
      "positionErrorFloor", \.positionErrorFloor, in: 0.0001...3600,
      doc: "added in quadrature to the errors of both: what neither knows of, such as astrometry, arcseconds"),
    .field(
      "doPadFootprint", \.doPadFootprint,
      doc: "objects predicted just off the detector's pixels may have a source on them; the reference says no"),
    .field(
      "doExtrapolate", \.doExtrapolate, doc: "use ephemerides beyond the time that they are for, with a warning"),
    .field(
      "excludedFlags", \.excludedFlags, count: 0...100,
      doc: "sources with one of these flags are no objects; flags that a table lacks are ignored",
      requirement: "a name: letters, digits and _", eachItem: Field.isName),
    .field(
      "columns", \.columns, doc: "the columns of associatedSsSources: v3 for all, v1 for those of the first version"),
  ]
}

/// Associates the sources of one exposure; names are those of LSST's SsSingleFrameAssociationConfig (framework B.2).
package struct SsSingleFrameAssociationConfig: Config {
  package var solarSystemAssociator = SolarSystemAssociationTask.makeField("pairs sources and objects")
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .subtask("solarSystemAssociator", \.solarSystemAssociator),
    .connections("connections", \.connections),
  ]
}
