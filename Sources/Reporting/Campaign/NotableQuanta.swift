// SPDX-License-Identifier: GPL-3.0-or-later
// The quanta that a report lists.

package import TaskFramework

/// A quantum that failed, as much of it as a report shows: texts are cut, lists are short.
package struct FailedQuantum: Sendable, Equatable {
  package static let longestMessage = 2000
  package static let mostLines = 20
  private static let longestInput = 200
  private static let longestLine = 500

  package let task: String
  package let dataID: DataID
  package let category: String
  /// At most 2000 bytes.
  package let message: String
  /// The first 20, each of at most 200 bytes.
  package let inputs: [String]
  /// The last 20 lines, each of at most 500 bytes.
  package let logTail: [String]
  let order: QuantumOrder

  init(_ record: QuantumRecord, category: String, message: String) {
    task = record.task
    dataID = record.dataID
    self.category = category
    self.message = message
    inputs = record.inputs.prefix(Self.mostLines).map { $0.clipped(toBytes: Self.longestInput) }
    logTail = record.logTail.suffix(Self.mostLines).map { $0.clipped(toBytes: Self.longestLine) }
    order = QuantumOrder(task: task, dataID: dataID)
  }
}

extension FailedQuantum: CodedRecord {
  package static func < (a: FailedQuantum, b: FailedQuantum) -> Bool {
    a.order == b.order ? coded(a).lexicographicallyPrecedes(coded(b)) : a.order < b.order
  }

  func encode(to writer: inout ByteWriter) {
    writer.write(task)
    dataID.encode(to: &writer)
    writer.write(category)
    writer.write(message)
    writer.write(inputs)
    writer.write(logTail)
  }

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    task = try reader.text()
    dataID = try DataID(from: &reader)
    category = try reader.text()
    message = try reader.text()
    inputs = try reader.texts()
    logTail = try reader.texts()
    order = QuantumOrder(task: task, dataID: dataID)
  }
}

/// A quantum of whose success something is to be said.
package struct CaveatedQuantum: Sendable, Equatable {
  package let task: String
  package let dataID: DataID
  /// As ``Caveats/conciseCode``.
  package let code: String
  let order: QuantumOrder

  init(task: String, dataID: DataID, code: String) {
    self.task = task
    self.dataID = dataID
    self.code = code
    order = QuantumOrder(task: task, dataID: dataID)
  }
}

extension CaveatedQuantum: CodedRecord {
  package static func < (a: CaveatedQuantum, b: CaveatedQuantum) -> Bool {
    a.order == b.order ? coded(a).lexicographicallyPrecedes(coded(b)) : a.order < b.order
  }

  func encode(to writer: inout ByteWriter) {
    writer.write(task)
    dataID.encode(to: &writer)
    writer.write(code)
  }

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    self.init(task: try reader.text(), dataID: try DataID(from: &reader), code: try reader.text())
  }
}

private func coded(_ record: some CodedRecord) -> [UInt8] {
  var writer = ByteWriter()
  record.encode(to: &writer)
  return writer.bytes
}

extension DataID {
  func encode(to writer: inout ByteWriter) {
    let pairs = pairs
    writer.write(count: pairs.count)
    for (dimension, value) in pairs {
      writer.write(byte: UInt8(Dimension.allCases.firstIndex(of: dimension) ?? 0))
      switch value {
      case .number(let number): writer.write(count: number)
      case .name(let name): writer.write(name)
      }
    }
  }

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    let length = try reader.length(size: 2)
    var values: [Dimension: DimensionValue] = [:]
    var last = -1
    for _ in 0..<length {
      let index = Int(try reader.byte())
      guard index > last, Dimension.allCases.indices.contains(index) else { throw reader.error("no such dimension") }
      let dimension = Dimension.allCases[index]
      values[dimension] = dimension.isNumeric ? .number(try reader.count(upTo: .max)) : .name(try reader.text())
      last = index
    }
    do { try self.init(values) } catch { throw reader.error("\(error)") }
  }
}
