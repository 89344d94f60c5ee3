// SPDX-License-Identifier: GPL-3.0-or-later
// The plugins of a task, in the order in which they run.

internal import Catalogs
internal import Imaging
internal import Logging
internal import TaskFramework

/// The plugins of a task, made for one schema.
struct PluginSet {
  private struct Entry {
    let order: Double
    let plugin: any MeasurementPlugin
    let config: any MeasurementPluginConfig.Type
  }

  /// By execution order, then by name (detection-measurement A.10.1).
  private let entries: [Entry]
  private let schema: Schema
  private let invalidPSF: Key<Bool>

  /// Lets the slots stand for their measurements, adds the columns of all plugins, and makes them.
  ///
  /// - Parameters:
  ///   - prefix: what the names of the columns begin with; not empty for a second set of plugins of one schema.
  ///   - afterCentroids: adds columns behind those of the centroiders.
  /// - Throws: ``Catalogs/CatalogError``; ``TaskFramework/TaskError`` for an alternative that is no measurement.
  init(
    _ plugins: RegistryField, _ slots: SlotConfig, prefix: String = "", addingTo schema: inout Schema,
    afterCentroids: (inout Schema) throws -> Void = { _ in }
  ) throws {
    for (slot, measurement) in slots.all { try schema.setSlot(slot, to: measurement) }
    var chosen: [(name: String, config: any MeasurementPluginConfig)] = []
    for name in plugins.names {
      guard let config = plugins[name] as? any MeasurementPluginConfig else {
        throw TaskError("\(name) is no measurement of single sources")
      }
      chosen.append((name, config))
    }
    chosen.sort { (type(of: $0.config).executionOrder, $0.name) < (type(of: $1.config).executionOrder, $1.name) }
    var entries: [Entry] = []
    var isBehindCentroids = false
    for (name, config) in chosen {
      if !isBehindCentroids, type(of: config).executionOrder > ExecutionOrder.centroid {
        try afterCentroids(&schema)
        isBehindCentroids = true
      }
      let plugin = try config.makePlugin(prefix + name, addingTo: &schema)
      entries.append(Entry(order: type(of: config).executionOrder, plugin: plugin, config: type(of: config)))
    }
    if !isBehindCentroids { try afterCentroids(&schema) }
    self.entries = entries
    let flag = "base_InvalidPsf_flag"
    invalidPSF =
      prefix.isEmpty
      ? try schema.addField(flag, doc: "the PSF is undefined where a measurement needs it") : try schema.key(flag)
    self.schema = schema
  }

  /// Whether a catalog and an exposure have what the plugins of some execution orders need.
  ///
  /// - Throws: ``MeasurementError``.
  func check(
    _ catalog: Catalog, _ exposure: Exposure, _ slots: MeasurementSlots, orders: Range<Double>
  ) throws(MeasurementError) {
    guard catalog.schema.fields.starts(with: schema.fields) else {
      throw .wrongSchema(schema.differences(from: catalog.schema))
    }
    for entry in entries where orders.contains(entry.order) {
      if entry.config.needsPSF, exposure.psf == nil { throw .noPSF(plugin: entry.plugin.name) }
      for slot in entry.config.requiredSlots where !slots.has(slot) {
        throw .noSlot(slot.rawValue, plugin: entry.plugin.name)
      }
    }
  }

  /// Measures all rows with the plugins of some execution orders.
  ///
  /// - Parameter replacement: what stands in the image's place while a source is measured; `nil` for the image as it is.
  /// - Returns: how many measurements failed.
  /// - Throws: ``Imaging/ImagingError`` for a replacement that leaves another box.
  func run(
    _ catalog: inout Catalog, on image: MeasurementImage, orders: Range<Double> = -.infinity..<(.infinity),
    replacement: (any PixelReplacement)? = nil, log: Logger
  ) throws(ImagingError) -> Int {
    var failureCount = 0
    for row in 0..<catalog.rowCount {
      if let replacement { try image.changePixels { replacement.insert(row, into: &$0) } }
      failureCount += measure(row: row, of: &catalog, on: image, orders: orders, log: log)
      if let replacement { try image.changePixels { replacement.remove(row, from: &$0) } }
    }
    return failureCount
  }

  /// As ``run(_:on:orders:replacement:log:)``, with noise in the place of all other sources.
  ///
  /// - Parameter families: which rows are children of which; as the catalog says when left out.
  /// - Throws: ``Imaging/ImagingError`` for an image without a pixel to measure noise from.
  func run(
    _ catalog: inout Catalog, on image: MeasurementImage, orders: Range<Double> = -.infinity..<(.infinity),
    noise: NoiseReplacerConfig, families: SourceFamilies? = nil, exposureID: Int64, log: Logger
  ) throws(ImagingError) -> Int {
    guard entries.contains(where: { orders.contains($0.order) }) else { return 0 }
    let footprints = (0..<catalog.rowCount).map { catalog.footprint(row: $0) }
    let families = families ?? SourceFamilies(catalog)
    var pixels = image.image
    let replacer = try NoiseReplacer(
      footprints, parents: families.parents, in: &pixels, mask: image.mask, variance: image.variance, noise,
      exposureID: exposureID)
    // Pixels that somebody else still holds would be copied, all of them, by the first change.
    try image.changePixels { swap(&$0, &pixels) }
    let failureCount = try run(&catalog, on: image, orders: orders, replacement: replacer, log: log)
    try image.changePixels { replacer.end(&$0) }
    return failureCount
  }

  /// Measures one row with the plugins of some execution orders; a failure sets flags and goes on.
  ///
  /// - Returns: how many failed.
  private func measure(
    row: Int, of catalog: inout Catalog, on image: MeasurementImage, orders: Range<Double>, log: Logger
  ) -> Int {
    var failureCount = 0
    for entry in entries where orders.contains(entry.order) {
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
    return failureCount
  }
}
