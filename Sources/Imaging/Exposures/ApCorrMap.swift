// SPDX-License-Identifier: GPL-3.0-or-later
// Aperture corrections over an image.

/// Aperture corrections by name of the flux field, each a smooth function of the position.
package struct ApCorrMap: Hashable, Sendable {
  private var fields: [String: SpatialFunction] = [:]

  package init() {}

  /// The names in alphabetical order.
  package var names: [String] { fields.keys.sorted() }

  package subscript(name: String) -> SpatialFunction? {
    get { fields[name] }
    set { fields[name] = newValue }
  }
}
