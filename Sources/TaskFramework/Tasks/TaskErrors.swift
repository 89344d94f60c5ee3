// SPDX-License-Identifier: GPL-3.0-or-later
// Errors with the categories that the seeds name.

package import Catalogs
internal import Logging

/// An error that knows the exception class of the reference system's documentation, for people who migrate.
package protocol CategorizedError: Error {
  /// `RuntimeError`, `LookupError`, `ValueError` and so on.
  var category: String { get }
}

extension CatalogError: CategorizedError {}
extension MetadataError: CategorizedError {}
extension ConfigError: CategorizedError {}
extension TaskConstructionError: CategorizedError {}

/// An expected failure that is the user's to mend: its message is shown without further details.
package struct TaskError: CategorizedError, CustomStringConvertible, Hashable {
  package let message: String
  package var category: String { "TaskError" }
  package var description: String { message }

  package init(_ message: String) { self.message = message }
}

/// There is nothing to do: no failure (category NoWorkFound).
package struct NoWorkFound: CategorizedError, CustomStringConvertible, Hashable {
  /// Why there is nothing to do.
  package enum Cause: Hashable, Sendable {
    case noInput
    /// A task upstream failed in a way that leaves nothing to do here.
    case upstreamFailure
    /// The data can never be processed.
    case unprocessableData
  }

  package let message: String
  package let cause: Cause
  package var category: String {
    switch cause {
    case .noInput: "NoWorkFound"
    case .upstreamFailure: "UpstreamFailureNoWorkFound"
    case .unprocessableData: "UnprocessableDataError"
    }
  }
  package var description: String { message }

  package init(_ message: String, cause: Cause = .noInput) {
    self.message = message
    self.cause = cause
  }
}

/// A failure after which some outputs are still good and were written.
package struct AnnotatedPartialOutputsError: CategorizedError, CustomStringConvertible {
  package let cause: any Error
  package var category: String { "AnnotatedPartialOutputsError" }
  package var description: String { "\(cause)" }

  package init(_ cause: any Error) { self.cause = cause }

  /// Writes what happened into the metadata of tasks, as `failure`: type, message and the error's own metadata.
  package static func annotate(
    _ error: any Error, _ tasks: any Task..., metadata: TaskMetadata = TaskMetadata()
  ) -> AnnotatedPartialOutputsError {
    var node = TaskMetadata()
    node.insert("type", scalar: .string(categoryName(of: error)))
    node.insert("message", scalar: .string("\(error)"))
    node.insert("metadata", node: metadata)
    for task in tasks {
      if task.node.metadata.contains("failure") { try? task.node.metadata.remove("failure") }
      task.node.metadata.insert("failure", node: node)
      task.log.error("\(error)")
    }
    return AnnotatedPartialOutputsError(error)
  }
}

/// The category of an error, or its type's name when it has none.
package func categoryName(of error: any Error) -> String {
  (error as? any CategorizedError)?.category ?? "\(type(of: error))"
}
