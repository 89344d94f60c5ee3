// SPDX-License-Identifier: GPL-3.0-or-later
// What a task warns of.

internal import Logging

extension Task {
  /// Warns: in the log, and in the metadata's array `warnings`, where it stays.
  package func warn(_ message: String) {
    log.warning("\(message)")
    // Only a task that uses the name for something else cannot keep it.
    try? metadata.add("warnings", .string(message))
  }

  /// What the task itself, without its subtasks, has warned of.
  package var warnings: [String] {
    let messages = (try? metadata.array("warnings")) ?? []
    return messages.compactMap { if case .string(let text) = $0 { text } else { nil } }
  }
}
