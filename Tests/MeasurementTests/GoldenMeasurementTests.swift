// SPDX-License-Identifier: GPL-3.0-or-later
// Forced measurements of the reference system, column by column.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Case F of `shared/golden` (``GoldenForcedCase``): every column of its three catalogs.
///
/// Where the reference is known to be off its numbers are those of a formula that has its defect, and ours are near: errors of `base_SdssCentroid` (B.2.1 f),
/// `base_GaussianFlux` (B.5, the truncated pixel) and `base_PeakLikelihoodFlux` (B.11); `base_CircularApertureFlux` of all radii (B.6.3, G-16: the rim of its tables;
/// F.1.5: whole pixels). ``GoldenForcedTests`` has the fluxes of these.
@Suite(
  .enabled(
    if: GoldenFile.isAvailable("F_forced_exact.fits"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenMeasurementTests {
  /// How far a number may be from the reference's.
  private enum Tolerance {
    /// A part of the larger of the value and a scale.
    case relative(Double, scale: Double)
    case absolute(Double)

    func allows(_ own: Double, _ theirs: Double) -> Bool {
      switch self {
      case .relative(let part, let scale): abs(own - theirs) <= part * max(abs(theirs), scale)
      case .absolute(let limit): abs(own - theirs) <= limit
      }
    }
  }

  /// Columns that have tests of their own.
  private static let excepted = [
    "base_SdssCentroid_xErr", "base_SdssCentroid_yErr", "base_GaussianFlux_instFluxErr",
    "base_LocalBackground_instFlux",
    "base_LocalBackground_instFluxErr", "base_PeakLikelihoodFlux_instFluxErr",
  ]

  /// By column, the first whose name it ends with or is.
  private static func tolerance(_ column: String, _ name: String) -> Tolerance? {
    switch column {
    // Positions and shapes are given; angles went through text and degrees.
    case "coord_ra", "coord_dec": .absolute(1e-15)
    case "base_TransformedCentroid_x", "base_TransformedCentroid_y": .absolute(0)
    case "base_TransformedShape_xx", "base_TransformedShape_yy", "base_TransformedShape_xy": .absolute(2e-15)
    // The reference rounds the fraction of the pixel to float32: 3e-8 px, and the flux of a misplaced star changes by about its
    // misplacement over σ.
    case "base_PsfFlux_instFlux", "base_PsfFlux_instFluxErr": .relative(2e-8, scale: 1)
    // Stored as float32.
    case "base_PsfFlux_area": .relative(2e-7, scale: 1)
    case "base_PsfFlux_chi2": .relative(4e-7, scale: 1)
    // The reference computes exponents up to 7 in float32: 5e-7 of each weight, some of it the same in all.
    case "base_GaussianFlux_instFlux": .relative(5e-6, scale: 1)
    // Its Lanczos kernel is float32.
    case "base_PeakLikelihoodFlux_instFlux": .relative(1e-6, scale: 1)
    // The mean of two float32 numbers, rounded to one.
    case "base_Variance_value": .relative(6e-8, scale: 1)
    // The smoothed image is float32 there: 6e-8 of its values over curvatures of 1/5 of them, some 1e-6 px for faint sources, more where there is hardly a maximum. Peaks that
    // centroids go back to are float32: 1.5e-5 px.
    case "base_SdssCentroid_x", "base_SdssCentroid_y": .absolute(3e-5)
    // The reference knows its Gaussian's width; the sampled kernel under a weight that is cut off at √14 σ has 1.3e-5 less. Of a PSF's image it knows float32 sums.
    case "base_SdssShape_psf_xx", "base_SdssShape_psf_yy":
      .relative(name == "F_forced_imagepsf.fits" ? 3e-7 : 2e-5, scale: 1)
    case "base_SdssShape_psf_xy": .absolute(name == "F_forced_imagepsf.fits" ? 3e-7 : 1e-9)
    // xy counts beside xx and yy, which are 5 px² and more. Both stop when xx changes by less than 1e-4 of itself; rounding decides in which round.
    case "base_SdssShape_xy": .relative(1e-4, scale: 1)
    // Float32 there.
    case "base_SdssShape_x", "base_SdssShape_y": .absolute(3e-5)
    case "base_SdssShape_instFlux_xx_Cov", "base_SdssShape_instFlux_yy_Cov": .relative(1e-4, scale: 1)
    case "base_SdssShape_instFlux_xy_Cov": .relative(1e-4, scale: 10)
    case _ where column.hasPrefix("base_SdssShape_"): .relative(1e-4, scale: 0.1)
    default: nil
    }
  }

  @Test(arguments: GoldenForcedCase.names)
  func columnsAreTheReferences(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    // What comes of flagged moments is where an iteration was given up.
    let isBad = try measured.theirs("base_SdssShape_flag").map { $0 != 0 }
    var missing: [String] = []
    for field in measured.catalog.schema.fields where !Self.excepted.contains(field.name) {
      guard measured.has(field.name) else {
        missing.append(field.name)
        continue
      }
      let (own, theirs) = (try measured.own(field.name), try measured.theirs(field.name))
      #expect(own.count == 164 && theirs.count == 164)
      guard field.type == .float64 || field.type == .float32 || field.type == .angle else {
        #expect(own == theirs, "\(field.name)")
        continue
      }
      if field.name.hasPrefix("base_CircularApertureFlux") { continue }
      let tolerance = try #require(Self.tolerance(field.name, name), "nobody compares \(field.name)")
      let isShape = field.name.hasPrefix("base_SdssShape_") && !field.name.hasPrefix("base_SdssShape_psf_")
      for row in own.indices where !(isShape && isBad[row]) {
        let isEqual = own[row].isNaN ? theirs[row].isNaN : tolerance.allows(own[row], theirs[row])
        #expect(isEqual, "\(field.name) of row \(row): \(own[row]) \(theirs[row])")
      }
    }
    // The configuration has no such plugin, and the reference no such flag.
    #expect(
      missing.filter { !$0.hasPrefix("base_TransformedCentroidFromCoord") } == ["base_CircularApertureFlux_flag"])
    // Other names of flags.
    for alias in ["base_PsfFlux_flag_badCentroid", "base_Variance_flag_badCentroid", "base_GaussianFlux_flag_badShape"]
    {
      #expect(try measured.own(alias) == measured.theirs(alias))
    }
  }

  /// The reference's coordinates are where its positions are.
  @Test(arguments: GoldenForcedCase.names)
  func coordinatesAreWhereThePositionsAre(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let (x, y) = (
      try measured.own("base_TransformedCentroidFromCoord_x"), try measured.own("base_TransformedCentroidFromCoord_y")
    )
    // Coordinates of 2.6 rad are known to 4e-16, 5e-10 px.
    for (row, position) in measured.positions.enumerated() {
      #expect(position.distance(to: Point2D(x: x[row], y: y[row])) < 5e-9, "row \(row)")
    }
  }

  /// The reference takes the variance of the pixel below the centroid, we that of the pixel which holds it.
  @Test(arguments: GoldenForcedCase.names)
  func errorsOfGaussianFluxes(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let (own, theirs) = (
      try measured.own("base_GaussianFlux_instFluxErr"), try measured.theirs("base_GaussianFlux_instFluxErr")
    )
    let variance = measured.exposure.maskedImage.variance
    for (row, position) in measured.positions.enumerated() {
      let pixel = try #require(position.pixel)
      let (below, holding) = (variance[Int(position.x), Int(position.y)], variance[pixel.x, pixel.y])
      #expect(abs(theirs[row] / (2 * (Double(below) * .pi * 2.3 * 2.3).squareRoot()) - 1) < 1e-6)
      #expect(abs(own[row] / (2 * (Double(holding) * .pi * 2.3 * 2.3).squareRoot()) - 1) < 1e-6)
    }
  }

  /// Unweighted moments, too: sums of a few hundred float32 pixels of both signs, about positions that are float32 there.
  @Test(arguments: GoldenForcedCase.names)
  func unweightedMoments(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let isUnweighted = try measured.own("base_SdssShape_flag_unweighted")
    #expect(isUnweighted.contains(1))
    for column in ["xx", "yy", "xy"] {
      let (a, b) = (try measured.own("base_SdssShape_" + column), try measured.theirs("base_SdssShape_" + column))
      for row in a.indices where isUnweighted[row] == 1 {
        #expect(abs(a[row] - b[row]) < 2e-4 * max(abs(b[row]), 1), "\(column) of row \(row)")
      }
    }
  }

  /// What makes the reference's errors larger.
  ///
  /// They have the noise of slope, S = (1 − e^(−1/s²))/8πs², and S′ = (e^(−1/3s²) − e^(−1/s²))/12πs² once more for the source itself, both from the
  /// whole variance; ours have S alone. Where the noise is even that is all, but for its quartic term with 8 s²/d³ where the derivative is 8 s³/d³.
  @Test(arguments: GoldenForcedCase.names)
  func errorsOfCentroids(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let psf = try ["xx", "yy", "xy"].map { try measured.theirs("base_SdssShape_psf_" + $0)[0] }
    let s2 = SecondMoments(xx: psf[0], yy: psf[1], xy: psf[2]).determinant.squareRoot()
    let (once, twice) = ((1 - exp(-1 / s2)) / 8, (exp(-1 / (3 * s2)) - exp(-1 / s2)) / 12)
    let even = (once / (once + twice)).squareRoot()
    let flags = try measured.theirs("base_SdssCentroid_flag")
    let positions = [try measured.own("base_SdssCentroid_x"), try measured.own("base_SdssCentroid_y")]
    var ratios: [Double] = []
    for (axis, column) in ["base_SdssCentroid_xErr", "base_SdssCentroid_yErr"].enumerated() {
      let (own, theirs) = (try measured.own(column), try measured.theirs(column))
      for (row, position) in measured.positions.enumerated() {
        #expect(own[row].isNaN == theirs[row].isNaN)
        guard flags[row] == 0, let pixel = position.pixel else { continue }
        let distance = positions[axis][row] - Double(axis == 0 ? pixel.x : pixel.y)
        let ratio = own[row] / theirs[row]
        // Bright stars make noise where the slope has its weight, and half a pixel from a pixel's centre the quartic term counts.
        #expect(ratio > 0.2 && ratio < 1.2, "row \(row) \(column) at \(distance): \(ratio)")
        if abs(distance) < 0.2 { ratios.append(ratio) }
      }
    }
    // S and S′ are those of a Gaussian; ours are the PSF's own.
    guard name != "F_forced_imagepsf.fits" else { return }
    let median = ratios.sorted()[ratios.count / 2]
    // The stars of this case have noise of their own, up to as much as the sky's.
    #expect(ratios.count > 50 && abs(median / even - 1) < 0.08, "\(median) \(even)")
  }

  /// The classification by the slots of the reference's own catalog.
  @Test func extendednessIsTheReferences() throws {
    let golden = try GoldenFile("A_detect_diaSources.fits")
    defer { golden.remove() }
    let (task, schema) = try makeMeasurement(
      ["base_ClassificationSizeExtendedness"],
      slots: {
        $0.shape = "theirShape"
        $0.psfShape = "theirPsfShape"
        $0.centroid = nil
      },
      before: { schema in
        _ = try QuadrupoleKey(adding: "theirShape", to: &schema, doc: "shape")
        _ = try QuadrupoleKey(adding: "theirPsfShape", to: &schema, doc: "shape")
      })
    let expected = try golden["base_ClassificationSizeExtendedness_value"].doubles
    var catalog = Catalog(schema, rowCount: expected.count)
    for (name, slot) in [("theirShape", "slot_Shape"), ("theirPsfShape", "slot_PsfShape")] {
      let key = try QuadrupoleKey(name, in: schema)
      let moments = try ["xx", "yy", "xy"].map { try golden[slot + "_" + $0].doubles }
      for row in expected.indices { catalog[key, row] = SIMD3(moments[0][row], moments[1][row], moments[2][row]) }
    }
    try task.run(&catalog, on: try makeExposure(Image(box: Box2I(width: 3, height: 3), fill: 0), variance: 1))
    let found: [Double] = try catalog.column("base_ClassificationSizeExtendedness_value")
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 || ($0.isNaN && $1.isNaN) }, "\(found) \(expected)")
  }
}
