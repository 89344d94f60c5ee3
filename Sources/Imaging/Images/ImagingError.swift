// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with pixels and with what is done to them.

/// An error about pixels and what is done to them.
///
/// Each names the category that the reference system's documentation uses.
package enum ImagingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// An argument that the operation cannot take (category InvalidParameterError).
  case invalidParameter(String)
  /// Two things that must have one size differ (category LengthError).
  case sizeMismatch(what: String, found: String, expected: String)
  /// Too few points for an interpolant, or a position outside of something (category OutOfRangeError).
  case outOfRange(String)
  /// A computation has no result: nothing to fit, a singular system (category RuntimeError).
  case noResult(String)
  /// A mask has no plane of this name (category InvalidParameterError).
  case unknownMaskPlane(name: String, known: [String])
  /// All 32 planes of a mask are taken.
  case tooManyMaskPlanes(name: String)

  /// The exception class of the reference system that people who migrate know.
  package var category: String {
    switch self {
    case .invalidParameter, .unknownMaskPlane: "InvalidParameterError"
    case .sizeMismatch: "LengthError"
    case .outOfRange: "OutOfRangeError"
    case .noResult, .tooManyMaskPlanes: "RuntimeError"
    }
  }

  package var description: String {
    switch self {
    case .invalidParameter(let message), .outOfRange(let message), .noResult(let message): message
    case .sizeMismatch(let what, let found, let expected): "\(what) is \(found), expected \(expected)"
    case .unknownMaskPlane(let name, let known):
      "there is no mask plane \(name); the planes are \(known.joined(separator: ", "))"
    case .tooManyMaskPlanes(let name): "mask plane \(name) cannot be added: all 32 planes are taken"
    }
  }
}
