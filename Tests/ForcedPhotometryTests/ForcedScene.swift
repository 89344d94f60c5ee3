// SPDX-License-Identifier: GPL-3.0-or-later
// A patch in three bands, and a reference that is right.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport

/// A patch in three bands: one star by itself and a blend of two, with the reference and what a deblender would say of each band.
struct ForcedScene {
  static let bands = ["g", "r", "i"]
  static let box = Box2I(minX: 1000, minY: 2000, width: 120, height: 90)
  static let sigma = 2.0
  static let noise = 1.0
  /// The star by itself, then the two of the blend.
  static let positions = [
    Point2D(x: 1030.3, y: 2040.2), Point2D(x: 1080, y: 2050.4), Point2D(x: 1086.5, y: 2050.4),
  ]
  /// By band, of the three.
  static let fluxes = ["g": [2000.0, 1500, 800], "r": [3000, 1000, 2500], "i": [500, 4000, 150]]

  let wcs: SkyWCS
  let reference: Catalog
  let packer: SkyMapPacker

  init() throws {
    wcs = try SkyWCS(
      referencePixel: Point2D(x: 1060, y: 2045),
      reference: SpherePoint(raDegrees: 150, decDegrees: 2),
      cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
    packer = try SkyMapPacker(tractCount: 4, patchCount: 9)
    reference = try Self.makeReference(wcs)
  }

  static func schema() throws -> Schema {
    var schema = try Schema.minimalSource()
    _ = try schema.addField("deblend_nChild", as: Int32.self, doc: "number of children")
    _ = try PointKey(adding: "ours", to: &schema, doc: "centroid")
    _ = try schema.addField("ours_flag", as: Bool.self, doc: "bad centroid")
    _ = try QuadrupoleKey(adding: "shape", to: &schema, doc: "shape")
    _ = try schema.addField("shape_flag", as: Bool.self, doc: "bad shape")
    try schema.setSlot(.centroid, to: "ours")
    try schema.setSlot(.shape, to: "shape")
    return schema
  }

  /// Four rows: the star, the blend, and its two children.
  private static func makeReference(_ wcs: SkyWCS) throws -> Catalog {
    let schema = try schema()
    var catalog = Catalog(schema, rowCount: 4)
    let (id, parent): (Key<Int64>, Key<Int64>) = (try schema.key("id"), try schema.key("parent"))
    let children: Key<Int32> = try schema.key("deblend_nChild")
    let (position, shape) = (
      try PointKey("ours", in: schema), try QuadrupoleKey("shape", in: schema)
    )
    let coord = try CoordKey(in: schema)
    let places = [positions[0], positions[1], positions[1], positions[2]]
    for (row, place) in places.enumerated() {
      catalog[id, row] = Int64(501 + row)
      catalog[parent, row] = row > 1 ? 502 : 0
      catalog[children, row] = row == 1 ? 2 : 0
      catalog[position, row] = place
      catalog[shape, row] = SIMD3(sigma * sigma, sigma * sigma, 0)
      catalog[coord, row] = try wcs.pixelToSky(place)
    }
    return catalog
  }

  /// The image of a band; only some of the three sources where asked for.
  func image(_ band: String, only: [Int] = [0, 1, 2], noisy: Bool = true) -> Image<Float> {
    let seed = UInt64(7 + (Self.bands.firstIndex(of: band) ?? 0))
    var image =
      noisy
      ? noiseImage(Self.box, sigma: Self.noise, seed: seed) : Image<Float>(box: Self.box, fill: 0)
    for i in only {
      addStar(
        to: &image, at: Self.positions[i], sigma: Self.sigma, flux: Self.fluxes[band]?[i] ?? 0)
    }
    return image
  }

  func exposure(_ band: String) throws -> Exposure {
    let variance = Image<Float>(box: Self.box, fill: Float(Self.noise * Self.noise))
    let masked = try MaskedImage(image: image(band), mask: Mask(box: Self.box), variance: variance)
    let psf = try KernelPSF(
      Image<Double>(box: Box2I(minX: -12, minY: -12, width: 25, height: 25)) { x, y in
        exp(-Double(x * x + y * y) / (2 * Self.sigma * Self.sigma))
      }, averagePosition: Self.box.center)
    return Exposure(
      masked, psf: psf, wcs: wcs, photoCalib: try PhotoCalib(mean: 1),
      filter: FilterLabel(band: band))
  }

  private static func footprint(_ source: Int) -> SpanSet {
    let center = positions[source]
    return SpanSet(of: box) { x, y in hypot(Double(x) - center.x, Double(y) - center.y) < 9 }
  }

  private static func peak(_ source: Int) -> Peak {
    let place = positions[source]
    return Peak(
      id: Int64(source), position: place,
      pixel: place.pixel ?? box.center.pixel ?? .init(x: 0, y: 0), value: 1)
  }

  /// The sources as the band has them: children have the pixels of their own star alone, noise in equal parts.
  func inBand(_ band: String) throws -> Catalog {
    var catalog = reference
    let blend = SpanSet(Self.footprint(1).spans + Self.footprint(2).spans)
    let all = image(band)
    catalog.setFootprint(
      Footprint(Self.footprint(0), peaks: [Self.peak(0)], region: Self.box), row: 0)
    catalog.setFootprint(
      Footprint(blend, peaks: [Self.peak(1), Self.peak(2)], region: Self.box), row: 1)
    let clean = image(band, noisy: false)
    for child in [1, 2] {
      let own = image(band, only: [child], noisy: false)
      let pixels = blend.spans.flatMap { span in
        (span.x0...span.x1).map { own[$0, span.y] + (all[$0, span.y] - clean[$0, span.y]) / 2 }
      }
      let heavy = HeavyPixels(
        image: pixels, mask: pixels.map { _ in 0 }, variance: pixels.map { _ in Float(Self.noise) })
      catalog.setFootprint(
        try Footprint(blend, peaks: [Self.peak(child)], region: Self.box, heavy: heavy),
        row: child + 1)
    }
    return catalog
  }

  /// The models of the children as heavy footprints.
  func models(_ band: String) throws -> Catalog {
    var catalog = try inBand(band)
    for child in [1, 2] {
      guard let footprint = catalog.footprint(row: child + 1) else { continue }
      let own = image(band, only: [child], noisy: false)
      let pixels = footprint.spans.spans.flatMap { span in
        (span.x0...span.x1).map { own[$0, span.y] }
      }
      let heavy = HeavyPixels(
        image: pixels, mask: pixels.map { _ in 0 }, variance: pixels.map { _ in 1 })
      catalog.setFootprint(
        try Footprint(footprint.spans, peaks: footprint.peaks, region: Self.box, heavy: heavy),
        row: child + 1)
    }
    for row in [0, 1] { catalog.setFootprint(nil, row: row) }
    return catalog
  }

  static func dataID(_ band: String) throws -> DataID {
    try DataID([.tract: .number(1), .patch: .number(3), .band: .name(band)])
  }

  /// Measures a band.
  func measure(
    _ band: String, _ config: ForcedPhotCoaddConfig = .init(), footprintData: FootprintData? = nil
  ) throws -> ForcedPhotCoaddResult {
    let task = try ForcedPhotCoaddTask(refSchema: reference.schema, config: config)
    let exposure = try exposure(band)
    let (catalog, exposureID) = try task.generateMeasCat(
      exposureDataId: try Self.dataID(band), exposure: exposure, refCat: reference,
      refCatInBand: try inBand(band),
      refWcs: wcs, idPacker: packer, footprintData: footprintData)
    return try task.run(
      catalog, exposure: exposure, refCat: reference, refWcs: wcs, exposureID: exposureID)
  }
}
