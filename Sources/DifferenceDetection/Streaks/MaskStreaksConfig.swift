// SPDX-License-Identifier: GPL-3.0-or-later
// How streaks are found.

package import TaskFramework

/// How streaks are found; names and defaults are those of LSST's MaskStreaksConfig where it has such a field (detection-measurement A.14.2).
///
/// Streaks are found by sums along short pieces of lines instead of edges of what was detected, so that the reference's fields for edges and clusters
/// have nothing to say here; those that it lacks are `pieceThreshold`, `minLength` and `minSignificance`.
package struct MaskStreaksConfig: Config {
  package var pieceThreshold = 5.0
  package var minLength = 200.0
  package var minSignificance = 8.0
  package var nSigmaMask = 2.0
  package var maxStreakWidth = 100.0
  package var dChi2Tolerance = 0.1
  package var maxFitIter = 10
  package var onlyMaskDetected = false
  package var detectedMaskPlane = "DETECTED"
  package var streaksMaskPlane = "STREAK"
  package var badMaskPlanes = ["NO_DATA", "INTRP", "BAD", "SAT", "EDGE"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "pieceThreshold", \.pieceThreshold, in: 3...1000,
      doc: "how far a short piece of a streak stands out, in standard deviations of its sum"),
    .field("minLength", \.minLength, in: 64...1e6, doc: "least length of good pixels along a streak, pixels"),
    .field(
      "minSignificance", \.minSignificance, in: 1...1e6,
      doc: "the median brightness along a streak, in its standard deviations"),
    .field("nSigmaMask", \.nSigmaMask, in: 0...100, doc: "half the width that is masked, in scales of the profile"),
    .field("maxStreakWidth", \.maxStreakWidth, in: 1...1000, doc: "most of the width that is masked, pixels"),
    .field(
      "dChi2Tolerance", \.dChi2Tolerance, in: 0...1000, doc: "the fit ends when χ² changes by less than this"),
    .field("maxFitIter", \.maxFitIter, in: 1...1000, doc: "most rounds of the fit"),
    .field("onlyMaskDetected", \.onlyMaskDetected, doc: "mask only pixels that have detectedMaskPlane"),
    .field("detectedMaskPlane", \.detectedMaskPlane, doc: "the plane that onlyMaskDetected asks for"),
    .field("streaksMaskPlane", \.streaksMaskPlane, doc: "the plane that streaks are marked in"),
    .field("badMaskPlanes", \.badMaskPlanes, count: 0...32, doc: "pixels with these planes do not count"),
  ]
}
