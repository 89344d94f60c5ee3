// SPDX-License-Identifier: GPL-3.0-or-later
// When and where things ran.

internal import Foundation
internal import Reporting
internal import TaskFramework

/// The file `attempts.jsonl`: when and where units ran, and the sessions.
///
/// Nothing depends on it but the report's times, so it is not synced.
final class AttemptsLog {
  static let name = "attempts.jsonl"
  private let handle: FileHandle?
  private var buffer: [UInt8] = []

  init(_ folder: String) {
    let path = "\(folder)/\(Self.name)"
    if !FileManager.default.fileExists(atPath: path) { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    handle = FileHandle(forWritingAtPath: path)
    _ = try? handle?.seekToEnd()
    // The line that a killed process was writing ends here.
    if let offset = try? handle?.offset(), offset > 0 { buffer = [10] }
  }

  func append(_ json: [UInt8]) {
    guard !json.contains(10) else { return }
    buffer += json
    buffer.append(10)
    if buffer.count > 1 << 15 { flush() }
  }

  func append(_ json: JSONValue) { append(Array(json.text().utf8)) }

  /// Without space for it the run goes on: these are times, not results.
  func flush() {
    guard !buffer.isEmpty else { return }
    try? handle?.write(contentsOf: Data(buffer))
    buffer = []
  }

  /// Reads what all sessions left, piece by piece; lines that are none are left out.
  static func summary(of folder: String) -> TimingSummary {
    var summary = TimingSummary()
    guard let handle = FileHandle(forReadingAtPath: "\(folder)/\(name)") else { return summary }
    defer { try? handle.close() }
    var rest: [UInt8] = []
    while let piece = try? handle.read(upToCount: 1 << 20), !piece.isEmpty {
      rest += piece
      var start = 0
      while let end = rest[start...].firstIndex(of: 10) {
        take(rest[start..<end], into: &summary)
        start = end + 1
      }
      rest.removeFirst(start)
    }
    take(rest[...], into: &summary)
    return summary
  }

  private static func take(_ line: ArraySlice<UInt8>, into summary: inout TimingSummary) {
    guard let json = try? JSONValue(parsing: String(decoding: line, as: UTF8.self)) else { return }
    if json["unit"] != nil {
      if let attempt = try? AttemptRecord(json: json) { summary.add(attempt) }
    } else if let session = try? SessionRecord(json: json) {
      summary.add(session)
    }
  }
}
