// SPDX-License-Identifier: GPL-3.0-or-later
// What groups and datasets have in common: attributes.

internal import CHDF5
internal import Foundation

/// A group or a dataset.
package protocol HDF5Object: AnyObject {
  var file: String { get }
  /// Its place in the file.
  var path: String { get }
}

extension HDF5Object {
  private var id: hid_t {
    if let group = self as? HDF5Group { return group.identifier.id }
    if let dataset = self as? HDF5Dataset { return dataset.identifier.id }
    preconditionFailure("only groups and datasets are objects of a file")
  }

  func damaged(_ reason: String? = nil) -> HDF5Error {
    .damaged(file: file, object: path, reason: reason ?? HDF5Library.reason())
  }

  private func attributeName(_ name: String) -> String { "\(path)@\(name)" }
}

/// The value of an attribute: one or several of a kind.
package enum HDF5Attribute: Hashable, Sendable {
  case strings([String])
  case integers([Int64])
  case doubles([Double])
  case booleans([Bool])

  package var count: Int {
    switch self {
    case .strings(let values): values.count
    case .integers(let values): values.count
    case .doubles(let values): values.count
    case .booleans(let values): values.count
    }
  }
}

extension HDF5Object {
  /// An attribute lies in its object's header, which takes no more.
  package static var largestAttribute: Int { 60_000 }

  /// Adds an attribute: a scalar, or an array of any length.
  ///
  /// - Throws: ``HDF5Error/cannotEncode(file:object:reason:)``.
  package func setAttribute(_ name: String, _ value: HDF5Attribute, isScalar: Bool) throws(HDF5Error) {
    func failure(_ reason: String? = nil) -> HDF5Error {
      .cannotEncode(file: file, object: attributeName(name), reason: reason ?? HDF5Library.reason())
    }
    let type: HDF5Type
    var bytes: [UInt8] = []
    switch value {
    case .strings(let values):
      guard values.allSatisfy({ !$0.utf8.contains(0) }) else { throw failure("text with a zero byte") }
      let length = max(1, values.map(\.utf8.count).max() ?? 1)
      type = .string(length: length)
      for text in values {
        bytes += Array(text.utf8)
        bytes += [UInt8](repeating: 0, count: length - text.utf8.count)
      }
    case .integers(let values):
      type = .int64
      bytes = values.withUnsafeBytes { Array($0) }
    case .doubles(let values):
      type = .float64
      bytes = values.withUnsafeBytes { Array($0) }
    case .booleans(let values):
      type = .boolean
      bytes = values.map { $0 ? 1 : 0 }
    }
    guard bytes.count <= Self.largestAttribute else {
      throw failure("\(bytes.count) bytes are too many for an attribute")
    }
    guard !isScalar || value.count == 1 else { throw failure("\(value.count) values are no scalar") }
    var extent = hsize_t(value.count)
    guard let fileType = type.makeIdentifier(),
      let space = Identifier(isScalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nil)),
      let attribute = Identifier(skydiff_h5_attribute_new(id, name, fileType.id, space.id))
    else { throw failure() }
    guard bytes.isEmpty || H5Awrite(attribute.id, fileType.id, bytes) >= 0 else { throw failure() }
  }

  package func setAttribute(_ name: String, _ value: String) throws(HDF5Error) {
    try setAttribute(name, .strings([value]), isScalar: true)
  }

  package func setAttribute(_ name: String, _ value: Int) throws(HDF5Error) {
    try setAttribute(name, .integers([Int64(value)]), isScalar: true)
  }

  package func setAttribute(_ name: String, _ value: Double) throws(HDF5Error) {
    try setAttribute(name, .doubles([value]), isScalar: true)
  }

  package func setAttribute(_ name: String, _ value: Bool) throws(HDF5Error) {
    try setAttribute(name, .booleans([value]), isScalar: true)
  }

  package func setAttribute(_ name: String, _ values: [Double]) throws(HDF5Error) {
    try setAttribute(name, .doubles(values), isScalar: false)
  }

  package func setAttribute(_ name: String, _ values: [Int]) throws(HDF5Error) {
    try setAttribute(name, .integers(values.map { Int64($0) }), isScalar: false)
  }

  /// The names of the attributes, in the order in which they were made where the file keeps it.
  ///
  /// - Throws: ``HDF5Error``.
  package var attributeNames: [String] {
    get throws(HDF5Error) {
      let count = H5Aget_num_attrs(id)
      guard count >= 0 else { throw damaged() }
      var names: [String] = []
      for i in 0..<hsize_t(count) {
        func name(_ order: H5_index_t) -> String? {
          let length = H5Aget_name_by_idx(id, ".", order, H5_ITER_INC, i, nil, 0, skydiff_h5_default)
          guard length >= 0, length <= 65_536 else { return nil }
          var text = [CChar](repeating: 0, count: length + 1)
          guard H5Aget_name_by_idx(id, ".", order, H5_ITER_INC, i, &text, length + 1, skydiff_h5_default) >= 0 else {
            return nil
          }
          return String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        guard let name = name(H5_INDEX_CRT_ORDER) ?? name(H5_INDEX_NAME) else { throw damaged() }
        names.append(name)
      }
      _ = HDF5Library.reason()
      return names
    }
  }

  package func hasAttribute(_ name: String) -> Bool { H5Aexists(id, name) > 0 }

  /// An attribute with the number of its values and whether it is a scalar; `nil` when there is none.
  ///
  /// - Throws: ``HDF5Error``.
  package func attributeIfPresent(_ name: String) throws(HDF5Error) -> (value: HDF5Attribute, isScalar: Bool)? {
    guard hasAttribute(name) else { return nil }
    guard let attribute = Identifier(H5Aopen(id, name, skydiff_h5_default)),
      let fileType = Identifier(H5Aget_type(attribute.id)), let space = Identifier(H5Aget_space(attribute.id))
    else { throw damaged() }
    guard let type = HDF5Type(fileType), let memory = type.makeIdentifier() else {
      throw .unexpected(
        file: file, object: attributeName(name), found: "of an unknown type",
        expected: "text of fixed length or numbers")
    }
    let rank = H5Sget_simple_extent_ndims(space.id)
    let count = H5Sget_simple_extent_npoints(space.id)
    guard rank == 0 || rank == 1, count >= 0, count <= 1 << 20, type.size <= 1 << 20,
      Int(count) * type.size <= 1 << 24, rank == 1 || count == 1
    else { throw .tooLarge(file: file, object: attributeName(name), claim: "\(count) values of \(type.size) bytes") }
    var bytes = [UInt8](repeating: 0, count: Int(count) * type.size)
    if count > 0 { guard H5Aread(attribute.id, memory.id, &bytes) >= 0 else { throw damaged() } }
    func load<T: BitwiseCopyable>(_: T.Type) -> [T] {
      bytes.withUnsafeBytes { raw in
        (0..<Int(count)).map { raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self) }
      }
    }
    let value: HDF5Attribute
    switch type {
    case .string(let length):
      var texts: [String] = []
      for i in 0..<Int(count) {
        let text = bytes[i * length..<(i + 1) * length].prefix { $0 != 0 }
        guard let valid = String(validating: text, as: UTF8.self) else { throw damaged("\(name) is not UTF-8") }
        texts.append(valid)
      }
      value = .strings(texts)
    case .boolean: value = .booleans(bytes.map { $0 != 0 })
    case .int8: value = .integers(load(Int8.self).map { Int64($0) })
    case .uint8: value = .integers(bytes.map { Int64($0) })
    case .int16: value = .integers(load(Int16.self).map { Int64($0) })
    case .uint16: value = .integers(load(UInt16.self).map { Int64($0) })
    case .int32: value = .integers(load(Int32.self).map { Int64($0) })
    case .uint32: value = .integers(load(UInt32.self).map { Int64($0) })
    case .int64: value = .integers(load(Int64.self))
    case .float32: value = .doubles(load(Float.self).map { Double($0) })
    case .float64: value = .doubles(load(Double.self))
    case .uint64, .array, .record:
      throw .unexpected(file: file, object: attributeName(name), found: type.name, expected: "text or numbers")
    }
    return (value, rank == 0)
  }

  /// - Throws: ``HDF5Error``.
  package func attribute(_ name: String) throws(HDF5Error) -> HDF5Attribute {
    guard let found = try attributeIfPresent(name) else { throw .missing(file: file, object: attributeName(name)) }
    return found.value
  }

  private func unexpected(_ name: String, _ value: HDF5Attribute, _ expected: String) -> HDF5Error {
    .unexpected(file: file, object: attributeName(name), found: "\(value)", expected: expected)
  }

  /// - Throws: ``HDF5Error``.
  package func string(_ name: String) throws(HDF5Error) -> String {
    let value = try attribute(name)
    guard case .strings(let texts) = value, texts.count == 1 else { throw unexpected(name, value, "one text") }
    return texts[0]
  }

  /// - Throws: ``HDF5Error``.
  package func integer(_ name: String, in range: ClosedRange<Int> = .min ... .max) throws(HDF5Error) -> Int {
    let value = try attribute(name)
    guard case .integers(let numbers) = value, numbers.count == 1, range.contains(Int(numbers[0])) else {
      let isAny = range == .min ... .max
      throw unexpected(
        name, value, isAny ? "one whole number" : "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return Int(numbers[0])
  }

  /// - Throws: ``HDF5Error``.
  package func double(_ name: String) throws(HDF5Error) -> Double {
    let value = try attribute(name)
    switch value {
    case .doubles(let numbers) where numbers.count == 1: return numbers[0]
    case .integers(let numbers) where numbers.count == 1: return Double(numbers[0])
    default: throw unexpected(name, value, "one number")
    }
  }

  /// - Throws: ``HDF5Error``.
  package func boolean(_ name: String) throws(HDF5Error) -> Bool {
    let value = try attribute(name)
    guard case .booleans(let flags) = value, flags.count == 1 else { throw unexpected(name, value, "true or false") }
    return flags[0]
  }

  /// Numbers of a known count.
  ///
  /// - Throws: ``HDF5Error``.
  package func doubles(_ name: String, count: Int) throws(HDF5Error) -> [Double] {
    let value = try attribute(name)
    guard case .doubles(let numbers) = value, numbers.count == count else {
      throw unexpected(name, value, "\(count) numbers")
    }
    return numbers
  }

  /// Whole numbers of a known count.
  ///
  /// - Throws: ``HDF5Error``.
  package func integers(_ name: String, count: Int) throws(HDF5Error) -> [Int] {
    let value = try attribute(name)
    guard case .integers(let numbers) = value, numbers.count == count else {
      throw unexpected(name, value, "\(count) whole numbers")
    }
    return numbers.map { Int($0) }
  }
}
