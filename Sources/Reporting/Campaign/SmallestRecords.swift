// SPDX-License-Identifier: GPL-3.0-or-later
// A capped list that does not depend on the order.

/// What can be put in a ``SmallestRecords``: ordered, and equal only when its bytes are.
protocol CodedRecord: Comparable, Sendable {
  func encode(to writer: inout ByteWriter)
  init(from reader: inout ByteReader) throws(StatisticsDecodingError)
}

/// The first records of all by their order, and how many there were.
///
/// A record among the first of all is among the first of any part, so what is kept does not depend on the order of adding and
/// merging.
struct SmallestRecords<Record: CodedRecord>: Sendable {
  static var limit: Int { 1000 }

  /// Of all records, kept or not.
  private(set) var count: Int64 = 0
  private var records: [Record] = []
  /// The last that is kept, once there are more than fit.
  private var bound: Record?

  mutating func insert(_ record: Record) {
    count &+= 1
    keep(record)
  }

  private mutating func keep(_ record: Record) {
    if let bound, !(record < bound) { return }
    records.append(record)
    // Sorting now and then costs less than finding each one's place.
    if records.count >= 2 * Self.limit {
      records = sorted
      bound = records.last
    }
  }

  mutating func merge(_ other: SmallestRecords) {
    count &+= other.count
    for record in other.records { keep(record) }
  }

  /// The records that are kept, in order.
  var sorted: [Record] { Array(records.sorted().prefix(Self.limit)) }

  func encode(to writer: inout ByteWriter) {
    let kept = sorted
    writer.write(count: count)
    writer.write(count: kept.count)
    for record in kept { record.encode(to: &writer) }
  }

  init() {}

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    count = try reader.count()
    let length = try reader.length()
    guard Int64(length) == min(count, Int64(Self.limit)) else {
      throw reader.error("a list of another length than is said")
    }
    for _ in 0..<length {
      let record = try Record(from: &reader)
      if let last = records.last, record < last { throw reader.error("a list that does not ascend") }
      records.append(record)
    }
  }
}
