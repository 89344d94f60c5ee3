// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes, flags and classification of known sources.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

struct FluxTests {
  /// A catalog measured at positions that are known.
  private func measured(
    _ plugins: [String], _ exposure: Exposure, _ positions: [Point2D], shape: SecondMoments? = nil,
    _ change: (inout SingleFrameMeasurementConfig) throws -> Void = { _ in }
  ) throws -> Catalog {
    let (task, schema) = try makeMeasurement(
      plugins,
      slots: {
        $0.centroid = "truth"
        if shape != nil { $0.shape = "truth" }
      }, change,
      before: { schema in
        _ = try PointKey(adding: "truth", to: &schema, doc: "position")
        _ = try QuadrupoleKey(adding: "truth", to: &schema, doc: "shape")
        try schema.addField("truth_flag", as: Bool.self, doc: "not to be trusted")
      })
    var catalog = makeCatalog(schema, at: positions)
    let (center, moments) = (try PointKey("truth", in: schema), try QuadrupoleKey("truth", in: schema))
    for (row, position) in positions.enumerated() {
      catalog[center, row] = position
      if let shape { catalog[moments, row] = shape.columns }
    }
    try task.run(&catalog, on: exposure)
    return catalog
  }

  private func doubles(_ name: String, _ catalog: Catalog) throws -> [Double] { try catalog.column(name) }
  private func flags(_ name: String, _ catalog: Catalog) throws -> [Bool] { try catalog.column(name) }

  @Test func withoutNoiseFluxesAreTheTruth() throws {
    let field = try StarField(count: 25, flux: 1000, noise: 0, spacing: 40, side: 33, seed: 4)
    let catalog = try measured(
      ["base_PsfFlux", "base_GaussianFlux"], field.exposure, field.positions, shape: SecondMoments(xx: 4, yy: 4, xy: 0))
    // Lanczos-5 moves a Gaussian of σ 2 px by half a pixel with an error of 1.3e-3 of the flux.
    for flux in try doubles("base_PsfFlux_instFlux", catalog) { #expect(abs(flux - 1000) < 1.5) }
    #expect(try doubles("base_PsfFlux_instFluxErr", catalog).allSatisfy { $0 == 0 })
    #expect(try catalog.column("base_PsfFlux_chi2", as: Float.self).allSatisfy { $0 == .infinity })
    // The weight is cut off at √14 σ: e^−14 of the light.
    for flux in try doubles("base_GaussianFlux_instFlux", catalog) { #expect(abs(flux - 1000) < 1) }
  }

  /// Unbiased with unit pulls, on 1,600 stars.
  @Test func pullsAreUnit() throws {
    let field = try StarField(count: 1600, flux: 800, noise: 5, spacing: 20, seed: 12)
    let shape = SecondMoments(xx: 4, yy: 4, xy: 0)
    let catalog = try measured(["base_PsfFlux", "base_GaussianFlux"], field.exposure, field.positions, shape: shape)
    for name in ["base_PsfFlux", "base_GaussianFlux"] {
      let (flux, error) = (try doubles(name + "_instFlux", catalog), try doubles(name + "_instFluxErr", catalog))
      let (mean, deviation) = spread(zip(flux, error).map { ($0 - 800) / $1 })
      // Standard errors of mean and deviation of 1,600 values: 0.025 and 0.018.
      #expect(abs(mean) < 0.1, "\(name) \(mean)")
      #expect(abs(deviation - 1) < 0.06, "\(name) \(deviation)")
    }
    let chi2 = try catalog.column("base_PsfFlux_chi2", as: Float.self).map { Double($0) }
    // 289 pixels less one.
    #expect(abs(spread(chi2).mean - 288) < 3 * (2 * 288.0 / 1600).squareRoot() + 0.5)
    let area = try catalog.column("base_PsfFlux_area", as: Float.self)
    #expect(area.allSatisfy { abs($0 - Float(16 * Double.pi)) < 0.5 })
    #expect(try catalog.column("base_PsfFlux_npixels", as: Int32.self).allSatisfy { $0 == 289 })
  }

  @Test func badPixelsAreLeftOutOrFlagged() throws {
    let field = try StarField(count: 1, flux: 1000, noise: 1, spacing: 60, seed: 9)
    var exposure = field.exposure
    let pixel = Point2I(x: 31, y: 29)
    try exposure.maskedImage.update { image, mask, _ throws(ImagingError) in
      image[pixel.x, pixel.y] = .infinity
      try mask.set("BAD", in: Box2I(minX: pixel.x, minY: pixel.y, width: 1, height: 1))
    }
    let spoiled = try measured(["base_PsfFlux"], exposure, field.positions)
    // A pixel without a value is left out, whatever the mask says: 17 × 17 less one.
    #expect(try flags("base_PsfFlux_flag", spoiled) == [false])
    #expect(
      try abs(doubles("base_PsfFlux_instFlux", spoiled)[0] - 1000) < 4 * doubles("base_PsfFlux_instFluxErr", spoiled)[0]
    )
    #expect(try spoiled.column("base_PsfFlux_npixels", as: Int32.self) == [288])
    func masking(_ exposure: Exposure) throws -> Catalog {
      try measured(["base_PsfFlux"], exposure, field.positions) {
        try $0.plugins.update("base_PsfFlux", PsfFluxConfig.self) { $0.badMaskPlanes = ["BAD"] }
      }
    }
    let masked = try masking(exposure)
    #expect(try flags("base_PsfFlux_flag", masked) == [false])
    let (flux, error) = (
      try doubles("base_PsfFlux_instFlux", masked)[0], try doubles("base_PsfFlux_instFluxErr", masked)[0]
    )
    #expect(abs(flux - 1000) < 3 * error && error > 0)
    #expect(try catalog(masked, "base_PsfFlux_npixels") == 288)
    try exposure.maskedImage.update { _, mask, _ throws(ImagingError) in try mask.set("BAD", in: mask.box) }
    let nothing = try masking(exposure)
    #expect(
      try flags("base_PsfFlux_flag_noGoodPixels", nothing) == [true] && flags("base_PsfFlux_flag", nothing) == [true])
  }

  private func catalog(_ catalog: Catalog, _ name: String) throws -> Int32 { try catalog.column(name)[0] }

  @Test func aStampThatIsCutOffIsFlaggedButRight() throws {
    let field = try StarField(count: 1, flux: 5000, noise: 1, spacing: 60, seed: 10)
    let part = field.exposure.cropped(to: Box2I(minX: 28, minY: 0, width: 32, height: 60))
    let catalog = try measured(["base_PsfFlux"], part, field.positions)
    #expect(try flags("base_PsfFlux_flag_edge", catalog) == [true] && flags("base_PsfFlux_flag", catalog) == [true])
    let (flux, error) = (
      try doubles("base_PsfFlux_instFlux", catalog)[0], try doubles("base_PsfFlux_instFluxErr", catalog)[0]
    )
    #expect(abs(flux - 5000) < 3 * error)
    let off = try measured(["base_PsfFlux"], part, [Point2D(x: -300, y: 5)])
    #expect(try flags("base_PsfFlux_flag_noGoodPixels", off) == [true])
  }

  @Test func singularShapesAndBadInputsAreFlags() throws {
    let field = try StarField(count: 1, flux: 1000, noise: 1, spacing: 60, seed: 9)
    for shape in [(1.0, 1.0, 1.0), (0, 0, 0), (.nan, 1, 0), (-1, -1, 0), (1e-9, 1e-9, 0)] {
      let catalog = try measured(
        ["base_GaussianFlux"], field.exposure, field.positions,
        shape: SecondMoments(xx: shape.0, yy: shape.1, xy: shape.2))
      #expect(try flags("base_GaussianFlux_flag", catalog) == [true], "\(shape)")
    }
    let shape = SecondMoments(xx: 4, yy: 4, xy: 0)
    for position in [Point2D(x: -50, y: 3), Point2D(x: 1e200, y: 3)] {
      let catalog = try measured(["base_GaussianFlux", "base_PsfFlux"], field.exposure, [position], shape: shape)
      #expect(try flags("base_GaussianFlux_flag", catalog) == [true])
      #expect(try flags("base_PsfFlux_flag", catalog) == [true])
    }
    // A huge shape is measured on what there is.
    let huge = try measured(
      ["base_GaussianFlux"], field.exposure, field.positions, shape: SecondMoments(xx: 1e12, yy: 1e12, xy: 0))
    #expect(try doubles("base_GaussianFlux_instFlux", huge)[0].isFinite)
  }

  @Test func aWholeChainRunsInItsOrder() throws {
    let field = try StarField(count: 100, flux: 3000, noise: 2, spacing: 40, seed: 20)
    // Those that need more than an exposure of stars: a reference, dipoles, the inputs of a coadd.
    let names = MeasurementPlugins.registry.entries.map(\.name).filter {
      !$0.hasPrefix("base_Transformed") && !$0.hasPrefix("ip_diffim_") && $0 != "base_InputCount"
    }
    let (task, schema) = try makeMeasurement(names)
    let order = [
      "base_PeakCentroid_x", "base_SdssCentroid_x", "base_SdssShape_xx", "coord_raErr",
      "base_ClassificationSizeExtendedness_value", "base_GaussianFlux_instFlux", "base_PixelFlags_flag",
      "base_PsfFlux_instFlux", "base_InvalidPsf_flag",
    ]
    let places = try order.map { try #require(schema.index(of: $0), "\($0)") }
    #expect(places == places.sorted())
    #expect(schema.index(of: "base_PsfFlux_flag_badCentroid") == schema.index(of: "base_SdssCentroid_flag"))
    #expect(schema.index(of: "base_GaussianFlux_flag_badShape") == schema.index(of: "base_SdssShape_flag"))
    for field in schema.fields { #expect(!field.doc.isEmpty) }
    let wcs = try SkyWCS(
      referencePixel: Point2D(x: 200, y: 200), reference: SpherePoint(raDegrees: 30, decDegrees: 60),
      cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
    var exposure = field.exposure
    exposure.wcs = wcs
    exposure.photoCalib = try PhotoCalib(mean: 2)
    var catalog = makeCatalog(schema, at: field.positions)
    try task.run(&catalog, on: exposure)
    for name in names where schema.contains(name + "_flag") {
      #expect(try flags(name + "_flag", catalog).filter { $0 }.isEmpty, "\(name)")
    }
    #expect(try task.metadata.integer("failureCount") == 0)
    let sky = try CoordKey(in: schema)
    let centroid = try PointKey("base_SdssCentroid", in: schema)
    let error = try CovarianceMatrixKey("base_SdssCentroid", ["x", "y"], in: schema)
    let skyError = try CovarianceMatrixKey("coord", ["ra", "dec"], in: schema)
    for row in 0..<100 {
      let expected = try wcs.pixelToSky(catalog[centroid, row])
      #expect(expected.separation(from: catalog[sky, row]).arcseconds < 1e-6)
      let degrees = Double(catalog[error.errors[0], row]) * 0.2 / 3600
      #expect(abs(Double(catalog[skyError.errors[0], row]) / degrees - 1) < 0.01)
      #expect(try doubles("base_ClassificationSizeExtendedness_value", catalog)[row] < 0.2)
    }
    var again = makeCatalog(schema, at: field.positions)
    try task.run(&again, on: exposure)
    #expect(again == catalog)
    // In two runs the same comes out.
    var halves = makeCatalog(schema, at: field.positions)
    try task.run(&halves, on: exposure, orders: 0..<1)
    try task.run(&halves, on: exposure, orders: 1..<(.infinity))
    #expect(halves == catalog)
  }

  @Test func whatNoSourceCanBeMeasuredOnIsAnError() throws {
    let exposure = try makeExposure(Image(box: Box2I(width: 30, height: 30), fill: 0), variance: 1)
    let (task, schema) = try makeMeasurement(["base_SdssCentroid"])
    var catalog = makeCatalog(schema, at: [Point2D(x: 15, y: 15)])
    #expect(throws: MeasurementError.noPSF(plugin: "base_SdssCentroid")) { try task.run(&catalog, on: exposure) }
    let (flux, fluxSchema) = try makeMeasurement(["base_GaussianFlux"])
    var sources = makeCatalog(fluxSchema, at: [Point2D(x: 15, y: 15)])
    #expect(throws: MeasurementError.noSlot("slot_Centroid", plugin: "base_GaussianFlux")) {
      try flux.run(&sources, on: exposure)
    }
    #expect(throws: MeasurementError.self) { try task.run(&sources, on: exposure) }
    #expect(throws: MeasurementError.notPrepared) {
      try SingleFrameMeasurementTask().run(&sources, on: exposure)
    }
    var none = Catalog(schema)
    try task.run(&none, on: Exposure(exposure.maskedImage, psf: try gaussianPSF(sigma: 2)))
    #expect(none.isEmpty)
  }

  @Test func sourcesWithoutFootprintOrCentroidAreFlagged() throws {
    let field = try StarField(count: 1, flux: 1000, noise: 1, spacing: 60, seed: 9)
    let (task, schema) = try makeMeasurement([
      "base_SdssCentroid", "base_SdssShape", "base_GaussianFlux", "base_PixelFlags", "base_PsfFlux",
    ])
    var catalog = Catalog(schema, rowCount: 2)
    catalog.setFootprint(Footprint(.empty, region: field.exposure.box), row: 1)
    try task.run(&catalog, on: field.exposure)
    for name in ["base_SdssCentroid", "base_SdssShape", "base_GaussianFlux", "base_PixelFlags", "base_PsfFlux"] {
      #expect(try flags(name + "_flag", catalog) == [true, true], "\(name)")
    }
  }

  @Test func pixelFlagsTellOfPlanes() throws {
    let box = Box2I(minX: -20, minY: -20, width: 150, height: 150)
    var exposure = try makeExposure(Image(box: box, fill: 0), variance: 1)
    try exposure.maskedImage.update { _, mask, _ throws(ImagingError) in
      try mask.addPlane("INJECTED")
      try mask.set("SAT", in: Box2I(minX: 10, minY: 10, width: 3, height: 3))
      try mask.set("INJECTED", in: Box2I(minX: 54, minY: 50, width: 1, height: 1))
      try mask.set("CR", in: Box2I(minX: 51, minY: 50, width: 1, height: 1))
    }
    let positions = [
      Point2D(x: 11, y: 11), Point2D(x: 50, y: 50), Point2D(x: -20.5, y: 3), Point2D(x: -20.51, y: 3),
      Point2D(x: 129.5, y: 3), Point2D(x: .nan, y: 3),
    ]
    let catalog = try measured(["base_PixelFlags"], exposure, positions) {
      try $0.plugins.update("base_PixelFlags", PixelFlagsConfig.self) {
        $0.masksFpAnywhere = ["INJECTED", "STREAK", "NEVER_THERE"]
        $0.masksFpCenter = ["INJECTED"]
      }
    }
    func rows(_ name: String) throws -> [Int] {
      let column = try flags("base_PixelFlags_flag" + name, catalog)
      return column.indices.filter { column[$0] }
    }
    #expect(try rows("_saturated") == [0] && rows("_saturatedCenter") == [0] && rows("_saturatedCenterAll") == [0])
    #expect(try rows("_cr") == [1] && rows("_crCenter") == [1] && rows("_crCenterAll").isEmpty)
    #expect(try rows("_injected") == [1] && rows("_injectedCenter").isEmpty)
    #expect(try rows("_never_there").isEmpty && !catalog.schema.contains("base_PixelFlags_flag_streakCenter"))
    // A box from −20 covers −20.5; the end of the last pixel, 129.5, is the next one's.
    #expect(try rows("_offimage") == [3, 4])
    for name in ["_edge", "_edgeCenter", "_edgeCenterAll"] { #expect(try rows(name) == [3, 4]) }
    #expect(try rows("") == [5])
    // Off the image every pixel of none would be bad (G-8).
    #expect(try rows("_badCenterAll").isEmpty)
  }
}
