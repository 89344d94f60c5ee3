// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with a FITS file.

/// An error about a FITS file; names the file.
package enum FITSError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file cannot be opened or read at all.
  case unreadable(file: String, reason: String)
  /// CFITSIO finds no usable content: not FITS, truncated, damaged.
  case damaged(file: String, reason: String)
  /// The file lacks a part, named as its keyword, column or HDU.
  case missing(file: String, part: String)
  /// A part of the file holds something that cannot be.
  case invalid(file: String, part: String, reason: String)

  package var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .damaged(let file, let reason): "\(file): not a FITS file, truncated or damaged: \(reason)"
    case .missing(let file, let part): "\(file): has no \(part)"
    case .invalid(let file, let part, let reason): "\(file): \(part): \(reason)"
    }
  }
}
