// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs that several units read.

internal import Repository

/// Inputs that a rank has read and may need again; the least recently used go first.
struct InputCache {
  private struct Entry {
    let value: any Sendable
    let size: Int
    var lastUse: Int
  }

  private var entries: [String: Entry] = [:]
  private var size = 0
  private var uses = 0
  private let budget: Int

  /// - Parameter budget: bytes of files; decoded they take a few times as much.
  init(budget: Int) { self.budget = budget }

  private static func key<Value>(_ source: DatasetSource, _: Value.Type) -> String {
    "\(source.path) \(source.digest.sha256) \(Value.self)"
  }

  mutating func value<Value>(_ source: DatasetSource, as type: Value.Type) -> Value? {
    uses += 1
    let key = Self.key(source, type)
    entries[key]?.lastUse = uses
    return entries[key]?.value as? Value
  }

  mutating func insert<Value: Sendable>(_ value: Value, _ source: DatasetSource) {
    guard source.digest.size <= budget / 2 else { return }
    let key = Self.key(source, Value.self)
    guard entries[key] == nil else { return }
    entries[key] = Entry(value: value, size: source.digest.size, lastUse: uses)
    size += source.digest.size
    while size > budget, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
      size -= oldest.value.size
      entries[oldest.key] = nil
    }
  }
}
