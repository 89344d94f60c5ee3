// SPDX-License-Identifier: GPL-3.0-or-later
// What can be wrong with a sky map, a tract or a patch.

/// An error about a sky map.
package enum SkyMapError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A configuration value that makes no map.
  case invalidConfiguration(field: String, value: String, requirement: String)
  /// A tract number that the map does not have (category LookupError).
  case noSuchTract(id: Int, count: Int)
  /// A patch number that the tract does not have (category LookupError).
  case noSuchPatch(index: Int, tract: Int, count: Int)
  /// A position that no patch of the tract holds (category LookupError).
  case outsideTract(raDegrees: Double, decDegrees: Double, tract: Int)
  /// A position that is no direction on the sky.
  case undefinedPosition
  /// A tract that cannot be laid out: too large for its projection or for a pixel grid.
  case impossibleTract(id: Int, reason: String)

  package var description: String {
    switch self {
    case .invalidConfiguration(let field, let value, let requirement):
      "sky map: \(field) is \(value); it must be \(requirement)"
    case .noSuchTract(let id, let count): "sky map: there is no tract \(id); tracts are 0 to \(count - 1)"
    case .noSuchPatch(let index, let tract, let count):
      "sky map: tract \(tract) has no patch \(index); its patches are 0 to \(count - 1)"
    case .outsideTract(let ra, let dec, let tract): "sky map: (\(ra), \(dec)) deg is outside tract \(tract)"
    case .undefinedPosition: "sky map: the position is not finite"
    case .impossibleTract(let id, let reason): "sky map: tract \(id) cannot be laid out: \(reason)"
    }
  }
}
