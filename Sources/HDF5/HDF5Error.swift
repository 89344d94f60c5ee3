// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with an HDF5 file.

/// An error about an HDF5 file; names the file and the object in it.
package enum HDF5Error: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not HDF5, cut off, or of a kind that is not accepted: found before the library saw the file.
  case notAccepted(file: String, reason: String)
  /// The library, or a checksum, says that a part is damaged.
  case damaged(file: String, object: String, reason: String)
  case missing(file: String, object: String)
  /// A part has another type, shape or value than its format says.
  case unexpected(file: String, object: String, found: String, expected: String)
  /// A part claims more than is reasonable; nothing was allocated for it.
  case tooLarge(file: String, object: String, claim: String)
  /// What is to be written does not fit the format.
  case cannotEncode(file: String, object: String, reason: String)

  package var description: String {
    switch self {
    case .notAccepted(let file, let reason): "\(file): \(reason)"
    case .damaged(let file, let object, let reason): "\(file): \(object) is damaged: \(reason)"
    case .missing(let file, let object): "\(file): has no \(object)"
    case .unexpected(let file, let object, let found, let expected):
      "\(file): \(object) is \(found), expected \(expected)"
    case .tooLarge(let file, let object, let claim): "\(file): \(object) claims \(claim)"
    case .cannotEncode(let file, let object, let reason): "\(file): \(object) cannot be written: \(reason)"
    }
  }
}
