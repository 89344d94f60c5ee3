// SPDX-License-Identifier: GPL-3.0-or-later
// How the detections of bands are merged.

internal import Catalogs
internal import Measurement
package import TaskFramework

/// How the detections of bands are merged; names and distances are those of LSST's MergeDetectionsConfig.
package struct MergeDetectionsConfig: Config {
  package var priorityList = ["i", "r", "z", "y", "g", "u"]
  package var minNewPeak = 1.0
  package var maxSamePeak = 0.3
  package var doSkySources = true
  package var skySources = SkySourcesTask.makeField("places sources where no band has one")
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "priorityList", \.priorityList, count: 1...64,
      doc: "the bands, the first the most trusted for where sources are; a band that is not here cannot be merged",
      requirement: "the name of a band: letters, digits and _",
      eachItem: { Field.isName($0) && $0 != FamilyColumns.skyBand }),
    .field(
      "minNewPeak", \.minNewPeak, in: 0...1000,
      doc: "a peak is a new one when it is farther than this from those of all bands before, arcseconds"),
    .field(
      "maxSamePeak", \.maxSamePeak, in: 0...1000,
      doc: "a peak is the same as one of a band before when it is this close, arcseconds; between the two it is neither"
    ),
    .field("doSkySources", \.doSkySources, doc: "add sources where there is nothing, to measure the background"),
    .subtask("skySources", \.skySources),
    .connections("connections", \.connections),
  ]

  package func validate() throws(ConfigProblem) {
    guard Set(priorityList).count == priorityList.count else {
      throw ConfigProblem(path: "priorityList", reason: "a band is there twice")
    }
    guard maxSamePeak <= minNewPeak else {
      throw ConfigProblem(
        path: "maxSamePeak", reason: "\(maxSamePeak) is given; it must be at most minNewPeak (\(minNewPeak))")
    }
  }
}
