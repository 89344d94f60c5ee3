// SPDX-License-Identifier: GPL-3.0-or-later
// Why the backgrounds of a tract cannot be matched.

internal import TaskFramework

/// Why the backgrounds of a tract cannot be matched.
package enum TractMatchingError: CategorizedError, Hashable, CustomStringConvertible {
  /// (category TaskError)
  case noVisits
  /// The reference that was asked for is none of the visits (category ValueError).
  case unknownReference(visit: Int, known: [Int64])

  package var category: String {
    switch self {
    case .noVisits: "TaskError"
    case .unknownReference: "ValueError"
    }
  }

  package var description: String {
    switch self {
    case .noVisits: "there is no visit to match"
    case .unknownReference(let visit, let known):
      "tract.refVisit is \(visit), which is none of the tract's visits: "
        + known.prefix(10).map { "\($0)" }.joined(separator: ", ") + (known.count > 10 ? ", …" : "")
    }
  }
}
