// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources are taken for stars.

package import TaskFramework

/// Which sources are taken for stars; names as in LSST's ObjectSizeStarSelectorConfig where there is such a field.
package struct StarSelectionConfig: Config {
  package var signalToNoiseMin = 20.0
  package var nSigmaClip = 3.5
  package var widthMin = 0.6
  package var widthMax = 20.0
  package var sizeWindow = 0.12
  package var maxStars = 300

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("signalToNoiseMin", \.signalToNoiseMin, in: 3...1e6, doc: "lowest signal to noise of a star"),
    .field(
      "nSigmaClip", \.nSigmaClip, in: 1...20, doc: "distance from the stars' size in widths of their distribution"),
    .field(
      "widthMin", \.widthMin, in: 0.1...100, doc: "smallest standard deviation of a star, pixels: below are cosmic rays"
    ),
    .field("widthMax", \.widthMax, in: 0.5...200, doc: "largest standard deviation of a star, pixels"),
    .field(
      "sizeWindow", \.sizeWindow, in: 0.01...1,
      doc: "range of sizes, as a part of them, in which the most sources are looked for"),
    .field("maxStars", \.maxStars, in: 3...100_000, doc: "the most stars, those of highest signal to noise"),
  ]
}
