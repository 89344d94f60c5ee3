// SPDX-License-Identifier: GPL-3.0-or-later
// Takes the bytes of a file that the library made in memory.

internal import CHDF5

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Keeps the buffer of a file in memory when the library closes it.
///
/// The library's own way to ask for the bytes leaves the mark "open for writing" in them.
final class FileImageSink {
  private var buffer: UnsafeMutableRawPointer?
  private var capacity = 0

  deinit { buffer?.deallocateFromC() }

  func attach(to access: Identifier) -> Bool {
    var callbacks = H5FD_file_image_callbacks_t(
      image_malloc: { size, _, context in FileImageSink.from(context)?.allocate(size) },
      image_memcpy: { target, source, size, _, _ in
        guard let target, let source else { return nil }
        return memcpy(target, source, size)
      },
      image_realloc: { old, size, _, context in FileImageSink.from(context)?.reallocate(old, size) },
      image_free: { pointer, operation, context in
        FileImageSink.from(context)?.release(pointer, isLast: operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE)
        return 0
      },
      // The library copies the property list; all copies speak to this object, which outlives the file.
      udata_copy: { $0 }, udata_free: { _ in 0 }, udata: Unmanaged.passUnretained(self).toOpaque())
    return H5Pset_file_image_callbacks(access.id, &callbacks) >= 0
  }

  /// The file, once it is closed; `nil` when there is none.
  func takeBytes() -> [UInt8]? {
    guard let buffer else { return nil }
    let all = UnsafeRawBufferPointer(start: buffer, count: capacity)
    // The buffer grows in steps; the superblock says where the file ends.
    guard let end = Superblock.end(of: Array(all.prefix(Superblock.length))[...]), end <= capacity else { return nil }
    return Array(all.prefix(end))
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> FileImageSink? {
    context.map { Unmanaged<FileImageSink>.fromOpaque($0).takeUnretainedValue() }
  }

  private func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    let pointer = malloc(size)
    if pointer != nil { capacity = size }
    return pointer
  }

  private func reallocate(_ old: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
    let pointer = realloc(old, size)
    if pointer != nil { capacity = size }
    return pointer
  }

  private func release(_ pointer: UnsafeMutableRawPointer?, isLast: Bool) {
    if isLast, buffer == nil {
      buffer = pointer
    } else {
      free(pointer)
    }
  }
}

extension UnsafeMutableRawPointer {
  fileprivate func deallocateFromC() { free(self) }
}
