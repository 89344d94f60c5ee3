// SPDX-License-Identifier: GPL-3.0-or-later
// What cannot be planned.

/// A pipeline or a job that contradicts itself, or that asks for what is not there.
package enum PlanError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Tasks that do not fit together.
  case invalidPipeline(String)
  /// Visits of the template would be subtracted from themselves.
  case selfSubtraction(String)
  /// Nothing of the input is selected.
  case nothingSelected(String)
  /// Input without which no quantum of a task can be.
  case missingInput(String)

  package var description: String {
    switch self {
    case .invalidPipeline(let text), .selfSubtraction(let text), .nothingSelected(let text), .missingInput(let text):
      text
    }
  }
}
