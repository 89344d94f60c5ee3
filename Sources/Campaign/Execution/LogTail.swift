// SPDX-License-Identifier: GPL-3.0-or-later
// The last lines that tasks logged.

internal import Logging
internal import Synchronization

/// Keeps the last lines that tasks logged, to be shown with a failure.
final class LogTail: Sendable {
  private let lines = Mutex<[String]>([])
  private static let limit = 20

  func clear() { lines.withLock { $0.removeAll(keepingCapacity: true) } }

  var tail: [String] { lines.withLock { $0 } }

  fileprivate func add(_ line: String) {
    lines.withLock { lines in
      if lines.count == Self.limit { lines.removeFirst() }
      lines.append(String(line.prefix(500)))
    }
  }

  /// A logger that writes here.
  func logger(level: Logger.Level = .info) -> Logger {
    var logger = Logger(label: "skydiff") { _ in Handler(tail: self) }
    logger.logLevel = level
    return logger
  }

  private struct Handler: LogHandler {
    let tail: LogTail
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(tail: LogTail) { self.tail = tail }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let task = metadata["task"].map { "\($0): " } ?? ""
      tail.add("\(event.level) \(task)\(event.message)")
    }
  }
}
