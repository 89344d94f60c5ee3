// SPDX-License-Identifier: GPL-3.0-or-later
// Why the backgrounds of a tract cannot be matched.

internal import TaskFramework

/// Why the backgrounds of a tract cannot be matched.
package enum TractMatchingError: CategorizedError, Hashable, CustomStringConvertible {
  /// (category TaskError)
  case noVisits
  /// The reference that was asked for is none of the visits (category ValueError).
  case unknownReference(visit: Int, known: [Int64])
  /// The reference that was asked for shares nothing with most of the visits (category ValueError).
  case loneReference(visit: Int)

  package var category: String {
    switch self {
    case .noVisits: "TaskError"
    case .unknownReference, .loneReference: "ValueError"
    }
  }

  package var description: String {
    switch self {
    case .noVisits: "there is no visit to match"
    case .loneReference(let visit):
      "tract.refVisit is \(visit), which shares no cell, not even by others, with most of the tract's visits"
    case .unknownReference(let visit, let known):
      "tract.refVisit is \(visit), which is none of the tract's visits: "
        + known.prefix(10).map { "\($0)" }.joined(separator: ", ") + (known.count > 10 ? ", …" : "")
    }
  }
}
