// SPDX-License-Identifier: GPL-3.0-or-later
// An array in a file.

internal import CHDF5

/// An array in a file; valid inside the closure that the file was opened for.
package final class HDF5Dataset: HDF5Object {
  package let file: String
  package let path: String
  let identifier: Identifier
  private let fileSize: Int
  private let fileType: Identifier
  package let type: HDF5Type
  /// 1 to 3 extents, the last runs fastest; a scalar has one of 1.
  package let shape: [Int]

  /// A file may not make us allocate more than this for one dataset.
  private static let largestByteCount = 1 << 36
  /// No deflated stream gives more bytes for each of its own.
  private static let largestDeflateRatio = 1032

  init(file: String, path: String, _ identifier: Identifier, fileSize: Int) throws(HDF5Error) {
    self.file = file
    self.path = path
    self.identifier = identifier
    self.fileSize = fileSize
    func unexpected(_ found: String, _ expected: String) -> HDF5Error {
      .unexpected(file: file, object: path, found: found, expected: expected)
    }
    guard let fileType = Identifier(H5Dget_type(identifier.id)), let space = Identifier(H5Dget_space(identifier.id))
    else { throw .damaged(file: file, object: path, reason: HDF5Library.reason()) }
    self.fileType = fileType
    guard let type = HDF5Type(fileType) else {
      throw unexpected(
        "of a type that no format here has", "plain numbers, booleans, text of fixed length or records of them")
    }
    self.type = type
    // Virtual and external data lie in other files, which a file must not make us open.
    guard let creation = Identifier(H5Dget_create_plist(identifier.id)), H5Pget_layout(creation.id) != H5D_VIRTUAL,
      H5Pget_external_count(creation.id) == 0
    else { throw unexpected("stored in other files", "data in this one") }
    let rank = H5Sget_simple_extent_ndims(space.id)
    guard (0...3).contains(rank), H5Sget_simple_extent_type(space.id) != H5S_NULL else {
      throw unexpected("an array of \(rank) axes", "1 to 3")
    }
    var extents = [hsize_t](repeating: 1, count: max(1, Int(rank)))
    if rank > 0, H5Sget_simple_extent_dims(space.id, &extents, nil) != rank {
      throw .damaged(file: file, object: path, reason: HDF5Library.reason())
    }
    var total = type.size
    for extent in extents {
      let (product, overflows) = total.multipliedReportingOverflow(by: Int(exactly: extent) ?? .max)
      guard !overflows, product <= Self.largestByteCount, extent <= 1 << 32 else {
        throw .tooLarge(file: file, object: path, claim: "\(extents) elements of \(type.size) bytes")
      }
      total = product
    }
    shape = extents.map { Int($0) }
    byteCount = total
  }

  private let byteCount: Int

  /// How the elements are stored, if as ``HDF5Group/writeDataset(_:_:shape:chunk:level:_:)`` stores them.
  private func ownChunks() -> ChunkGrid? {
    guard let creation = Identifier(H5Dget_create_plist(identifier.id)), H5Pget_layout(creation.id) == H5D_CHUNKED,
      H5Pget_nfilters(creation.id) == 3, let own = type.makeIdentifier(), H5Tequal(own.id, fileType.id) > 0
    else { return nil }
    for (i, filter) in [H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, H5Z_FILTER_FLETCHER32].enumerated() {
      var (flags, count, configuration) = (UInt32(0), 0, UInt32(0))
      guard H5Pget_filter2(creation.id, UInt32(i), &flags, &count, nil, 0, nil, &configuration) == filter else {
        return nil
      }
    }
    var extents = [hsize_t](repeating: 0, count: shape.count)
    guard H5Pget_chunk(creation.id, Int32(shape.count), &extents) == shape.count,
      extents.allSatisfy({ $0 > 0 && $0 <= 1 << 32 })
    else { return nil }
    let chunk = extents.map { Int($0) }
    // A chunk larger than the array would be stored whole; ours never are.
    guard zip(chunk, shape).allSatisfy({ $0 <= max(1, $1) }) else { return nil }
    return ChunkGrid(shape: shape, chunk: chunk, elementSize: type.size)
  }

  /// All elements, packed and in this machine's byte order.
  ///
  /// - Throws: ``HDF5Error``.
  package func readBytes() throws(HDF5Error) -> [UInt8] {
    guard byteCount > 0 else { return [] }
    try checkClaim()
    if let grid = ownChunks() { return try readOwnChunks(grid, rows: 0..<grid.shape[grid.shape.count - shape.count]) }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    guard let memory = memoryType(),
      H5Dread(identifier.id, memory.id, skydiff_h5_all, skydiff_h5_all, skydiff_h5_default, &bytes) >= 0
    else { throw damaged() }
    return bytes
  }

  /// What elements are read as: text keeps the character set that the file says it has, between which the library does not convert.
  private func memoryType() -> Identifier? {
    guard let native = Identifier(H5Tget_native_type(fileType.id, H5T_DIR_ASCEND)) else { return type.makeIdentifier() }
    if case .record = type, H5Tpack(native.id) < 0 { return type.makeIdentifier() }
    return H5Tget_size(native.id) == type.size ? native : type.makeIdentifier()
  }

  /// What is stored cannot make the array that is claimed.
  private func checkClaim() throws(HDF5Error) {
    let stored = Int(clamping: H5Dget_storage_size(identifier.id))
    guard stored > 0, stored <= max(fileSize, 1), byteCount / Self.largestDeflateRatio <= stored else {
      throw .tooLarge(file: file, object: path, claim: "\(byteCount) bytes, of which \(stored) are stored")
    }
  }

  /// Some rows (of the first axis) of an array in our own chunks.
  private func readOwnChunks(_ grid: ChunkGrid, rows: Range<Int>) throws(HDF5Error) -> [UInt8] {
    let axis = grid.shape.count - shape.count
    var part = grid.shape
    part[axis] = rows.count
    let decoder = ChunkDecoder(elementSize: type.size, byteCount: grid.chunkByteCount)
    var bytes = [UInt8](repeating: 0, count: part.reduce(type.size, *))
    for index in 0..<grid.chunkCount {
      var origin = grid.origin(ofChunk: index)
      guard origin[axis] < rows.upperBound, origin[axis] + grid.chunk[axis] > rows.lowerBound else { continue }
      try decode(chunkAt: origin, with: decoder)
      if rows.count == grid.shape[axis] {
        bytes.withUnsafeMutableBytes { grid.scatter(decoder.raw, chunkAt: origin, into: $0) }
      } else {
        origin[axis] -= rows.lowerBound
        copyRows(of: decoder.raw, grid, chunkAt: origin, axis: axis, into: &bytes, part: part)
      }
    }
    return bytes
  }

  /// The rows of a chunk that a part of the array asks for; the chunk's origin counts from the part's first row.
  private func copyRows(
    of chunk: [UInt8], _ grid: ChunkGrid, chunkAt origin: [Int], axis: Int, into bytes: inout [UInt8], part: [Int]
  ) {
    let element = grid.elementSize
    for a in 0..<grid.chunk[0] {
      for b in 0..<grid.chunk[1] {
        for c in (axis == 2 ? 0..<grid.chunk[2] : 0..<1) {
          let place = [origin[0] + a, origin[1] + b, origin[2] + c]
          guard place[0] >= 0, place[1] >= 0, place[2] >= 0, place[0] < part[0], place[1] < part[1], place[2] < part[2]
          else { continue }
          let length = (axis == 2 ? 1 : min(grid.chunk[2], part[2] - place[2])) * element
          let target = ((place[0] * part[1] + place[1]) * part[2] + place[2]) * element
          let source = ((a * grid.chunk[1] + b) * grid.chunk[2] + c) * element
          bytes.replaceSubrange(target..<target + length, with: chunk[source..<source + length])
        }
      }
    }
  }

  private func decode(chunkAt origin: [Int], with decoder: ChunkDecoder) throws(HDF5Error) {
    let offset = origin.suffix(shape.count).map { hsize_t($0) }
    var size: hsize_t = 0
    guard H5Dget_chunk_storage_size(identifier.id, offset, &size) >= 0, size > 0 else {
      throw damaged("a chunk is missing")
    }
    guard size <= hsize_t(fileSize) else {
      throw .tooLarge(file: file, object: path, claim: "a chunk of \(size) bytes")
    }
    var filters: UInt32 = 0
    var stored = [UInt8](repeating: 0, count: Int(size))
    guard H5Dread_chunk(identifier.id, skydiff_h5_default, offset, &filters, &stored) >= 0 else { throw damaged() }
    guard filters == 0 else { throw damaged("a chunk leaves out a filter") }
    if let reason = decoder.decode(stored) { throw damaged(reason) }
  }

  /// All elements as numbers.
  ///
  /// - Throws: ``HDF5Error``, also when the file holds another type: nothing is converted but the order of bytes.
  package func read<Number: HDF5Number>(_: Number.Type = Number.self) throws(HDF5Error) -> [Number] {
    try requireType(Number.hdf5Type)
    return Self.numbers(try readBytes())
  }

  /// Some rows of the first axis as numbers, for arrays that should not be in memory at once.
  ///
  /// - Precondition: the rows are in the array.
  /// - Throws: ``HDF5Error``.
  package func read<Number: HDF5Number>(rows: Range<Int>, _: Number.Type = Number.self) throws(HDF5Error) -> [Number] {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= shape[0], "rows outside the array")
    try requireType(Number.hdf5Type)
    guard !rows.isEmpty, byteCount > 0 else { return [] }
    try checkClaim()
    guard let grid = ownChunks() else {
      // Written by another program, as a whole.
      let rowLength = shape.dropFirst().reduce(1, *)
      return Array(try read(Number.self)[rows.lowerBound * rowLength..<rows.upperBound * rowLength])
    }
    return Self.numbers(try readOwnChunks(grid, rows: rows))
  }

  package func requireType(_ expected: HDF5Type) throws(HDF5Error) {
    guard type == expected else {
      throw .unexpected(file: file, object: path, found: type.name, expected: expected.name)
    }
  }

  /// - Throws: ``HDF5Error/unexpected(file:object:found:expected:)``.
  package func requireShape(_ expected: [Int]) throws(HDF5Error) {
    guard shape == expected else {
      throw .unexpected(file: file, object: path, found: "of shape \(shape)", expected: "\(expected)")
    }
  }

  /// Bytes as numbers: one copy, no loop over elements.
  static func numbers<Number: HDF5Number>(_ bytes: [UInt8]) -> [Number] {
    let count = bytes.count / MemoryLayout<Number>.stride
    return [Number](unsafeUninitializedCapacity: count) { target, filled in
      bytes.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(target).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: $0[..<(count * MemoryLayout<Number>.stride)]))
      }
      filled = count
    }
  }
}
