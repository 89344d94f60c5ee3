// SPDX-License-Identifier: GPL-3.0-or-later
// What a measurement of a source is.

package import Catalogs
package import TaskFramework

/// One kind of measurement, with the columns that it fills.
package protocol MeasurementPlugin: Sendable {
  /// What its columns begin with.
  var name: String { get }
  /// Set with every failure; `nil` for a plugin that leaves its columns empty instead.
  var flag: Key<Bool>? { get }
  /// Measures the source of a row and writes what it finds.
  ///
  /// - Throws: ``MeasurementFailure``, which the caller turns into flags.
  func measure(
    row: Int, of catalog: inout Catalog, on image: MeasurementImage
  ) throws(MeasurementFailure)
}

/// How a measurement is done, and what makes it.
package protocol MeasurementPluginConfig: Config {
  /// Plugins run in the order of these, then of their names (A.10.1).
  static var executionOrder: Double { get }
  static var needsPSF: Bool { get }
  /// The measurements of others that it builds on.
  static var requiredSlots: [Slot] { get }
  /// Adds its columns to a schema and makes the plugin.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  func makePlugin(_ name: String, addingTo schema: inout Schema) throws(CatalogError) -> any MeasurementPlugin
}

extension MeasurementPluginConfig {
  package static var needsPSF: Bool { false }
  package static var requiredSlots: [Slot] { [.centroid] }
}

/// When a measurement of a kind has its turn (A.10.1).
package enum ExecutionOrder {
  package static let centroid = 0.0
  package static let shape = 1.0
  package static let flux = 2.0
  package static let apertureCorrection = 3.0
  package static let catalogCalculation = 4.0
}

extension Schema {
  /// Adds a plugin's general flag, `NAME_flag`, or one of a kind of failure, `NAME_flag_KIND`.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package mutating func addFlag(_ plugin: String, _ kind: String = "", doc: String) throws(CatalogError) -> Key<Bool> {
    try addField(plugin + "_flag" + (kind.isEmpty ? "" : "_" + kind), doc: doc)
  }

  /// Gives the flag of a slot's measurement a name among the flags of a plugin, such as `NAME_flag_badCentroid` (B.1.3).
  ///
  /// A measurement without a flag, or the plugin's own, gets no other name.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package mutating func aliasFlag(of slot: Slot, as alias: String, for plugin: String) throws(CatalogError) {
    guard let measurement = measurement(of: slot), measurement != plugin, contains(measurement + "_flag") else {
      return
    }
    try setAlias("\(plugin)_flag_\(alias)", to: measurement + "_flag")
  }
}
