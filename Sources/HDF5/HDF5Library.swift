// SPDX-License-Identifier: GPL-3.0-or-later
// One user of the library at a time.

internal import CHDF5
internal import Foundation

/// The library's state: set up once, used by one thread at a time.
enum HDF5Library {
  // Recursive: a scope may open another file, such as an index that reads what it points to.
  private static let lock = NSRecursiveLock()

  private static let isReady: Bool = {
    // At exit the library would flush what is open; after a full disk that crashes.
    guard H5dont_atexit() >= 0, H5open() >= 0 else { return false }
    // No filter is loaded that a file names.
    _ = H5PLset_loading_state(0)
    return true
  }()

  /// The version of the library that is loaded, such as `1.10.8`.
  static let version: String = exclusively {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  static func exclusively<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    precondition(isReady, "the HDF5 library cannot be set up")
    // A library that is built for threads prints errors for each of them until it is told not to.
    _ = skydiff_h5_silence()
    return try body()
  }

  /// Kept where an identifier was refused: giving back others makes the library forget.
  nonisolated(unsafe) private static var refusal = ""

  /// Remembers why an identifier was refused; the lock is held.
  static func rememberRefusal() { refusal = currentReason() }

  /// What the library says about the last failure; the lock is held.
  static func reason() -> String {
    let current = currentReason()
    let reason = current.isEmpty ? refusal : current
    refusal = ""
    return reason.isEmpty ? "the HDF5 library gives no reason" : reason
  }

  private static func currentReason() -> String {
    var text = [CChar](repeating: 0, count: 200)
    skydiff_h5_last_error(&text)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// An identifier of the library, given back when nobody holds it.
final class Identifier {
  let id: hid_t

  /// - Returns: `nil` for the library's answer that something failed.
  init?(_ id: hid_t) {
    guard id >= 0 else {
      HDF5Library.rememberRefusal()
      return nil
    }
    self.id = id
  }

  deinit { H5Idec_ref(id) }
}
