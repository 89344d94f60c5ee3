// SPDX-License-Identifier: GPL-3.0-or-later
// Why a difference gives no catalog to trust.

internal import TaskFramework

/// Why a difference gives no catalog to trust (detection-measurement A.17).
package enum DetectAndMeasureError: CategorizedError, Hashable, CustomStringConvertible {
  /// `badSourceFlags` names a column that the catalog does not have (category InvalidQuantumError).
  case noSuchFlag(String, suggestion: String?)
  /// More detections than any real difference has (category TooManyFootprints).
  case tooManyFootprints(found: Int, limit: Int)
  /// Nothing but sky sources (category NoDiaSourcesError).
  case noDiaSources
  /// Too much of the kernel's stars is left in the difference (category BadSubtractionError).
  case badSubtraction(what: String, ratio: Double, threshold: Double)

  package var category: String {
    switch self {
    case .noSuchFlag: "InvalidQuantumError"
    case .tooManyFootprints: "TooManyFootprints"
    case .noDiaSources: "NoDiaSourcesError"
    case .badSubtraction: "BadSubtractionError"
    }
  }

  package var description: String {
    switch self {
    case .noSuchFlag(let name, let suggestion):
      "badSourceFlags: Field \(name) not in schema, or no flag: which flags there are follows from measurement.plugins"
        + (suggestion.map { "; did you mean \($0)?" } ?? "")
    case .tooManyFootprints(let found, let limit):
      "\(found) detections, which is more than maxFootprints (\(limit)): the difference is taken for bad"
    case .noDiaSources: "no sources were found on the difference"
    case .badSubtraction(let what, let ratio, let threshold):
      "the \(what) of what is left of the kernel's stars is \(ratio), above \(threshold): the subtraction is bad"
    }
  }
}
