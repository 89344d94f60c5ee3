// SPDX-License-Identifier: GPL-3.0-or-later
// Which measurements are done at given positions.

internal import Catalogs
package import TaskFramework

/// Which measurements are done at given positions; names as in LSST's ForcedMeasurementConfig (detection-measurement C.2.2).
package struct ForcedMeasurementConfig: Config {
  package var plugins = MeasurementPlugins.registry.makeField(
    "the measurements", default: ["base_TransformedCentroid", "base_PsfFlux"])
  package var slots = SlotConfig()
  package var undeblended = MeasurementPlugins.registry.makeField(
    "measurements on the image as it is, with all neighbours in their places", default: [])
  package var undeblendedPrefix = "undeblended_"
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
    .registry("undeblended", \.undeblended),
    .field(
      "undeblendedPrefix", \.undeblendedPrefix, doc: "what the names of their columns begin with",
      requirement: "letters, digits and _, no digit first", where: { Field.isName($0) }),
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

  var columnPairs: [CopiedColumns.Pair] {
    copyColumns.compactMap { pair in
      let names = pair.split(separator: ":").map(String.init)
      return names.count == 2 ? (names[0], names[1]) : nil
    }
  }
}
