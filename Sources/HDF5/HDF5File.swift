// SPDX-License-Identifier: GPL-3.0-or-later
// Files made in memory, and files read.

internal import CHDF5
internal import Foundation

/// An HDF5 file, made whole in memory or read.
///
/// The library never writes to a disk: when that is full it crashes the process. Groups and datasets are valid inside the closure
/// that they are handed to.
package enum HDF5File {
  /// Makes a file in memory.
  ///
  /// Equal calls give equal bytes: no times are kept, metadata carries checksums (format 1.10), and links and attributes keep
  /// the order in which they were made.
  ///
  /// - Parameter name: what errors call the file.
  /// - Throws: ``HDF5Error``, and what the closure throws.
  package static func encode(_ name: String, _ body: (HDF5Group) throws -> Void) throws -> [UInt8] {
    try HDF5Library.exclusively {
      func failure() -> HDF5Error { .cannotEncode(file: name, object: "the file", reason: HDF5Library.reason()) }
      let sink = FileImageSink()
      do {
        guard let creation = Identifier(H5Pcreate(skydiff_h5_file_create())),
          let access = Identifier(H5Pcreate(skydiff_h5_file_access())), setOrderAndTimes(creation),
          H5Pset_link_creation_order(creation.id, trackedAndIndexed) >= 0,
          H5Pset_libver_bounds(access.id, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0,
          H5Pset_fapl_core(access.id, 1 << 20, false) >= 0, sink.attach(to: access),
          let file = Identifier(H5Fcreate(imageName, skydiff_h5_truncate, creation.id, access.id))
        else { throw failure() }
        guard let root = Identifier(skydiff_h5_group_open(file.id, "/")) else { throw failure() }
        try body(HDF5Group(file: name, path: "/", root, fileSize: 0))
        guard H5Fflush(file.id, H5F_SCOPE_GLOBAL) >= 0 else { throw failure() }
      }
      guard let bytes = sink.takeBytes() else { throw failure() }
      return bytes
    }
  }

  /// The version of the library.
  package static var libraryVersion: String { HDF5Library.version }

  /// A name that no file has: the library looks at a file of an image's name, and then refuses the image.
  private static let imageName = "/skydiff/image"

  static let trackedAndIndexed = UInt32(H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)

  /// No times; attributes in order, and in the object's header, whose checksum covers them.
  static func setOrderAndTimes(_ creation: Identifier) -> Bool {
    H5Pset_obj_track_times(creation.id, false) >= 0 && H5Pset_attr_creation_order(creation.id, trackedAndIndexed) >= 0
      && H5Pset_attr_phase_change(creation.id, 65535, 0) >= 0
  }

  /// What the bytes at a file's start must be like.
  package enum Acceptance: Hashable, Sendable {
    /// Only files whose metadata carries checksums: ours, and what other programs write in the format of 1.10.
    case checksummed
    /// Any HDF5 file; damage to its metadata may go unnoticed.
    case anyVersion
  }

  /// Reads a file that is in memory.
  ///
  /// - Throws: ``HDF5Error``, and what the closure throws.
  package static func decode<Result>(
    _ name: String, _ bytes: [UInt8], accepting acceptance: Acceptance = .checksummed,
    _ body: (HDF5Group) throws -> Result
  ) throws -> Result {
    try Superblock.check(name, prefix: bytes.prefix(Superblock.length), fileSize: bytes.count, acceptance)
    return try open(name, path: imageName, size: bytes.count, body) { access in
      // The library only reads from an image that it has copied.
      bytes.withUnsafeBytes { buffer in
        H5Pset_fapl_core(access.id, 1 << 16, false) >= 0
          && H5Pset_file_image(access.id, UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count) >= 0
      }
    }
  }

  /// Reads a file on disk, for what should not be in memory at once.
  ///
  /// - Throws: ``HDF5Error``, and what the closure throws.
  package static func open<Result>(
    _ path: String, accepting acceptance: Acceptance = .checksummed, _ body: (HDF5Group) throws -> Result
  ) throws -> Result {
    let (prefix, size) = try Superblock.read(path)
    try Superblock.check(path, prefix: prefix[...], fileSize: size, acceptance)
    return try open(path, path: path, size: size, body) { access in
      H5Pset_fapl_sec2(access.id) >= 0
    }
  }

  private static func open<Result>(
    _ name: String, path: String, size: Int, _ body: (HDF5Group) throws -> Result, _ prepare: (Identifier) -> Bool
  ) throws -> Result {
    try HDF5Library.exclusively {
      guard let access = Identifier(H5Pcreate(skydiff_h5_file_access())), prepare(access),
        // Parallel file systems refuse locks, and our files never change once they have their name.
        H5Pset_file_locking(access.id, false, true) >= 0,
        let file = Identifier(H5Fopen(path, skydiff_h5_read_only, access.id)),
        let root = Identifier(skydiff_h5_group_open(file.id, "/"))
      else { throw HDF5Error.damaged(file: name, object: "the file", reason: HDF5Library.reason()) }
      return try body(HDF5Group(file: name, path: "/", root, fileSize: size))
    }
  }
}
