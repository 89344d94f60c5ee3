// SPDX-License-Identifier: GPL-3.0-or-later
// Which band a source's row is taken from.

internal import Catalogs
package import TaskFramework

/// Which band the row of each source is taken from; names and defaults are those of LSST's MergeMeasurementsConfig (detection-measurement C.9.1).
package struct MergeMeasurementsConfig: Config {
  package var priorityList = ["i", "r", "z", "y", "g", "u"]
  package var minSN = 10.0
  package var minSNDiff = 3.0
  package var flux = "base_PsfFlux"
  package var flags = ["base_PixelFlags_flag_interpolatedCenter", "base_PsfFlux_flag"]
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "priorityList", \.priorityList, count: 1...64,
      doc: "bands, the one to prefer first; each band of the data must be there",
      requirement: "a name: letters, digits and _", eachItem: Field.isName),
    .field("minSN", \.minSN, in: 0...1e6, doc: "a source this significant in its band of priority is taken from there"),
    .field(
      "minSNDiff", \.minSNDiff, in: 0...1e6,
      doc: "else from the band in which it is more significant by more than this, if there is one"),
    .field("flux", \.flux, doc: "the measurement whose flux and error tell how significant a source is"),
    .field(
      "flags", \.flags, count: 0...100,
      doc:
        "with any of these flags a band's measurement counts as not significant; a catalog that lacks one is an error"),
    .connections("connections", \.connections),
  ]

  package func validate() throws(ConfigProblem) {
    guard Set(priorityList).count == priorityList.count else {
      throw ConfigProblem(path: "priorityList", reason: "a band is there twice")
    }
  }
}
