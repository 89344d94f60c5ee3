// SPDX-License-Identifier: GPL-3.0-or-later
// The types that datasets and attributes may have.

internal import CHDF5

/// The type of an element in a file.
///
/// No type of variable length is among them: such data lies in a heap without a checksum.
package indirect enum HDF5Type: Hashable, Sendable {
  case uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32, float64
  /// A byte that is 0 or 1, as an enumeration FALSE, TRUE: what h5py makes of a boolean.
  case boolean
  /// UTF-8, filled up with zero bytes.
  case string(length: Int)
  case array(HDF5Type, count: Int)
  /// A row of a table; the members lie one after the other without gaps.
  case record([HDF5Member])

  /// Bytes an element.
  package var size: Int {
    switch self {
    case .uint8, .int8, .boolean: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string(let length): length
    case .array(let element, let count): element.size * count
    case .record(let members): members.reduce(0) { $0 + $1.type.size }
    }
  }

  package var name: String {
    switch self {
    case .string(let length): "string of \(length) bytes"
    case .array(let element, let count): "array of \(count) \(element.name)"
    case .record(let members): "record of \(members.count) members"
    default: "\(self)"
    }
  }
}

/// A member of a record.
package struct HDF5Member: Hashable, Sendable {
  package let name: String
  package let type: HDF5Type

  package init(_ name: String, _ type: HDF5Type) {
    self.name = name
    self.type = type
  }
}

extension HDF5Type {
  private static let largestElement = 1 << 24

  private static let numbers: [(HDF5Type, @Sendable () -> hid_t)] = [
    (.uint8, skydiff_h5_u8), (.int8, skydiff_h5_i8), (.uint16, skydiff_h5_u16), (.int16, skydiff_h5_i16),
    (.uint32, skydiff_h5_u32), (.int32, skydiff_h5_i32), (.uint64, skydiff_h5_u64), (.int64, skydiff_h5_i64),
    (.float32, skydiff_h5_f32), (.float64, skydiff_h5_f64),
  ]

  /// The library's form of the type, little endian; `nil` when it refuses it.
  func makeIdentifier() -> Identifier? {
    switch self {
    case .boolean:
      guard let type = Identifier(H5Tenum_create(skydiff_h5_i8())) else { return nil }
      for (name, value) in [("FALSE", Int8(0)), ("TRUE", Int8(1))] {
        var value = value
        guard H5Tenum_insert(type.id, name, &value) >= 0 else { return nil }
      }
      return type
    case .string(let length):
      guard length > 0, let type = Identifier(H5Tcopy(skydiff_h5_string())), H5Tset_size(type.id, length) >= 0,
        H5Tset_strpad(type.id, H5T_STR_NULLPAD) >= 0, H5Tset_cset(type.id, H5T_CSET_UTF8) >= 0
      else { return nil }
      return type
    case .array(let element, let count):
      guard count > 0, let base = element.makeIdentifier() else { return nil }
      var extent = hsize_t(count)
      return Identifier(skydiff_h5_array(base.id, 1, &extent))
    case .record(let members):
      guard let type = Identifier(H5Tcreate(H5T_COMPOUND, size)) else { return nil }
      var offset = 0
      for member in members {
        guard let part = member.type.makeIdentifier(), H5Tinsert(type.id, member.name, offset, part.id) >= 0 else {
          return nil
        }
        offset += member.type.size
      }
      return type
    default:
      guard let make = Self.numbers.first(where: { $0.0 == self })?.1 else { return nil }
      return Identifier(H5Tcopy(make()))
    }
  }

  /// The type that a file declares, whatever its byte order; `nil` for one that is not among ours.
  init?(_ identifier: Identifier) {
    let size = H5Tget_size(identifier.id)
    guard size > 0, size <= Self.largestElement else { return nil }
    switch H5Tget_class(identifier.id) {
    case H5T_INTEGER, H5T_FLOAT:
      // A copy in little endian equals one of ours unless precision, padding or exponent are unusual.
      guard let copy = Identifier(H5Tcopy(identifier.id)), size == 1 || H5Tset_order(copy.id, H5T_ORDER_LE) >= 0,
        let known = Self.numbers.first(where: { H5Tequal(copy.id, $0.1()) > 0 })
      else { return nil }
      self = known.0
    case H5T_STRING:
      guard H5Tis_variable_str(identifier.id) == 0 else { return nil }
      self = .string(length: size)
    case H5T_ENUM:
      guard let own = HDF5Type.boolean.makeIdentifier(), H5Tequal(identifier.id, own.id) > 0 else { return nil }
      self = .boolean
    case H5T_ARRAY:
      guard H5Tget_array_ndims(identifier.id) == 1, let base = Identifier(H5Tget_super(identifier.id)),
        let element = HDF5Type(base), case var extent = hsize_t(0),
        skydiff_h5_array_extent(identifier.id, &extent) == 1, extent > 0, extent <= hsize_t(Self.largestElement),
        element.size * Int(extent) <= Self.largestElement
      else { return nil }
      self = .array(element, count: Int(extent))
    case H5T_COMPOUND:
      let count = H5Tget_nmembers(identifier.id)
      guard count > 0, count <= 20_000 else { return nil }
      var members: [HDF5Member] = []
      for i in 0..<UInt32(count) {
        guard let text = H5Tget_member_name(identifier.id, i) else { return nil }
        defer { H5free_memory(text) }
        guard let part = Identifier(H5Tget_member_type(identifier.id, i)), let type = HDF5Type(part) else { return nil }
        members.append(HDF5Member(String(cString: text), type))
      }
      self = .record(members)
    default: return nil
    }
  }
}

/// A number whose form in memory is its form in a file.
package protocol HDF5Number: BitwiseCopyable, Sendable {
  static var hdf5Type: HDF5Type { get }
}

extension Int8: HDF5Number { package static var hdf5Type: HDF5Type { .int8 } }
extension Int16: HDF5Number { package static var hdf5Type: HDF5Type { .int16 } }
extension UInt64: HDF5Number { package static var hdf5Type: HDF5Type { .uint64 } }
extension UInt8: HDF5Number { package static var hdf5Type: HDF5Type { .uint8 } }
extension UInt16: HDF5Number { package static var hdf5Type: HDF5Type { .uint16 } }
extension UInt32: HDF5Number { package static var hdf5Type: HDF5Type { .uint32 } }
extension Int32: HDF5Number { package static var hdf5Type: HDF5Type { .int32 } }
extension Int64: HDF5Number { package static var hdf5Type: HDF5Type { .int64 } }
extension Float: HDF5Number { package static var hdf5Type: HDF5Type { .float32 } }
extension Double: HDF5Number { package static var hdf5Type: HDF5Type { .float64 } }
