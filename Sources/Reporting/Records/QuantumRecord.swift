// SPDX-License-Identifier: GPL-3.0-or-later
// What is kept of a quantum.

package import TaskFramework

/// How a quantum ended, or that it could not begin.
package enum RecordedOutcome: Hashable, Sendable {
  case succeeded(Caveats)
  /// The error's category and message.
  case failed(category: String, message: String)
  /// Something upstream failed.
  case blocked

  package init(_ outcome: QuantumOutcome) {
    switch outcome {
    case .succeeded(let caveats): self = .succeeded(caveats)
    case .failed(let category, let message): self = .failed(category: category, message: message)
    }
  }
}

/// A dataset that a quantum wrote.
package struct OutputRecord: Hashable, Sendable {
  package var datasetType: String
  /// The file's size.
  package var bytes: Int
  /// Relative to the run; as read from JSON it is any text, and who opens it checks it.
  package var path: String
  /// Hexadecimal.
  package var sha256: String

  package init(datasetType: String, bytes: Int, path: String, sha256: String) {
    self.datasetType = datasetType
    self.bytes = bytes
    self.path = path
    self.sha256 = sha256
  }
}

/// What is kept of a quantum: its end, and what it says that is equal for equal input (no times, hosts or ranks).
package struct QuantumRecord: Hashable, Sendable {
  /// The task's label in the pipeline.
  package var task: String
  package var dataID: DataID
  package var outcome: RecordedOutcome
  /// The datasets that a failed quantum had read.
  package var inputs: [String]
  /// The last lines that a failed quantum logged.
  package var logTail: [String]
  /// The values of the full metadata: a node for each task of the tree, such as `makeWarp` and `makeWarp:select`.
  package var metadata: TaskMetadata
  package var outputs: [OutputRecord]

  package init(
    task: String, dataID: DataID, outcome: RecordedOutcome, inputs: [String] = [], logTail: [String] = [],
    metadata: TaskMetadata = TaskMetadata(), outputs: [OutputRecord] = []
  ) {
    self.task = task
    self.dataID = dataID
    self.outcome = outcome
    self.inputs = inputs
    self.logTail = logTail
    self.metadata = metadata
    self.outputs = outputs
  }
}
