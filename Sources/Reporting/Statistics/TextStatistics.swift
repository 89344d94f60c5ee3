// SPDX-License-Identifier: GPL-3.0-or-later
// What texts and booleans of one name are like over all quanta.

internal import OrderedCollections
package import TaskFramework

/// How often each text occurs.
///
/// Exact counts are kept of the first ``keptLimit`` distinct texts in the order of their bytes. A text among the first of all is
/// among the first of any part, so it is never dropped on the way, and its count is exact whatever the order of adding and
/// merging. Texts are cut at 200 bytes.
package struct TextStatistics: Sendable, Hashable {
  package static let keptLimit = 1000
  package static let reportedLimit = 20
  private static let longest = 200

  /// Of all texts, kept or not.
  package internal(set) var count: Int64 = 0
  var counts: [ByteText: Int64] = [:]

  package init() {}

  package mutating func add(_ text: String) {
    count &+= 1
    counts[ByteText(text.clipped(toBytes: Self.longest)), default: 0] &+= 1
    if counts.count >= 2 * Self.keptLimit { prune() }
  }

  package mutating func merge(_ other: TextStatistics) {
    count &+= other.count
    counts.merge(other.counts) { $0 &+ $1 }
    if counts.count >= 2 * Self.keptLimit { prune() }
  }

  /// In the order of their bytes, at most ``keptLimit``.
  package var kept: [(text: String, count: Int64)] { sorted.map { ($0.key.text, $0.value) } }

  var sorted: [(key: ByteText, value: Int64)] {
    Array(counts.sorted { $0.key < $1.key }.prefix(Self.keptLimit))
  }

  private mutating func prune() {
    counts = Dictionary(sorted.map { ($0.key, $0.value) }) { first, _ in first }
  }

  package static func == (a: TextStatistics, b: TextStatistics) -> Bool {
    a.count == b.count && a.sorted.elementsEqual(b.sorted) { $0 == $1 }
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(count) }

  /// `distinct` is left out when there are more than are kept.
  package var json: JSONValue {
    let kept = sorted
    var members: OrderedDictionary<String, JSONValue> = ["count": .integer(count)]
    if kept.reduce(0, { $0 &+ $1.value }) == count { members["distinct"] = .integer(Int64(kept.count)) }
    let first = kept.prefix(Self.reportedLimit)
    var values: OrderedDictionary<String, JSONValue> = [:]
    for (text, number) in first { values[text.text] = .integer(number) }
    members["values"] = .object(values)
    let others = count &- first.reduce(0) { $0 &+ $1.value }
    if others > 0 { members["others"] = .integer(others) }
    return .object(members)
  }
}

/// How often a boolean is true.
package struct BooleanStatistics: Sendable, Hashable {
  package internal(set) var count: Int64 = 0
  package internal(set) var trueCount: Int64 = 0

  package init() {}

  package mutating func add(_ value: Bool) {
    count &+= 1
    if value { trueCount &+= 1 }
  }

  package mutating func merge(_ other: BooleanStatistics) {
    count &+= other.count
    trueCount &+= other.trueCount
  }

  package var json: JSONValue { .object(["count": .integer(count), "true": .integer(trueCount)]) }
}
