// SPDX-License-Identifier: GPL-3.0-or-later
// How the background of a difference is measured.

package import TaskFramework

/// How the background of a difference is measured; names as in LSST's SubtractBackgroundConfig, defaults as its detection on differences has them
/// (detection-measurement A.14.1).
///
/// The surface is Akima's spline, or where there are too few cells the smoothest curve that is possible; there is no choice of another.
package struct SubtractBackgroundConfig: Config {
  /// What stands for the pixels of a cell.
  package enum StatisticsProperty: String, ConfigChoice {
    case meanclip = "MEANCLIP"
    case median = "MEDIAN"
    case mean = "MEAN"
  }

  package var statisticsProperty = StatisticsProperty.median
  package var binSize = 128
  package var ignoredPixelMask = ["BAD", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "NO_DATA"]
  package var doFilterSuperPixels = true
  package var superPixelFilterSize = 3

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("statisticsProperty", \.statisticsProperty, doc: "what stands for the pixels of a cell"),
    .field("binSize", \.binSize, in: 4...1_000_000, doc: "side of a cell, pixels"),
    .field("ignoredPixelMask", \.ignoredPixelMask, count: 0...32, doc: "pixels with these planes do not count"),
    .field(
      "doFilterSuperPixels", \.doFilterSuperPixels,
      doc: "replace each cell by the median of those about it before the surface is drawn"),
    .field(
      "superPixelFilterSize", \.superPixelFilterSize, doc: "side of the square of cells that the median is of",
      requirement: "odd, from 1 to 31", where: { (1...31).contains($0) && $0 % 2 == 1 }),
  ]
}
