// SPDX-License-Identifier: GPL-3.0-or-later
// Backgrounds, noise, calibrations and classifications of known sources.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Sources with given positions, shapes and flags, measured.
func measureGiven(
  _ plugins: [String], _ exposure: Exposure, _ positions: [Point2D], shape: SecondMoments = .init(xx: 4, yy: 4, xy: 0),
  half: Int = 5, _ change: (inout SingleFrameMeasurementConfig) throws -> Void = { _ in },
  before: (inout Schema) throws -> Void = { _ in }, prepare: (inout Catalog) throws -> Void = { _ in }
) throws -> Catalog {
  let (task, schema) = try makeMeasurement(
    plugins,
    slots: {
      $0.centroid = "given"
      $0.shape = "given"
    }, change,
    before: { schema in
      _ = try PointKey(adding: "given", to: &schema, doc: "position")
      _ = try QuadrupoleKey(adding: "given", to: &schema, doc: "shape")
      try schema.addField("given_flag", as: Bool.self, doc: "not to be trusted")
      try before(&schema)
    })
  var catalog = makeCatalog(schema, at: positions, half: half)
  let (center, moments) = (try PointKey("given", in: schema), try QuadrupoleKey("given", in: schema))
  for (row, position) in positions.enumerated() {
    catalog[center, row] = position
    catalog[moments, row] = shape.columns
  }
  try prepare(&catalog)
  try task.run(&catalog, on: exposure)
  return catalog
}

struct PluginTests {
  private func doubles(_ name: String, _ catalog: Catalog) throws -> [Double] { try catalog.column(name) }
  private func flags(_ name: String, _ catalog: Catalog) throws -> [Bool] { try catalog.column(name) }

  @Test func theLevelAboutAStarIsTheSkys() throws {
    let (level, noise, sigma) = (100.0, 3.0, 2.0)
    var image = noiseImage(Box2I(width: 240, height: 240), level: level, sigma: noise, seed: 8)
    var positions: [Point2D] = []
    for x in [40, 120, 200] {
      for y in [40, 120, 200] {
        // At the centre of a pixel, where the PSF needs no interpolation.
        positions.append(Point2D(x: Double(x), y: Double(y)))
        addStar(to: &image, at: positions[positions.count - 1], sigma: sigma, flux: 1e6)
      }
    }
    let exposure = try makeExposure(image, variance: noise * noise, psf: try gaussianPSF(sigma: sigma, side: 33))
    let catalog = try measureGiven(["base_LocalBackground", "base_PsfFlux"], exposure, positions)
    let (found, scatter) = (
      try doubles("base_LocalBackground_instFlux", catalog), try doubles("base_LocalBackground_instFluxErr", catalog)
    )
    let (flux, area) = (
      try doubles("base_PsfFlux_instFlux", catalog), try catalog.column("base_PsfFlux_area", as: Float.self)
    )
    let count = Double.pi * (15 * 15 - 7 * 7) * sigma * sigma
    for row in positions.indices {
      #expect(abs(found[row] - level) < 3 * noise / count.squareRoot())
      // Clipping at 3σ takes 1.5 % off the scatter, whose own error is 1.5 %.
      #expect(abs(scatter[row] / noise - 1) < 0.1)
      #expect(abs(flux[row] - Double(area[row]) * found[row] - 1e6) < 3e-4 * 1e6)
    }
    #expect(!(try flags("base_LocalBackground_flag", catalog)).contains(true))
  }

  @Test func aLevelOfNoPixelsIsFlagged() throws {
    var exposure = try makeExposure(
      Image(box: Box2I(width: 90, height: 90), fill: 7), variance: 1, psf: try gaussianPSF(sigma: 2))
    let center = [Point2D(x: 45, y: 45)]
    func measured(_ exposure: Exposure, _ positions: [Point2D]) throws -> Catalog {
      try measureGiven(["base_LocalBackground"], exposure, positions)
    }
    let flat = try measured(exposure, center)
    #expect(try doubles("base_LocalBackground_instFlux", flat) == [7])
    #expect(try doubles("base_LocalBackground_instFluxErr", flat) == [0])
    let off = try measured(exposure, [Point2D(x: -500, y: 3)])
    #expect(try flags("base_LocalBackground_flag_noGoodPixels", off) == [true])
    let blank = try makeExposure(exposure.maskedImage.image.map { _ in .nan }, variance: 1, psf: exposure.psf)
    #expect(try flags("base_LocalBackground_flag_noGoodPixels", try measured(blank, center)) == [true])
    try exposure.maskedImage.update { _, mask, _ throws(ImagingError) in try mask.set("BAD", in: mask.box) }
    let masked = try measured(exposure, center)
    #expect(try flags("base_LocalBackground_flag_noGoodPixels", masked) == [true])
    #expect(try flags("base_LocalBackground_flag", masked) == [true])
    exposure.psf = nil
    #expect(try flags("base_LocalBackground_flag_noPsf", try measured(exposure, center)) == [true])
  }

  @Test func theCentreOfLightIsASum() throws {
    var image = Image<Float>(box: Box2I(minX: -10, minY: 5, width: 20, height: 20), fill: 1)
    image[0, 10] = 5
    image[1, 10] = 3
    image[0, 9] = 4
    func measured(
      _ image: Image<Float>, _ position: Point2D, _ change: (inout NaiveCentroidConfig) -> Void = { _ in }
    ) throws -> (position: Point2D, flags: [String: Bool]) {
      let (task, schema) = try makeMeasurement(["base_NaiveCentroid"], slots: { $0.centroid = "base_NaiveCentroid" }) {
        try $0.plugins.update("base_NaiveCentroid", NaiveCentroidConfig.self, change)
      }
      var catalog = makeCatalog(schema, at: [position])
      try task.run(&catalog, on: try makeExposure(image, variance: 1))
      let names = ["", "_noCounts", "_edge", "_resetToPeak"]
      let flags = try names.map { ($0, try catalog.column("base_NaiveCentroid_flag" + $0, as: Bool.self)[0]) }
      return (catalog[try PointKey("base_NaiveCentroid", in: schema), 0], Dictionary(uniqueKeysWithValues: flags))
    }
    // 18 counts in all: 2 more to the right than to the left, 3 more below than above.
    let plain = try measured(image, Point2D(x: 0, y: 10))
    #expect(plain.position.distance(to: Point2D(x: 2.0 / 18, y: 10 - 3.0 / 18)) < 1e-14)
    #expect(!plain.flags.values.contains(true))
    let above = try measured(image, Point2D(x: 0, y: 10)) { $0.background = 1 }
    #expect(above.position.distance(to: Point2D(x: 2.0 / 9, y: 10 - 3.0 / 9)) < 1e-14)
    // Below zero it is the same sum.
    let below = try measured(image.map { -$0 }, Point2D(x: 0, y: 10))
    #expect(below.position == plain.position && below.flags[""] == false)
    let far = try measured(image, Point2D(x: 0, y: 10)) { $0.maxDistToPeak = 0.1 }
    #expect(far.position == Point2D(x: 0, y: 10) && far.flags["_resetToPeak"] == true && far.flags[""] == true)
    for edge in [Point2D(x: -10, y: 10), Point2D(x: 0, y: 24), Point2D(x: 90, y: 10)] {
      let found = try measured(image, edge)
      #expect(found.flags["_edge"] == true && found.flags[""] == true && found.position == edge)
    }
    let nothing = try measured(image.map { _ in 0 }, Point2D(x: 0, y: 10))
    #expect(nothing.flags["_noCounts"] == true && nothing.flags[""] == true)
    image[1, 11] = .nan
    #expect(try measured(image, Point2D(x: 0, y: 10)).flags[""] == true)
  }

  @Test func theVarianceIsTheMedianOfFreePixels() throws {
    let box = Box2I(width: 80, height: 80)
    var exposure = try makeExposure(Image(box: box, fill: 0), variance: 9)
    // Two thirds of the ellipse are a source of another variance.
    let source = Box2I(width: 80, height: 43)
    try exposure.maskedImage.update { _, mask, variance throws(ImagingError) in
      try mask.set("DETECTED", in: source)
      for y in 0..<43 { for x in 0..<80 { variance[x, y] = 100 } }
      variance[40, 50] = .nan
    }
    let position = [Point2D(x: 40, y: 40)]
    let found = try measureGiven(["base_Variance"], exposure, position)
    #expect(try doubles("base_Variance_value", found) == [9] && flags("base_Variance_flag", found) == [false])
    let whole = try measureGiven(["base_Variance"], exposure, position) {
      try $0.plugins.update("base_Variance", VarianceConfig.self) { $0.mask = ["NEVER_THERE"] }
    }
    #expect(try doubles("base_Variance_value", whole) == [100])
    try exposure.maskedImage.update { _, mask, _ throws(ImagingError) in try mask.set("SAT", in: box) }
    let masked = try measureGiven(["base_Variance"], exposure, position)
    #expect(try doubles("base_Variance_value", masked)[0].isNaN)
    #expect(
      try flags("base_Variance_flag_emptyFootprint", masked) == [true] && flags("base_Variance_flag", masked) == [true])
  }

  /// On an image convolved with its PSF the peak of a star of flux F is F Σp², and the noise √(vΣp²).
  @Test func thePeakOfAFilteredImageIsAFlux() throws {
    let (sigma, flux, noise) = (2.0, 3000.0, 4.0)
    let field = try StarField(count: 400, flux: flux, noise: noise, sigma: sigma, spacing: 36, side: 25, seed: 5)
    let psf = try gaussianPSF(sigma: sigma, side: 25)
    let kernel = psf.kernelImage(at: Point2D(x: 0, y: 0))
    let white = field.exposure.maskedImage.image
    let filtered = Image<Float>(box: white.box) { x, y in
      guard white.box.grown(by: -12).contains(x: x, y: y) else { return 0 }
      var sum = 0.0
      for dy in -12...12 { for dx in -12...12 { sum += kernel[dx, dy] * Double(white[x + dx, y + dy]) } }
      return Float(sum)
    }
    let squares = kernel.pixels.reduce(0) { $0 + $1 * $1 }
    let exposure = try makeExposure(filtered, variance: noise * noise * squares, psf: psf)
    let catalog = try measureGiven(["base_PeakLikelihoodFlux"], exposure, field.positions)
    let (found, error) = (
      try doubles("base_PeakLikelihoodFlux_instFlux", catalog),
      try doubles("base_PeakLikelihoodFlux_instFluxErr", catalog)
    )
    let isBad = try flags("base_PeakLikelihoodFlux_flag", catalog)
    #expect(isBad.filter { $0 }.isEmpty)
    let pulls = spread(zip(found, error).map { ($0 - flux) / $1 })
    // 400 stars: the mean's error is 0.05, the deviation's 0.035.
    #expect(abs(pulls.mean) < 0.15, "\(pulls)")
    #expect(abs(pulls.deviation - 1) < 0.1, "\(pulls)")
    let edge = try measureGiven(["base_PeakLikelihoodFlux"], exposure, [Point2D(x: 2.5, y: 100), Point2D(x: -9, y: 5)])
    #expect(try flags("base_PeakLikelihoodFlux_flag", edge) == [true, true])
    var spoiled = exposure
    try spoiled.maskedImage.update { _, _, variance in variance = variance.map { -$0 } }
    let impossible = try measureGiven(["base_PeakLikelihoodFlux"], spoiled, [field.positions[0]])
    #expect(try flags("base_PeakLikelihoodFlux_flag", impossible) == [true])
  }

  @Test func calibrationsAreThoseAtTheSource() throws {
    let box = Box2I(width: 100, height: 100)
    var exposure = try makeExposure(Image(box: box, fill: 0), variance: 1)
    let positions = [Point2D(x: 0, y: 0), Point2D(x: 80, y: 20), Point2D(x: .nan, y: 3)]
    let names = ["base_LocalPhotoCalib", "base_LocalWcs"]
    let nothing = try measureGiven(names, exposure, positions)
    for name in names { #expect(try flags(name + "_flag", nothing) == [true, true, true]) }
    for column in ["base_LocalPhotoCalib", "base_LocalPhotoCalibErr", "base_LocalWcs_CDMatrix_1_2"] {
      #expect(try doubles(column, nothing).allSatisfy(\.isNaN))
    }
    let field = try SpatialFunction(
      SpatialBasis(.chebyshev(Box2D(box)), order: 1), coefficients: [2, 0.5, 0.25])
    exposure.photoCalib = try PhotoCalib(mean: 2, error: 0.125, field: field)
    let scale = 0.2 / 3600 * Double.pi / 180
    let wcs = try SkyWCS(
      referencePixel: Point2D(x: 40, y: 60), reference: SpherePoint(raDegrees: 30, decDegrees: 60),
      cd: AffineTransform(xx: -0.2 / 3600, xy: 0.01 / 3600, yx: 0.02 / 3600, yy: 0.2 / 3600))
    exposure.wcs = wcs
    let found = try measureGiven(names, exposure, positions)
    for name in names { #expect(try flags(name + "_flag", found) == [false, false, true]) }
    let (value, error) = (
      try doubles("base_LocalPhotoCalib", found), try doubles("base_LocalPhotoCalibErr", found)
    )
    #expect(value[0] == field(positions[0]) && value[1] == field(positions[1]) && value[0] != value[1])
    #expect(value[2].isNaN && error[0] == 0.125 && error[2].isNaN)
    // The tangent plane's scale differs from that at the reference pixel by the square of the distance, 3e-9.
    for (name, expected) in [("1_1", -1.0), ("1_2", 0.05), ("2_1", 0.1), ("2_2", 1)] {
      for value in try doubles("base_LocalWcs_CDMatrix_" + name, found).prefix(2) {
        // Towards the pole the directions of east and north turn, by 1e-4 at 60°.
        #expect(abs(value / scale - expected) < 2e-4, "\(name)")
      }
    }
  }

  @Test func dipolesHaveLightInBothLobes() throws {
    let cases: [(positive: Double, negative: Double, signalToNoise: Double, isFlagged: Bool, value: Double)] = [
      (100, -100, 20, false, 1), (100, 90, 20, false, 1), (100, -100, 7.07, false, 0), (100, -100, 7.08, false, 1),
      (100, -50, 20, false, 0), (100, -60, 20, true, 1), (.nan, .nan, .nan, false, 0), (0, 0, 20, false, 0),
    ]
    let name = "ip_diffim_DipoleFit"
    let exposure = try makeExposure(Image(box: Box2I(width: 30, height: 30), fill: 0), variance: 1)
    let positions = cases.map { _ in Point2D(x: 15, y: 15) }
    let catalog = try measureGiven(
      ["ip_diffim_ClassificationDipole"], exposure, positions,
      before: { schema in
        for column in ["_pos_instFlux", "_neg_instFlux", "_signalToNoise"] {
          try schema.addField(name + column, as: Double.self, doc: "of a fit")
        }
        try schema.addField(name + "_flag", as: Bool.self, doc: "of a fit")
      },
      prepare: { catalog in
        for (row, lobes) in cases.enumerated() {
          catalog[try catalog.schema.key(name + "_pos_instFlux", as: Double.self), row] = lobes.positive
          catalog[try catalog.schema.key(name + "_neg_instFlux", as: Double.self), row] = lobes.negative
          catalog[try catalog.schema.key(name + "_signalToNoise", as: Double.self), row] = lobes.signalToNoise
          catalog[try catalog.schema.key(name + "_flag", as: Bool.self), row] = lobes.isFlagged
        }
      })
    #expect(try doubles("ip_diffim_ClassificationDipole_value", catalog) == cases.map(\.value))
    #expect(try flags("ip_diffim_ClassificationDipole_flag", catalog) == cases.map(\.isFlagged))
    let without = try measureGiven(["ip_diffim_ClassificationDipole"], exposure, [positions[0]])
    #expect(try flags("ip_diffim_ClassificationDipole_flag", without) == [true])
    #expect(try doubles("ip_diffim_ClassificationDipole_value", without)[0].isNaN)
  }

  /// Whatever the pixels, positions and footprints are: flags, never an end of the program.
  @Test(arguments: [Float.nan, .infinity, 0, -1, 1e38]) func whatCannotBeMeasuredIsFlagged(_ fill: Float) throws {
    let names = [
      "base_LocalBackground", "base_LocalPhotoCalib", "base_LocalWcs", "base_NaiveCentroid", "base_PeakLikelihoodFlux",
      "base_Variance", "ext_shapeHSM_HsmPsfMoments", "ext_shapeHSM_HsmSourceMoments", "ext_trailedSources_Naive",
      "ip_diffim_ClassificationDipole",
    ]
    let exposure = try makeExposure(
      Image(box: Box2I(width: 50, height: 40), fill: fill), variance: Double(-fill), psf: try gaussianPSF(sigma: 2))
    let positions = [
      Point2D(x: 25, y: 20), Point2D(x: -0.5, y: 39.49), Point2D(x: -300, y: 20), Point2D(x: 1e300, y: 20),
      Point2D(x: .nan, y: 20), Point2D(x: 25, y: -.infinity),
    ]
    let shapes = [
      (4.0, 4.0, 0.0), (9, 4, 1), (.nan, 4, 1), (1, 1, 1), (1e12, 1e12, 3e11), (1e-9, 1e-9, 0), (-4, -4, 0),
    ]
    for (xx, yy, xy) in shapes {
      for isEmpty in [false, true] {
        let catalog = try measureGiven(
          names, exposure, positions, shape: SecondMoments(xx: xx, yy: yy, xy: xy),
          prepare: { catalog in
            guard isEmpty else { return }
            for row in positions.indices {
              catalog.setFootprint(row == 0 ? nil : Footprint(.empty, region: exposure.box), row: row)
            }
          })
        for name in ["base_LocalPhotoCalib", "base_LocalWcs", "ip_diffim_ClassificationDipole"] {
          #expect(!(try flags(name + "_flag", catalog)).contains(false))
        }
        // Without light there are no moments; of a level the box itself is the source.
        let isLit = fill.isFinite && fill != 0
        let flagged = try flags("ext_shapeHSM_HsmSourceMoments_flag", catalog)
        #expect(isLit || !flagged.contains(false))
        for row in 2..<positions.count {
          for name in ["base_LocalBackground", "base_PeakLikelihoodFlux", "base_NaiveCentroid"] {
            #expect(try flags(name + "_flag", catalog)[row], "\(name) \(row)")
          }
        }
      }
    }
  }
}
