// SPDX-License-Identifier: GPL-3.0-or-later
// A folder in a file.

internal import CHDF5

/// A group of a file; valid inside the closure that the file was opened for.
package final class HDF5Group: HDF5Object {
  package let file: String
  package let path: String
  let identifier: Identifier
  /// Bytes of the file; 0 while it is made.
  let fileSize: Int

  init(file: String, path: String, _ identifier: Identifier, fileSize: Int) {
    self.file = file
    self.path = path
    self.identifier = identifier
    self.fileSize = fileSize
  }

  func childPath(_ name: String) -> String { path == "/" ? "/\(name)" : "\(path)/\(name)" }

  /// The names of everything in the group, in the order in which it was made where the file keeps it.
  ///
  /// - Throws: ``HDF5Error``.
  package var names: [String] {
    get throws(HDF5Error) {
      var info = H5G_info_t()
      guard H5Gget_info(identifier.id, &info) >= 0 else { throw damaged() }
      guard info.nlinks <= 1_000_000 else {
        throw .tooLarge(file: file, object: path, claim: "to hold \(info.nlinks) objects")
      }
      guard info.nlinks > 0 else { return [] }
      let names = NameList()
      let context = Unmanaged.passUnretained(names).toOpaque()
      let collect: H5L_iterate_t = { _, name, _, context in
        guard let name, let context else { return -1 }
        Unmanaged<NameList>.fromOpaque(context).takeUnretainedValue().names.append(String(cString: name))
        return 0
      }
      for order in [H5_INDEX_CRT_ORDER, H5_INDEX_NAME] {
        names.names = []
        if H5Literate(identifier.id, order, H5_ITER_INC, nil, collect, context) >= 0 { return names.names }
      }
      throw damaged()
    }
  }

  /// Whether the group holds something of a name, itself and not by a link elsewhere.
  package func contains(_ name: String) -> Bool {
    guard isPlain(name) else { return false }
    var info = H5L_info_t()
    let isThere = skydiff_h5_link_info(identifier.id, name, &info) >= 0 && info.type == H5L_TYPE_HARD
    if !isThere { _ = HDF5Library.reason() }
    return isThere
  }

  /// Lets a name stand for the root of another file; its path is relative to the folder of this one.
  ///
  /// - Throws: ``HDF5Error``.
  package func linkFile(_ name: String, path target: String) throws(HDF5Error) {
    guard isPlain(name), H5Lcreate_external(target, "/", identifier.id, name, 0, 0) >= 0 else {
      throw .cannotEncode(file: file, object: childPath(name), reason: HDF5Library.reason())
    }
  }

  /// A path would lead through links that nobody looked at.
  private func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && !name.utf8.contains { $0 == 0x2F || $0 == 0 }
  }

  /// - Throws: ``HDF5Error/missing(file:object:)`` also for links that lead elsewhere, to other files above all.
  private func require(_ name: String) throws(HDF5Error) {
    guard contains(name) else { throw .missing(file: file, object: childPath(name)) }
  }

  /// - Throws: ``HDF5Error``.
  package func group(_ name: String) throws(HDF5Error) -> HDF5Group {
    try require(name)
    guard let child = Identifier(skydiff_h5_group_open(identifier.id, name)) else {
      throw .damaged(file: file, object: childPath(name), reason: HDF5Library.reason())
    }
    return HDF5Group(file: file, path: childPath(name), child, fileSize: fileSize)
  }

  /// - Throws: ``HDF5Error``.
  package func dataset(_ name: String) throws(HDF5Error) -> HDF5Dataset {
    try require(name)
    guard let child = Identifier(skydiff_h5_dataset_open(identifier.id, name)) else {
      throw .damaged(file: file, object: childPath(name), reason: HDF5Library.reason())
    }
    return try HDF5Dataset(file: file, path: childPath(name), child, fileSize: fileSize)
  }

  /// - Throws: ``HDF5Error/cannotEncode(file:object:reason:)``.
  package func makeGroup(_ name: String) throws(HDF5Error) -> HDF5Group {
    guard isPlain(name) else {
      throw .cannotEncode(file: file, object: childPath(name), reason: "a name cannot be empty, \".\" or hold \"/\"")
    }
    guard let creation = Identifier(H5Pcreate(skydiff_h5_group_create())), HDF5File.setOrderAndTimes(creation),
      H5Pset_link_creation_order(creation.id, HDF5File.trackedAndIndexed) >= 0,
      let links = Self.linkCreation(),
      let child = Identifier(skydiff_h5_group_new(identifier.id, name, links.id, creation.id))
    else { throw .cannotEncode(file: file, object: childPath(name), reason: HDF5Library.reason()) }
    return HDF5Group(file: file, path: childPath(name), child, fileSize: 0)
  }

  /// Names are UTF-8.
  private static func linkCreation() -> Identifier? {
    guard let links = Identifier(H5Pcreate(skydiff_h5_link_create())),
      H5Pset_char_encoding(links.id, H5T_CSET_UTF8) >= 0
    else { return nil }
    return links
  }

  /// Writes a dataset, in chunks that are shuffled, deflated and carry a Fletcher-32 checksum.
  ///
  /// - Parameters:
  ///   - shape: 1 to 3 extents, the last runs fastest.
  ///   - chunk: as many extents; at most `shape` is used.
  ///   - bytes: the elements, row by row, packed.
  ///   - level: of deflate, 1 (fast) to 12.
  /// - Throws: ``HDF5Error/cannotEncode(file:object:reason:)``.
  @discardableResult
  package func writeDataset(
    _ name: String, _ type: HDF5Type, shape: [Int], chunk: [Int], level: Int = 1, _ bytes: UnsafeRawBufferPointer
  ) throws(HDF5Error) -> HDF5Dataset {
    let path = childPath(name)
    func failure(_ reason: String? = nil) -> HDF5Error {
      .cannotEncode(file: file, object: path, reason: reason ?? HDF5Library.reason())
    }
    guard isPlain(name) else { throw failure("a name cannot be empty, \".\" or hold \"/\"") }
    guard let fileType = type.makeIdentifier() else { throw failure() }
    let grid = ChunkGrid(shape: shape, chunk: chunk, elementSize: type.size)
    guard bytes.count == grid.byteCount else {
      throw failure("\(bytes.count) bytes for a shape that takes \(grid.byteCount)")
    }
    let extents = shape.map { hsize_t($0) }
    guard let space = Identifier(H5Screate_simple(Int32(shape.count), extents, nil)),
      let creation = Identifier(H5Pcreate(skydiff_h5_dataset_create())), HDF5File.setOrderAndTimes(creation),
      H5Pset_fill_time(creation.id, H5D_FILL_TIME_NEVER) >= 0, let links = Self.linkCreation()
    else { throw failure() }
    if grid.chunkCount > 0 {
      guard H5Pset_chunk(creation.id, Int32(shape.count), grid.chunk.suffix(shape.count).map { hsize_t($0) }) >= 0,
        H5Pset_shuffle(creation.id) >= 0, H5Pset_deflate(creation.id, UInt32(min(level, 9))) >= 0,
        H5Pset_fletcher32(creation.id) >= 0
      else { throw failure() }
    } else {
      // There are no elements, and a chunk has at least one.
      guard H5Pset_layout(creation.id, H5D_COMPACT) >= 0 else { throw failure() }
    }
    guard
      let child = Identifier(
        skydiff_h5_dataset_new(identifier.id, name, fileType.id, space.id, links.id, creation.id))
    else { throw failure() }
    var encoder = ChunkEncoder(elementSize: type.size, byteCount: grid.chunkByteCount, level: level)
    for index in 0..<grid.chunkCount {
      let origin = grid.origin(ofChunk: index)
      grid.gather(bytes, chunkAt: origin, into: &encoder.raw)
      let length = encoder.encode()
      let offset = origin.suffix(shape.count).map { hsize_t($0) }
      guard H5Dwrite_chunk(child.id, skydiff_h5_default, 0, offset, length, encoder.stored) >= 0 else {
        throw failure()
      }
    }
    return try HDF5Dataset(file: file, path: path, child, fileSize: .max)
  }

  /// Writes numbers.
  ///
  /// - Throws: ``HDF5Error/cannotEncode(file:object:reason:)``.
  @discardableResult
  package func write<Number: HDF5Number>(
    _ name: String, _ values: [Number], shape: [Int]? = nil, chunk: [Int]? = nil, level: Int = 1
  ) throws(HDF5Error) -> HDF5Dataset {
    let shape = shape ?? [values.count]
    let chunk = chunk ?? Self.chunk(for: shape, Number.hdf5Type)
    return try values.withUnsafeBytes { bytes in
      Result { () throws(HDF5Error) in
        try writeDataset(name, Number.hdf5Type, shape: shape, chunk: chunk, level: level, bytes)
      }
    }.get()
  }

  /// Chunks of about 256 KiB: flat ones in images, which are read a strip of rows at a time as often as whole; runs of rows in tables.
  package static func chunk(for shape: [Int], _ type: HDF5Type) -> [Int] {
    let elements = max(1, (1 << 18) / max(1, type.size))
    guard shape.count > 1 else { return [max(1, min(elements, shape.first ?? 1))] }
    let columns = max(1, min(shape[shape.count - 1], 2048))
    let rows = max(1, min(shape[shape.count - 2], elements / columns))
    return shape.indices.map { axis in axis < shape.count - 2 ? 1 : axis == shape.count - 2 ? rows : columns }
  }
}

private final class NameList {
  var names: [String] = []
}
