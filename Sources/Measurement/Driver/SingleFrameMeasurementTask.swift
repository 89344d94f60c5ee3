// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring the sources of a catalog.

package import Catalogs
package import Imaging
package import TaskFramework

/// Measures the sources of a catalog on one exposure, with plugins that the configuration chooses (detection-measurement A.10).
///
/// A measurement of a source that fails sets flags, and the next one is done: no source stops the others.
package final class SingleFrameMeasurementTask: Task {
  package static let defaultName: String? = "measurement"

  package let node: TaskNode
  package let config: SingleFrameMeasurementConfig
  private var plugins: PluginSet?

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Adds the columns of all plugins to a schema, lets the slots stand for theirs, and makes the plugins.
  ///
  /// Columns are in the order in which the plugins run. A plugin resolves what it builds on in this schema, so columns of
  /// detection come before.
  ///
  /// - Parameter afterCentroids: adds columns of others behind those of the centroiders.
  /// - Throws: ``Catalogs/CatalogError``; ``TaskFramework/TaskError`` for an alternative that is no measurement.
  package func addFields(
    to schema: inout Schema, afterCentroids: (inout Schema) throws -> Void = { _ in }
  ) throws {
    plugins = try PluginSet(config.plugins, config.slots, addingTo: &schema, afterCentroids: afterCentroids)
  }

  /// Measures all sources.
  ///
  /// **Metadata.** `measuredCount`; `failureCount`, failures of single measurements.
  ///
  /// - Parameters:
  ///   - catalog: of the schema of ``addFields(to:)``, or one that continues it; each row has a footprint with peaks, or a centroid
  ///     already.
  ///   - orders: plugins of other execution orders are left out, as if they had been done before or came later.
  ///   - slots: what measurements build on, when it is not what the catalog's slots say.
  ///   - replacement: the pixels of each source, unless `doReplaceWithNoise` gives them.
  ///   - exposureID: what the noise in the place of other sources depends on.
  /// - Throws: ``MeasurementError``.
  package func run(
    _ catalog: inout Catalog, on exposure: Exposure, orders: Range<Double> = -.infinity..<(.infinity),
    slots: MeasurementSlots? = nil, replacement: (any PixelReplacement)? = nil, exposureID: Int64 = 0
  ) throws {
    guard let plugins else { throw MeasurementError.notPrepared }
    let slots = slots ?? MeasurementSlots(catalog.schema)
    try plugins.check(catalog, exposure, slots, orders: orders)
    try timer("run") { () throws in
      let image = MeasurementImage(exposure, slots: slots)
      let failureCount =
        config.doReplaceWithNoise
        ? try plugins.run(
          &catalog, on: image, orders: orders, noise: config.noiseReplacer, exposureID: exposureID, log: log)
        : try plugins.run(&catalog, on: image, orders: orders, replacement: replacement, log: log)
      try metadata.set("measuredCount", catalog.rowCount)
      try metadata.set("failureCount", failureCount)
    }
  }
}
