// SPDX-License-Identifier: GPL-3.0-or-later
// From coadds of several bands to forced catalogs, task after task.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// The whole chain on a patch of two bands, of stars in known places.
@Suite struct CoaddChainTests {
  private static let box = Box2I(minX: -20, minY: -20, width: 240, height: 240)
  private static let inner = Box2I(width: 200, height: 200)
  private static let sigma = 2.0
  private static let bands = ["g", "r"]
  /// Stars by themselves, one beyond the inner box, one seen in r alone; the last two are a blend.
  private static let stars: [(position: Point2D, g: Double, r: Double)] = [
    (Point2D(x: 30.4, y: 40.1), 900, 1500), (Point2D(x: 120, y: 30.7), 3000, 800),
    (Point2D(x: -11.3, y: 90), 1200, 1200),
    (Point2D(x: 60.2, y: 150.6), 0, 700), (Point2D(x: 150.3, y: 140), 2500, 2000),
    (Point2D(x: 157.1, y: 141.5), 1500, 2600),
  ]

  private struct Patch {
    var exposures: [Exposure] = []
    var families: Catalog
    var measured: [Catalog] = []
    var reference: Catalog
    var forced: [Catalog] = []
  }

  private static func wcs() throws -> SkyWCS {
    try SkyWCS(
      referencePixel: Point2D(x: 100, y: 100),
      reference: SpherePoint(raDegrees: 30, decDegrees: -40),
      cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
  }

  private static func coadd(_ band: String) throws -> Exposure {
    var image = noiseImage(box, sigma: 1, seed: band == "g" ? 5 : 6)
    for star in stars {
      addStar(to: &image, at: star.position, sigma: sigma, flux: band == "g" ? star.g : star.r)
    }
    let variance = Image<Float>(box: box, fill: 1)
    let psf = try KernelPSF(
      Image<Double>(box: Box2I(minX: -12, minY: -12, width: 25, height: 25)) { x, y in
        exp(-Double(x * x + y * y) / (2 * sigma * sigma))
      }, averagePosition: box.center)
    return Exposure(
      try MaskedImage(image: image, mask: Mask(box: box), variance: variance), psf: psf,
      wcs: try wcs(),
      photoCalib: try PhotoCalib(mean: 1), filter: FilterLabel(band: band))
  }

  private static func makePatch() throws -> Patch {
    let ids = try IDGenerator(try SkyMapPacker(tractCount: 2, patchCount: 4), tract: 1, patch: 2)
    var detectConfig = DetectCoaddSourcesConfig()
    detectConfig.doSubtractBackground = false
    let detect = try DetectCoaddSourcesTask(config: detectConfig)
    let found = try bands.map { try detect.run(try coadd($0), idFactory: ids.makeFactory()) }
    var mergeConfig = MergeDetectionsConfig()
    try mergeConfig.skySources.update(SkySourcesConfig.self) { $0.nSources = 5 }
    let merge = try MergeDetectionsTask(config: mergeConfig)
    let families = try merge.run(
      zip(bands, found).map { ($0, $1.sources) }, wcs: try wcs(), box: box,
      idFactory: ids.makeFactory(),
      skySeed: ids.seed, mask: found[0].exposure.maskedImage.mask)
    let measure = try MeasureMergedCoaddSourcesTask(
      initInputs: InitInputs([
        "inputSchema": try #require(merge.schemaCatalogs()["deepCoadd_mergeDet"])
      ]))
    let tract = try wcs().pixelToSky(Point2D(x: 110, y: 100))
    let measured = try found.map {
      try measure.run(
        $0.exposure, families: families, isPatchInner: { $0.pixel.map(inner.contains) ?? false },
        // A tract that ends amid the patch.
        isTractInner: { $0.ra >= tract.ra }, exposureID: ids.seed
      ).sources
    }
    let mergeReference = try MergeMeasurementsTask(
      initInputs: InitInputs([
        "inputSchema": try #require(measure.schemaCatalogs()["deepCoadd_meas"])
      ]))
    let reference = try mergeReference.run(zip(bands, measured).map { ($0, $1) })
    #expect(mergeReference.schemaCatalogs()["deepCoadd_ref"]?.schema == reference.schema)
    var config = ForcedPhotCoaddConfig()
    config.doJointForced = true
    let forced = try ForcedPhotCoaddTask(
      initInputs: InitInputs(["inputSchema": Catalog(reference.schema)]), config: config)
    let catalogs = try zip(found, measured).map { found, measured in
      let (rows, id) = try forced.generateMeasCat(
        exposureDataId: try DataID([.tract: .number(1), .patch: .number(2)]),
        exposure: found.exposure,
        refCat: reference, refCatInBand: measured, refWcs: try wcs(),
        idPacker: try SkyMapPacker(tractCount: 2, patchCount: 4))
      return try forced.run(
        rows, exposure: found.exposure, refCat: reference, refWcs: try wcs(), exposureID: id
      ).measCat
    }
    return Patch(
      exposures: found.map(\.exposure), families: families, measured: measured,
      reference: reference, forced: catalogs)
  }

  private static let patch = Result { try makePatch() }

  /// The row without children that is nearest to a star.
  private func row(of star: Int, in catalog: Catalog) throws -> Int {
    let (x, y): ([Int32], [Int32]) = (
      try catalog.column("deblend_peak_center_x"), try catalog.column("deblend_peak_center_y")
    )
    let children: [Int32] = try catalog.column("deblend_nChild")
    let place = Self.stars[star].position
    let near = x.indices.filter { children[$0] == 0 }.min { a, b in
      place.distance(to: Point2D(x: Double(x[a]), y: Double(y[a])))
        < place.distance(to: Point2D(x: Double(x[b]), y: Double(y[b])))
    }
    return try #require(near)
  }

  @Test func allCatalogsHaveTheSameRows() throws {
    let patch = try Self.patch.get()
    let ids: [Int64] = try patch.families.column("id")
    #expect(Set(ids).count == ids.count && ids.count >= 8)
    for catalog in patch.measured + [patch.reference] + patch.forced {
      #expect(try catalog.column("id", as: Int64.self) == ids)
      #expect(try catalog.column("parent", as: Int64.self) == patch.families.column("parent"))
    }
    // Tract 1 of 2, patch 2 of 4.
    let generator = try IDGenerator(packed: 6, maxBits: 3)
    for id in ids { #expect(try generator.unpack(id).packed == 6) }
  }

  @Test func everyStarIsThereOnceAndHasItsFluxInBothBands() throws {
    let patch = try Self.patch.get()
    let rows = try Self.stars.indices.map { try row(of: $0, in: patch.reference) }
    #expect(Set(rows).count == rows.count)
    let parents: [Int64] = try patch.reference.column("parent")
    #expect(rows.map { parents[$0] != 0 } == [false, false, false, false, true, true])
    for (catalog, truth) in zip(patch.forced, [Self.stars.map(\.g), Self.stars.map(\.r)]) {
      for name in ["base_PsfFlux", "joint_PsfFlux"] {
        let (flux, error): ([Double], [Double]) = (
          try catalog.column(name + "_instFlux"), try catalog.column(name + "_instFluxErr")
        )
        for (star, row) in rows.enumerated() {
          // Centroids cost the flux of a Gaussian less than (δ/2σ)²; in the blend the deblender has its part, too.
          let tolerance =
            4.5 * error[row] + (star > 3 && name == "base_PsfFlux" ? 0.04 : 0.01) * truth[star]
          #expect(
            abs(flux[row] - truth[star]) < tolerance,
            "\(name) of \(star): \(flux[row]) for \(truth[star])")
        }
      }
    }
  }

  @Test func primarySourcesAreThoseOfThePatchAndTract() throws {
    let reference = try Self.patch.get().reference
    let (primary, patchInner, tractInner): ([Bool], [Bool], [Bool]) = (
      try reference.column("detect_isPrimary"), try reference.column("detect_isPatchInner"),
      try reference.column("detect_isTractInner")
    )
    let rows = try Self.stars.indices.map { try row(of: $0, in: reference) }
    // East is toward smaller x: the tract ends at x = 110.
    #expect(rows.map { patchInner[$0] } == [true, true, false, true, true, true])
    #expect(rows.map { tractInner[$0] } == [true, false, true, true, false, false])
    #expect(rows.map { primary[$0] } == [true, false, false, true, false, false])
    let sky: [Bool] = try reference.column("merge_peak_sky")
    #expect(sky.count { $0 } == 5)
    for row in sky.indices where sky[row] { #expect(!primary[row]) }
    let children: [Int32] = try reference.column("deblend_nChild")
    for row in children.indices where children[row] > 0 { #expect(!primary[row]) }
  }

  @Test func aSourceOfOneBandIsMeasuredInTheOther() throws {
    let patch = try Self.patch.get()
    let row = try row(of: 3, in: patch.reference)
    #expect(try patch.reference.column("merge_measurement_r", as: Bool.self)[row])
    #expect(try !patch.families.column("merge_footprint_g", as: Bool.self)[row])
    let (flux, error): ([Double], [Double]) = (
      try patch.forced[0].column("base_PsfFlux_instFlux"),
      try patch.forced[0].column("base_PsfFlux_instFluxErr")
    )
    #expect(abs(flux[row]) < 4 * error[row])
    #expect(try !patch.forced[0].column("base_PsfFlux_flag", as: Bool.self)[row])
  }

  @Test func childrenHaveTheirOwnPixelsInEachBand() throws {
    let patch = try Self.patch.get()
    let row = try row(of: 4, in: patch.reference)
    for catalog in patch.measured {
      let footprint = try #require(catalog.footprint(row: row))
      #expect(footprint.isHeavy && footprint.peaks.count == 1)
    }
    #expect(patch.measured[0].footprint(row: row) != patch.measured[1].footprint(row: row))
    #expect(patch.reference.footprint(row: row)?.isHeavy == false)
  }
}
