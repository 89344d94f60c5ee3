// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of a run as bytes.

internal import TaskFramework

extension CampaignStatistics {
  /// The bytes `skystat` and a version.
  private static let signature: [UInt8] = Array("skystat".utf8) + [1]

  /// The statistics in their one form, little-endian and compact.
  package func encode() -> [UInt8] {
    var writer = ByteWriter()
    for byte in Self.signature { writer.write(byte: byte) }
    writer.write(tasks) { writer, task in
      writer.write(count: task.successCount)
      writer.write(count: task.blockedCount)
      writer.write(task.caveats) { $0.write(count: $1) }
      writer.write(task.failures) { writer, category in
        writer.write(count: category.count)
        category.example.dataID.encode(to: &writer)
        writer.write(category.example.message)
      }
      writer.write(task.metadata) { $1.encode(to: &$0) }
    }
    writer.write(datasets) { writer, type in
      writer.write(count: type.count)
      writer.write(count: type.bytes)
    }
    failed.encode(to: &writer)
    caveated.encode(to: &writer)
    return writer.bytes
  }

  /// Takes nothing on trust: every length is compared with what is there before memory is asked for.
  ///
  /// - Throws: ``StatisticsDecodingError``: bytes that are cut, longer, of another version, or that no statistics give.
  package init(decoding bytes: [UInt8]) throws(StatisticsDecodingError) {
    self.init()
    var reader = ByteReader(bytes)
    for expected in Self.signature {
      guard try reader.byte() == expected else { throw reader.error("not the statistics of this version") }
    }
    tasks = try reader.dictionary { reader throws(StatisticsDecodingError) in try TaskStatistics(from: &reader) }
    // An example's place depends on the task's label, which stands before it.
    for task in tasks.keys {
      for category in (tasks[task]?.failures ?? [:]).keys {
        guard let dataID = tasks[task]?.failures[category]?.example.dataID else { continue }
        tasks[task]?.failures[category]?.example.order = QuantumOrder(task: task.text, dataID: dataID)
      }
    }
    datasets = try reader.dictionary { reader throws(StatisticsDecodingError) in
      var type = DatasetStatistics()
      type.count = try reader.count()
      type.add(bytes: try reader.count(upTo: DatasetStatistics.mostBytes))
      return type
    }
    failed = try SmallestRecords(from: &reader)
    caveated = try SmallestRecords(from: &reader)
    guard reader.remaining == 0 else { throw reader.error("\(reader.remaining) more bytes than there should be") }
  }
}

extension TaskStatistics {
  fileprivate init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    self.init()
    successCount = try reader.count()
    blockedCount = try reader.count()
    caveats = try reader.dictionary { reader throws(StatisticsDecodingError) in try reader.count() }
    failures = try reader.dictionary { reader throws(StatisticsDecodingError) in
      let count = try reader.count()
      let dataID = try DataID(from: &reader)
      let message = try reader.text()
      return CategoryStatistics(
        count: count, example: (QuantumOrder(task: "", dataID: dataID), dataID, message))
    }
    metadata = try reader.dictionary { reader throws(StatisticsDecodingError) in try ValueStatistics(from: &reader) }
  }
}
