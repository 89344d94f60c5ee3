// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with a box, an angle or a position that came from data.

/// An error about a box, an angle or a position on the sky.
package enum GeometryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A box reaches outside ``Box2I/coordinateLimits``, or has a negative extent.
  case boxOutOfRange(minimum: [Double], extent: [Double])
  /// A declination, radius or other quantity lies outside its range; `quantity` names it, angles are in degrees.
  case valueOutOfRange(quantity: String, value: Double, range: String)

  package var description: String {
    switch self {
    case .boxOutOfRange(let minimum, let extent):
      "box with minimum \(minimum) and extent \(extent) is not representable: "
        + "extents must be at least 0 and every pixel within \(Box2I.coordinateLimits)"
    case .valueOutOfRange(let quantity, let value, let range):
      "\(quantity) is \(value), outside \(range)"
    }
  }
}
