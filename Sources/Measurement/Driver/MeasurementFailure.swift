// SPDX-License-Identifier: GPL-3.0-or-later
// Why a source cannot be measured.

package import Catalogs
internal import TaskFramework

/// Why one measurement of one source fails: it becomes a flag, and the next source is measured (detection-measurement A.10.4).
package enum MeasurementFailure: Error, Sendable {
  /// A failure with a flag of its own, which is set beside the general one.
  case flagged(Key<Bool>)
  /// The PSF is undefined where the source is.
  case undefinedPSF
  /// A failure without a flag of its own: the reason, in words.
  case other(String)
}

/// Why a whole exposure cannot be measured: plugins or their catalog do not fit it, whatever the source.
package enum MeasurementError: CategorizedError, Hashable, CustomStringConvertible {
  /// A plugin needs a PSF, and there is none (category FatalAlgorithmError).
  case noPSF(plugin: String)
  /// A plugin needs a slot that stands for nothing (category FatalAlgorithmError).
  case noSlot(String, plugin: String)
  /// The catalog has another schema than the task was given (category RuntimeError).
  case wrongSchema([String])
  /// The task has added no columns to a schema yet (category RuntimeError).
  case notPrepared

  package var category: String {
    switch self {
    case .noPSF, .noSlot: "FatalAlgorithmError"
    case .wrongSchema, .notPrepared: "RuntimeError"
    }
  }

  package var description: String {
    switch self {
    case .noPSF(let plugin): "\(plugin) needs a PSF, which the exposure does not have"
    case .noSlot(let slot, let plugin):
      "\(plugin) needs \(slot), which stands for no measurement with the columns of one"
    case .wrongSchema(let differences):
      "the catalog has another schema than the measurement: " + differences.prefix(5).joined(separator: "; ")
    case .notPrepared: "the measurement has added its columns to no schema yet"
    }
  }
}
