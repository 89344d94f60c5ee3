// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring an exposure where other sources are.

package import Catalogs
package import Imaging
package import SkyGeometry
package import TaskFramework

/// Which measurements are done at given positions.
package struct ForcedMeasurementConfig: Config {
  package var plugins = MeasurementPlugins.registry.makeField(
    "the measurements", default: ["base_TransformedCentroid", "base_PsfFlux"])
  package var slots = SlotConfig()
  package var doReplaceWithNoise = true
  package var noiseReplacer = NoiseReplacerConfig()
  package var copyColumns = ["id:objectId", "parent:parentObjectId", "coord_ra:coord_ra", "coord_dec:coord_dec"]

  package init() {
    slots.centroid = "base_TransformedCentroid"
    (slots.shape, slots.psfShape, slots.modelFlux, slots.gaussianFlux) = (nil, nil, nil, nil)
  }

  package static let fields: [ConfigField<Self>] = [
    .registry("plugins", \.plugins),
    .config("slots", \.slots, doc: "which measurement stands for its kind"),
    .field("doReplaceWithNoise", \.doReplaceWithNoise, doc: "other sources are noise while one is measured"),
    .config("noiseReplacer", \.noiseReplacer, doc: "that noise"),
    .field(
      "copyColumns", \.copyColumns, count: 0...1000, doc: "columns of the reference to keep, each `theirs:ours`",
      requirement: "two names of columns with a colon between them",
      eachItem: { pair in
        let names = pair.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return names.count == 2 && names.allSatisfy(Field.isName)
      }),
  ]
}

/// Measures an exposure at the positions of other sources (detection-measurement A.12).
package final class ForcedMeasurementTask: Task {
  package static let defaultName: String? = "forcedMeasurement"
  package let node: TaskNode
  package let config: ForcedMeasurementConfig
  package let schema: Schema
  private let plugins: PluginSet

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    var schema = try Schema.minimalSource()
    for (_, own) in config.columnPairs where !schema.contains(own) {
      try schema.addField(own, as: Int64.self, doc: "copied from the reference")
    }
    plugins = try PluginSet(config.plugins, config.slots, addingTo: &schema)
    self.schema = schema
  }

  /// Measures all sources of a reference, in its order, with its footprints.
  ///
  /// **Metadata.** `measuredCount`; `failureCount`, failures of single measurements.
  ///
  /// - Parameters:
  ///   - referenceWCS: of the reference's pixels; the exposure's own when left out.
  ///   - exposureID: what the noise in the place of other sources depends on.
  /// - Returns: a row for each of the reference's.
  /// - Throws: ``MeasurementError``; ``Catalogs/CatalogError`` for a reference without the columns to copy.
  package func run(
    _ reference: Catalog, on exposure: Exposure, referenceWCS: SkyWCS? = nil, exposureID: Int64 = 0
  ) throws -> Catalog {
    var catalog = Catalog(schema, rowCount: reference.rowCount)
    for (theirs, own) in config.columnPairs { try copy(theirs, of: reference, to: own, of: &catalog) }
    for row in 0..<reference.rowCount { catalog.setFootprint(reference.footprint(row: row), row: row) }
    let slots = MeasurementSlots(schema)
    try plugins.check(catalog, exposure, slots, orders: -.infinity..<(.infinity))
    return try timer("run") { () throws in
      let image = MeasurementImage(exposure, slots: slots, reference: ReferenceSources(reference, wcs: referenceWCS))
      let failureCount =
        config.doReplaceWithNoise
        ? try plugins.run(&catalog, on: image, noise: config.noiseReplacer, exposureID: exposureID, log: log)
        : try plugins.run(&catalog, on: image, log: log)
      try metadata.set("measuredCount", catalog.rowCount)
      try metadata.set("failureCount", failureCount)
      return catalog
    }
  }

  /// Copies a column of angles, numbers or IDs; the last is what one becomes that the catalog does not have already.
  private func copy(_ name: String, of reference: Catalog, to own: String, of catalog: inout Catalog) throws {
    func copy<Value: ColumnValue>(_: Value.Type) throws {
      let (target, source) = (
        try schema.key(own, as: Value.self), try reference.schema.key(name, as: Value.self)
      )
      for row in 0..<catalog.rowCount { catalog[target, row] = reference[source, row] }
    }
    switch try schema.field(own).type {
    case .angle: try copy(Angle.self)
    case .float64: try copy(Double.self)
    default: try copy(Int64.self)
    }
  }
}

extension ForcedMeasurementConfig {
  fileprivate var columnPairs: [(theirs: String, own: String)] {
    copyColumns.compactMap { pair in
      let names = pair.split(separator: ":").map(String.init)
      return names.count == 2 ? (names[0], names[1]) : nil
    }
  }
}
