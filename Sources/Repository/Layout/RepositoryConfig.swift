// SPDX-License-Identifier: GPL-3.0-or-later
// What `repository.yaml` says.

package import Catalogs
package import SkyGeometry
package import TaskFramework

/// The camera that a repository's exposures come from.
package struct InstrumentConfig: Config {
  package var name = "unknown"
  package var bands: [String] = []
  package var largestVisit = 4_294_967_295
  package var largestDetector = 255

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "name", \.name, doc: "name of the instrument", requirement: "1 to 64 letters, digits, _, -, + or .", where: isName
    ),
    .field(
      "bands", \.bands, count: 0...64, doc: "bands of the filters",
      requirement: "1 to 64 letters, digits, _, -, + or .",
      eachItem: isName),
    .field(
      "largestVisit", \.largestVisit, in: 0...(1 << 48),
      doc:
        "largest number that a visit will ever have; with largestDetector it decides how many bits of an ID are left for sources"
    ),
    .field("largestDetector", \.largestDetector, in: 0...65_535, doc: "largest number that a detector has"),
  ]

  private static func isName(_ text: String) -> Bool {
    (try? DataID([.band: .name(text)])) != nil
  }

  package func validate() throws(ConfigProblem) {
    do throws(CatalogError) {
      _ = try IDGenerator(packer(), visit: 0, detector: 0)
    } catch {
      throw ConfigProblem(path: "largestVisit", reason: error.description)
    }
  }

  /// - Throws: ``Catalogs/CatalogError/invalidID(_:)`` when too few bits are left for sources.
  package func packer() throws(CatalogError) -> VisitDetectorPacker {
    try VisitDetectorPacker(visitCount: Int64(largestVisit) + 1, detectorCount: Int64(largestDetector) + 1)
  }
}

/// What every sky map has.
package protocol SkyMapChoice: Config {
  func makeSkyMap() throws(SkyMapError) -> SkyMap
}

/// A sky map of tracts about given positions.
package struct DiscreteSkyMapConfig: SkyMapChoice {
  package var raList: [Double] = []
  package var decList: [Double] = []
  package var radiusList: [Double] = []
  package var patchInnerDimensions = 4000
  package var patchBorder = 100
  package var tractOverlap = 0.0
  package var pixelScale = 0.333
  package var projection = "TAN"
  package var rotation = 0.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("raList", \.raList, count: 0...100_000, doc: "right ascension of each tract's centre, degrees"),
    .field("decList", \.decList, count: 0...100_000, doc: "declination of each tract's centre, degrees"),
    .field(
      "radiusList", \.radiusList, count: 0...100_000, doc: "from each tract's centre to the middle of an edge, degrees"),
    .field(
      "patchInnerDimensions", \.patchInnerDimensions, in: 1...100_000, doc: "side of a patch without its border, pixels"
    ),
    .field("patchBorder", \.patchBorder, in: 0...50_000, doc: "border of a patch, pixels"),
    .field("tractOverlap", \.tractOverlap, in: 0...30, doc: "how far a tract reaches beyond its radius, degrees"),
    .field("pixelScale", \.pixelScale, in: 1e-4...3600, doc: "arcseconds a pixel"),
    .field("projection", \.projection, doc: "three letters of the FITS projection"),
    .field("rotation", \.rotation, in: -360...360, doc: "position angle of the tracts' y axis, degrees"),
  ]

  package func makeSkyMap() throws(SkyMapError) -> SkyMap {
    guard raList.count == decList.count, raList.count == radiusList.count else {
      throw .invalidConfiguration(
        field: "raList", value: "\(raList.count) long",
        requirement: "as long as decList (\(decList.count)) and radiusList (\(radiusList.count))")
    }
    let tracts = raList.indices.map {
      DiscreteTract(
        center: SpherePoint(raDegrees: raList[$0], decDegrees: decList[$0]), radius: .degrees(radiusList[$0]))
    }
    return try SkyMap(
      SkyMapConfiguration(
        layout: .discrete(tracts), patches: .legacy(inner: patchInnerDimensions, border: patchBorder),
        tractOverlap: .degrees(tractOverlap), pixelScale: .arcseconds(pixelScale), projection: projection,
        rotation: .degrees(rotation)))
  }
}

/// A sky map of the whole sky in rings.
package struct RingsSkyMapConfig: SkyMapChoice {
  package var numRings = 120
  package var raStart = 0.0
  package var patchInnerDimensions = 4000
  package var patchBorder = 100
  package var tractOverlap = 1.0 / 60
  package var pixelScale = 0.2
  package var projection = "TAN"

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("numRings", \.numRings, in: 1...5000, doc: "rings between the polar caps"),
    .field("raStart", \.raStart, in: -360...360, doc: "right ascension of the first tract of each ring, degrees"),
    .field(
      "patchInnerDimensions", \.patchInnerDimensions, in: 1...100_000, doc: "side of a patch without its border, pixels"
    ),
    .field("patchBorder", \.patchBorder, in: 0...50_000, doc: "border of a patch, pixels"),
    .field("tractOverlap", \.tractOverlap, in: 0...30, doc: "how far a tract reaches beyond its inner region, degrees"),
    .field("pixelScale", \.pixelScale, in: 1e-4...3600, doc: "arcseconds a pixel"),
    .field("projection", \.projection, doc: "three letters of the FITS projection"),
  ]

  package func makeSkyMap() throws(SkyMapError) -> SkyMap {
    try SkyMap(
      SkyMapConfiguration(
        layout: .rings(RingsLayout(numRings: numRings, raStart: .degrees(raStart))),
        patches: .legacy(inner: patchInnerDimensions, border: patchBorder), tractOverlap: .degrees(tractOverlap),
        pixelScale: .arcseconds(pixelScale), projection: projection))
  }
}

/// What `repository.yaml` says, but for the overrides of tasks' configurations.
package struct RepositoryConfig: Config {
  package static let currentVersion = 1

  package var formatVersion = RepositoryConfig.currentVersion
  package var instrument = InstrumentConfig()
  package var skyMap = RepositoryConfig.skyMaps.makeField(
    "the division of the sky into tracts and patches", default: "rings")

  private static let skyMaps: ConfigRegistry = {
    var registry = ConfigRegistry()
    registry.register("discrete", DiscreteSkyMapConfig.self, doc: "tracts about given positions")
    registry.register("rings", RingsSkyMapConfig.self, doc: "the whole sky in rings of constant declination")
    return registry
  }()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "formatVersion", \.formatVersion, doc: "counts changes of the layout",
      requirement: "\(currentVersion), what this program reads",
      where: { $0 == currentVersion }),
    .config("instrument", \.instrument, doc: "the camera"),
    .registry("skyMap", \.skyMap),
  ]

  /// The sky map that is selected.
  ///
  /// - Throws: ``SkyGeometry/SkyMapError``.
  package func makeSkyMap() throws(SkyMapError) -> SkyMap {
    guard let choice = skyMap.active as? any SkyMapChoice else {
      throw .invalidConfiguration(field: "skyMap", value: skyMap.name, requirement: "a sky map")
    }
    return try choice.makeSkyMap()
  }

  package func validate() throws(ConfigProblem) {
    do throws(SkyMapError) {
      _ = try makeSkyMap()
    } catch {
      throw ConfigProblem(path: "skyMap.\(skyMap.name)", reason: error.description)
    }
  }
}
