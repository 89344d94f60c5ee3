// SPDX-License-Identifier: GPL-3.0-or-later
// Calls to MPI that failed.

/// A call to MPI that failed.
package struct MPIError: Error, Hashable, Sendable, CustomStringConvertible {
  package let operation: String
  package let reason: String

  package var description: String { "MPI cannot \(operation): \(reason)" }
}
