// SPDX-License-Identifier: GPL-3.0-or-later
// Why detections cannot be merged.

internal import TaskFramework

/// Why the detections of bands cannot be merged (category ValueError).
package enum MergeDetectionsError: CategorizedError, Hashable, CustomStringConvertible {
  /// A band that the configuration's `priorityList` does not have.
  case unknownBand(String, priorityList: [String])
  /// Two catalogs of one band.
  case bandGivenTwice(String)

  package var category: String { "ValueError" }

  package var description: String {
    switch self {
    case .unknownBand(let band, let priorityList):
      "priorityList has no band \(band), so its detections have no rank; it is "
        + "\(priorityList.joined(separator: ", ")): add the band there, and in that of mergeReference"
    case .bandGivenTwice(let band): "there are two catalogs of detections of band \(band)"
    }
  }
}
