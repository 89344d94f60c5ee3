// SPDX-License-Identifier: GPL-3.0-or-later
// Shapes as columns, and PSFs that are undefined.

import Catalogs
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// A PSF that is undefined left of a column.
private struct PartialPSF: PSF {
  let whole: KernelPSF
  let firstColumn: Double
  var averagePosition: Point2D { Point2D(x: firstColumn, y: 0) }

  func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
    guard position.x >= firstColumn else { throw .outOfRange("no PSF") }
    return whole.kernelImage(at: position)
  }
}

struct ShapeTests {
  private func measured(
    _ exposure: Exposure, _ positions: [Point2D], isNegative: Bool = false, plugins: [String] = ["base_SdssShape"],
    _ change: (inout SingleFrameMeasurementConfig) throws -> Void = { _ in }
  ) throws -> Catalog {
    let (task, schema) = try makeMeasurement(
      plugins, slots: { $0.centroid = "truth" }, change,
      before: { schema in
        _ = try PointKey(adding: "truth", to: &schema, doc: "position")
        try schema.addField("truth_flag", as: Bool.self, doc: "not to be trusted")
        try schema.addField("is_negative", as: Bool.self, doc: "below zero")
      })
    var catalog = makeCatalog(schema, at: positions)
    let (center, negative) = (try PointKey("truth", in: schema), try schema.key("is_negative", as: Bool.self))
    for (row, position) in positions.enumerated() {
      catalog[center, row] = position
      catalog[negative, row] = isNegative
    }
    try task.run(&catalog, on: exposure)
    return catalog
  }

  private func flag(_ name: String, _ catalog: Catalog) throws -> [Bool] {
    try catalog.column("base_SdssShape_flag" + name)
  }

  @Test func starsHaveTheShapeOfThePSF() throws {
    let field = try StarField(count: 25, flux: 1000, noise: 0, spacing: 40, side: 25, seed: 6)
    let upright = try makeExposure(field.exposure.maskedImage.image, variance: 1, psf: field.exposure.psf)
    let inverted = try makeExposure(
      field.exposure.maskedImage.image.map { -$0 }, variance: 1, psf: field.exposure.psf)
    for (exposure, isNegative) in [(upright, false), (inverted, true)] {
      let catalog = try measured(exposure, field.positions, isNegative: isNegative)
      #expect(try !flag("", catalog).contains(true))
      let (own, psf) = (
        try QuadrupoleKey("base_SdssShape", in: catalog.schema),
        try QuadrupoleKey("base_SdssShape_psf", in: catalog.schema)
      )
      let fluxes: [Double] = try catalog.column("base_SdssShape_instFlux")
      for row in field.positions.indices {
        // The iteration ends at a change of 1e-4.
        #expect(abs(catalog[own, row].x - 4) < 1e-3 && abs(catalog[own, row].z) < 1e-3)
        #expect(abs(catalog[psf, row].x - 4) < 4e-4 && abs(catalog[psf, row].z) < 1e-4)
        #expect(abs(abs(fluxes[row]) - 1000) < 1 && (fluxes[row] < 0) == isNegative)
      }
    }
    // Taken for positive, sources below zero have no shape.
    let wrong = try measured(inverted, field.positions)
    #expect(try flag("", wrong).allSatisfy { $0 } && flag("_unweightedBad", wrong).allSatisfy { $0 })
  }

  @Test func failuresAreFlags() throws {
    let field = try StarField(count: 1, flux: 1000, noise: 0, spacing: 60, seed: 6)
    var exposure = try makeExposure(field.exposure.maskedImage.image, variance: 1, psf: field.exposure.psf)
    // The weight of a source of σ 3 px grows about a point 3 px beside it until the first moments lie 2.1 px away.
    let wide = try StarField(count: 1, flux: 1000, noise: 0, sigma: 3, spacing: 60, seed: 6)
    let shifted = try measured(
      try makeExposure(wide.exposure.maskedImage.image, variance: 1, psf: wide.exposure.psf),
      [wide.positions[0] + Point2D(x: 3, y: 0)])
    #expect(try flag("_shift", shifted) == [true] && flag("", shifted) == [true])
    // Farther away it has no end.
    let away = try measured(exposure, [field.positions[0] + Point2D(x: 5, y: 0)])
    #expect(try flag("_unweighted", away) == [true] && flag("", away) == [true])
    let hasty = try measured(exposure, field.positions) {
      try $0.plugins.update("base_SdssShape", SdssShapeConfig.self) { $0.maxIter = 1 }
    }
    #expect(try flag("_maxIter", hasty) == [true] && flag("_unweighted", hasty) == [true] && flag("", hasty) == [true])
    let off = try measured(exposure, [Point2D(x: -100, y: 9), Point2D(x: 1e300, y: 9), Point2D(x: .nan, y: .nan)])
    #expect(try flag("", off) == [true, true, true])
    try exposure.maskedImage.update { image, _, _ in image[30, 30] = .nan }
    #expect(try flag("_unweightedBad", try measured(exposure, field.positions)) == [true])
    for variance in [0, -1, Double.nan, .infinity] {
      let noisy = try makeExposure(field.exposure.maskedImage.image, variance: variance, psf: field.exposure.psf)
      let catalog = try measured(noisy, field.positions)
      #expect(try flag("", catalog) == [false])
      #expect(try catalog.column("base_SdssShape_xxErr", as: Float.self)[0].isNaN)
      #expect(try catalog.column("base_SdssShape_instFluxErr", as: Double.self)[0].isNaN)
    }
  }

  @Test func aPSFThatIsUndefinedIsAFlag() throws {
    let field = try StarField(count: 2, flux: 1000, noise: 1, spacing: 60, seed: 6)
    let exposure = Exposure(
      field.exposure.maskedImage, psf: PartialPSF(whole: try gaussianPSF(sigma: 2), firstColumn: 60))
    let catalog = try measured(
      exposure, field.positions, plugins: ["base_SdssShape", "base_PsfFlux", "base_SdssCentroid"])
    #expect(try catalog.column("base_InvalidPsf_flag", as: Bool.self) == [true, false])
    #expect(try flag("_psf", catalog) == [true, false] && flag("", catalog) == [true, false])
    #expect(try catalog.column("base_PsfFlux_flag", as: Bool.self) == [true, false])
    #expect(try catalog.column("base_SdssCentroid_flag", as: Bool.self) == [true, false])
  }

  @Test func aFlaggedCentroidFlagsWhatIsBuiltOnIt() throws {
    let field = try StarField(count: 1, flux: 1000, noise: 1, spacing: 60, seed: 6)
    let names = ["base_SdssShape", "base_PsfFlux", "base_GaussianFlux"]
    let (task, schema) = try makeMeasurement(
      names, slots: { $0.centroid = "truth" },
      before: { schema in
        _ = try PointKey(adding: "truth", to: &schema, doc: "position")
        try schema.addField("truth_flag", as: Bool.self, doc: "not to be trusted")
      })
    var catalog = makeCatalog(schema, at: field.positions)
    catalog[try PointKey("truth", in: schema), 0] = field.positions[0]
    catalog[try schema.key("truth_flag", as: Bool.self), 0] = true
    try task.run(&catalog, on: field.exposure)
    for name in names {
      #expect(try catalog.column(name + "_flag", as: Bool.self) == [true])
      #expect(try catalog.column(name + "_flag_badCentroid", as: Bool.self) == [true])
      #expect(try catalog.column(name + "_instFlux", as: Double.self)[0].isFinite)
    }
  }
}
