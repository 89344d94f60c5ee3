// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring the sources of a catalog.

package import Catalogs
package import Imaging
internal import Logging
package import TaskFramework

/// Measures the sources of a catalog on one exposure, with plugins that the configuration chooses (detection-measurement A.10).
///
/// A measurement of a source that fails sets flags, and the next one is done: no source stops the others.
package final class SingleFrameMeasurementTask: Task {
  package static let defaultName: String? = "measurement"

  private struct Entry {
    let order: Double
    let plugin: any MeasurementPlugin
    let config: any MeasurementPluginConfig.Type
  }

  package let node: TaskNode
  package let config: SingleFrameMeasurementConfig
  /// In the order in which they run.
  private var entries: [Entry] = []
  private var schema: Schema?
  private var invalidPSF: Key<Bool>?

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Adds the columns of all plugins to a schema, lets the slots stand for theirs, and makes the plugins.
  ///
  /// Columns are in the order in which the plugins run. A plugin resolves what it builds on in this schema, so columns of
  /// detection come before.
  ///
  /// - Throws: ``Catalogs/CatalogError``; ``TaskFramework/TaskError`` for an alternative that is no measurement.
  package func addFields(to schema: inout Schema) throws {
    for (slot, measurement) in config.slots.all { try schema.setSlot(slot, to: measurement) }
    var chosen: [(name: String, config: any MeasurementPluginConfig)] = []
    for name in config.plugins.names {
      guard let config = config.plugins[name] as? any MeasurementPluginConfig else {
        throw TaskError("\(name) is no measurement of single sources")
      }
      chosen.append((name, config))
    }
    chosen.sort { (type(of: $0.config).executionOrder, $0.name) < (type(of: $1.config).executionOrder, $1.name) }
    entries = []
    for (name, config) in chosen {
      let plugin = try config.makePlugin(name, addingTo: &schema)
      entries.append(Entry(order: type(of: config).executionOrder, plugin: plugin, config: type(of: config)))
    }
    invalidPSF = try schema.addField("base_InvalidPsf_flag", doc: "the PSF is undefined where a measurement needs it")
    self.schema = schema
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
  /// - Throws: ``MeasurementError``.
  package func run(
    _ catalog: inout Catalog, on exposure: Exposure, orders: Range<Double> = -.infinity..<(.infinity),
    slots: MeasurementSlots? = nil
  ) throws {
    guard let schema, let invalidPSF else { throw MeasurementError.notPrepared }
    guard catalog.schema.fields.starts(with: schema.fields) else {
      throw MeasurementError.wrongSchema(schema.differences(from: catalog.schema))
    }
    let slots = slots ?? MeasurementSlots(catalog.schema)
    let due = entries.filter { orders.contains($0.order) }
    for entry in due {
      if entry.config.needsPSF, exposure.psf == nil { throw MeasurementError.noPSF(plugin: entry.plugin.name) }
      for slot in entry.config.requiredSlots where !slots.has(slot) {
        throw MeasurementError.noSlot(slot.rawValue, plugin: entry.plugin.name)
      }
    }
    try timer("run") { () throws in
      let image = MeasurementImage(exposure, slots: slots)
      var failureCount = 0
      for row in 0..<catalog.rowCount {
        for entry in due {
          do throws(MeasurementFailure) {
            try entry.plugin.measure(row: row, of: &catalog, on: image)
          } catch {
            failureCount += 1
            if let flag = entry.plugin.flag { catalog[flag, row] = true }
            switch error {
            case .flagged(let flag): catalog[flag, row] = true
            case .undefinedPSF: catalog[invalidPSF, row] = true
            case .other(let reason): log.debug("\(entry.plugin.name), row \(row): \(reason)")
            }
          }
        }
      }
      try metadata.set("measuredCount", catalog.rowCount)
      try metadata.set("failureCount", failureCount)
    }
  }
}
