// SPDX-License-Identifier: GPL-3.0-or-later
// How warps are compared in cells.

package import TaskFramework

/// How the backgrounds of a patch's warps are compared in cells of its tract.
package struct BinWarpsConfig: Config {
  package var binSize = 128
  package var badMaskPlanes = ["BAD", "SAT", "EDGE", "NO_DATA", "CR", "INTRP", "DETECTED", "DETECTED_NEGATIVE"]
  package var growDetections = 8
  package var gridStatistic = MatchBackgroundsConfig.GridStatistic.meanclip
  package var numSigmaClip = 3.0
  package var numIter = 3
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("binSize", \.binSize, in: 4...10_000, doc: "side of a cell, pixels"),
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels that are left out; planes that a warp does not have are ignored"),
    .field(
      "growDetections", \.growDetections, in: 0...1000,
      doc: "how far around DETECTED pixels are left out too, pixels: the wings of a star differ between visits"),
    .field("gridStatistic", \.gridStatistic, doc: "what stands for the pixels of a cell"),
    .field("numSigmaClip", \.numSigmaClip, in: 1...100, doc: "standard deviations beyond which pixels are clipped"),
    .field("numIter", \.numIter, in: 1...50, doc: "rounds of clipping"),
    .connections("connections", \.connections),
  ]
}
