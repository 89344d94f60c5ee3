// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with a world coordinate system.

/// An error about a FITS world coordinate system.
package enum WCSError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The header lacks a keyword without which there is no celestial system.
  case missingKeyword(String)
  /// The header has a distortion that is not implemented; ignoring it would give wrong positions without a word.
  case unsupportedDistortion(keyword: String)
  /// The axes are not right ascension and declination, but for example galactic or ecliptic.
  case notEquatorial(axes: [String])
  /// The axes are of another epoch than J2000; taking them for ICRS would give positions that are off by minutes of arc.
  case unsupportedFrame(String)
  /// The linear transformation matrix is singular.
  case singularMatrix
  /// WCSLIB refuses the header; `reason` is its own explanation.
  case invalidHeader(reason: String)
  /// A position has no counterpart: outside the projection's domain, or beyond where the distortion can be inverted.
  case undefinedPosition(x: Double, y: Double)

  package var description: String {
    switch self {
    case .missingKeyword(let name): "WCS: the header has no \(name)"
    case .unsupportedDistortion(let name):
      "WCS: the distortion declared by \(name) is not supported (SIP, TPV, TNX, ZPX are)"
    case .notEquatorial(let axes):
      "WCS: the axes are \(axes.joined(separator: ", ")), not right ascension and declination"
    case .unsupportedFrame(let frame):
      "WCS: the axes are of \(frame); positions must be ICRS or FK5 of J2000, so precess the header first"
    case .singularMatrix: "WCS: the linear transformation matrix (CDi_j, or PCi_j and CDELTi) is singular"
    case .invalidHeader(let reason): "WCS: invalid header: \(reason)"
    case .undefinedPosition(let x, let y): "WCS: no position corresponds to (\(x), \(y))"
    }
  }
}
