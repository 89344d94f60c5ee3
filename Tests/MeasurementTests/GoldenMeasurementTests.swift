// SPDX-License-Identifier: GPL-3.0-or-later
// Measurements of the reference system on case A's science image.

import Catalogs
import Foundation
import Imaging
import Measurement
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Case F of `shared/golden`: 164 sources measured at given positions, with the shape of the PSF (σ 2.3 px) in the shape slot.
@Suite(
  .enabled(
    if: GoldenFile.isAvailable("F_forced_exact.fits"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenMeasurementTests {
  private struct Case {
    let golden: GoldenFile
    let catalog: Catalog
    let exposure: Exposure
    let positions: [Point2D]

    func own(_ column: String) throws -> [Double] {
      let type = try catalog.schema.field(column).type
      return switch type {
      case .float32: try catalog.column(column, as: Float.self).map(Double.init)
      case .int32: try catalog.column(column, as: Int32.self).map(Double.init)
      case .flag: try catalog.column(column, as: Bool.self).map { $0 ? 1 : 0 }
      default: try catalog.column(column, as: Double.self)
      }
    }

    /// The largest difference of a column, relative to the larger of the value and `scale`, over rows without a flag.
    func worst(_ column: String, scale: Double, unless flag: String? = nil) throws -> Double {
      let (own, theirs) = (try own(column), try golden[column].doubles)
      let isBad = try flag.map { try golden[$0].doubles.map { $0 != 0 } } ?? own.map { _ in false }
      #expect(own.count == theirs.count)
      return own.indices.filter { !isBad[$0] }
        .map { abs(own[$0] - theirs[$0]) / max(abs(theirs[$0]), scale) }.max() ?? .infinity
    }
  }

  /// The same measurements by us.
  private func measured(_ name: String) throws -> Case {
    let golden = try GoldenFile(name)
    let fits = try FITSExposure(SharedData.url("golden/A_science.fits").path)
    let masked = try MaskedImage(
      image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance))
    let (task, schema) = try makeMeasurement(
      ["base_GaussianFlux", "base_PixelFlags", "base_PsfFlux", "base_SdssCentroid", "base_SdssShape"],
      slots: {
        $0.centroid = "base_TransformedCentroid"
        $0.shape = "base_TransformedShape"
      },
      before: { schema in
        _ = try PointKey(adding: "base_TransformedCentroid", to: &schema, doc: "position")
        _ = try QuadrupoleKey(adding: "base_TransformedShape", to: &schema, doc: "shape")
      })
    let (x, y) = (try golden["base_TransformedCentroid_x"].doubles, try golden["base_TransformedCentroid_y"].doubles)
    let moments = try ["xx", "yy", "xy"].map { try golden["base_TransformedShape_" + $0].doubles }
    let positions = zip(x, y).map { Point2D(x: $0, y: $1) }
    var catalog = makeCatalog(schema, at: positions)
    let centroid = try PointKey("base_TransformedCentroid", in: schema)
    let shape = try QuadrupoleKey("base_TransformedShape", in: schema)
    for (row, position) in positions.enumerated() {
      catalog[centroid, row] = position
      catalog[shape, row] = SIMD3(moments[0][row], moments[1][row], moments[2][row])
      // In forced mode the peak is the position itself, in float32.
      var footprint = try #require(catalog.footprint(row: row))
      footprint.peaks[0].position = Point2D(x: Double(Float(position.x)), y: Double(Float(position.y)))
      catalog.setFootprint(footprint, row: row)
    }
    let exposure = Exposure(masked, psf: try gaussianPSF(sigma: 2.3, side: 31))
    try task.run(&catalog, on: exposure)
    return Case(golden: golden, catalog: catalog, exposure: exposure, positions: positions)
  }

  @Test(arguments: ["F_forced_exact.fits", "F_forced_off.fits"])
  func psfFluxIsTheReferences(_ name: String) throws {
    let measured = try measured(name)
    defer { measured.golden.remove() }
    // The reference rounds the fraction of the pixel to float32: 3e-8 px, and the flux of a misplaced star changes by about its
    // misplacement over σ.
    #expect(try measured.worst("base_PsfFlux_instFlux", scale: 1) < 2e-8)
    #expect(try measured.worst("base_PsfFlux_instFluxErr", scale: 1) < 2e-8)
    // Stored as float32.
    #expect(try measured.worst("base_PsfFlux_area", scale: 1) < 2e-7)
    #expect(try measured.worst("base_PsfFlux_chi2", scale: 1) < 4e-7)
    for column in ["_npixels", "_flag", "_flag_edge", "_flag_noGoodPixels"] {
      #expect(try measured.own("base_PsfFlux" + column) == measured.golden["base_PsfFlux" + column].doubles)
    }
  }

  @Test(arguments: ["F_forced_exact.fits", "F_forced_off.fits"])
  func gaussianFluxIsTheReferences(_ name: String) throws {
    let measured = try measured(name)
    defer { measured.golden.remove() }
    // The reference computes exponents up to 7 in float32: 5e-7 of each weight, some of it the same in all.
    #expect(try measured.worst("base_GaussianFlux_instFlux", scale: 1) < 5e-6)
    #expect(try measured.own("base_GaussianFlux_flag") == measured.golden["base_GaussianFlux_flag"].doubles)
    // The reference takes the variance of the pixel below the centroid, we that of the pixel which holds it.
    let theirs = try measured.golden["base_GaussianFlux_instFluxErr"].doubles
    for (row, position) in measured.positions.enumerated() {
      let v = measured.exposure.maskedImage.variance[Int(position.x), Int(position.y)]
      let expected = 2 * (Double(v) * .pi * 2.3 * 2.3).squareRoot()
      #expect(abs(theirs[row] / expected - 1) < 1e-6)
    }
  }

  @Test(arguments: ["F_forced_exact.fits", "F_forced_off.fits"])
  func sdssShapeIsTheReferences(_ name: String) throws {
    let measured = try measured(name)
    defer { measured.golden.remove() }
    for flag in ["", "_unweightedBad", "_unweighted", "_shift", "_maxIter", "_psf"] {
      let column = "base_SdssShape_flag" + flag
      #expect(try measured.own(column) == measured.golden[column].doubles, "\(column)")
    }
    // xy counts beside xx and yy, which are 5 px² and more. Both stop when xx changes by less than 1e-4 of itself; rounding decides in which round.
    for column in ["xx", "yy", "xy", "instFlux", "instFluxErr", "xxErr", "yyErr", "xyErr", "x", "y"] {
      let worst = try measured.worst(
        "base_SdssShape_" + column, scale: column == "xy" ? 1 : 0.1, unless: "base_SdssShape_flag")
      #expect(worst < 1e-4, "\(column): \(worst)")
    }
    // Unweighted moments, too: sums of a few hundred float32 pixels of both signs, about positions that are float32 there.
    let isUnweighted = try measured.own("base_SdssShape_flag_unweighted")
    #expect(isUnweighted.contains(1))
    for column in ["xx", "yy", "xy"] {
      let (a, b) = (
        try measured.own("base_SdssShape_" + column), try measured.golden["base_SdssShape_" + column].doubles
      )
      for row in a.indices where isUnweighted[row] == 1 {
        #expect(abs(a[row] - b[row]) < 2e-4 * max(abs(b[row]), 1), "\(column) of row \(row)")
      }
    }
    // The reference knows its Gaussian's width; the sampled kernel under a weight that is cut off at √14 σ has 1.3e-5 less.
    #expect(try measured.worst("base_SdssShape_psf_xx", scale: 1) < 2e-5)
    #expect(try measured.worst("base_SdssShape_psf_xy", scale: 1) < 1e-9)
  }

  @Test(arguments: ["F_forced_exact.fits", "F_forced_off.fits"])
  func sdssCentroidIsTheReferences(_ name: String) throws {
    let measured = try measured(name)
    defer { measured.golden.remove() }
    for flag in ["_edge", "_near_edge", "_noSecondDerivative", "_notAtMaximum"] {
      let column = "base_SdssCentroid_flag" + flag
      #expect(try measured.own(column) == measured.golden[column].doubles, "\(column)")
    }
    let (own, theirs) = (
      try measured.own("base_SdssCentroid_flag_resetToPeak"),
      try measured.golden["base_SdssCentroid_flag_resetToPeak"].doubles
    )
    #expect(own == theirs)
    // The smoothed image is float32 there: 6e-8 of its values over curvatures of 1/5 of them, some 1e-6 px for faint sources.
    for axis in ["x", "y"] {
      let column = "base_SdssCentroid_" + axis
      let (a, b) = (try measured.own(column), try measured.golden[column].doubles)
      #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    // The reference's errors have the noise of slope, S = (1 − e^(−1/s²))/8πs², and S′ = (e^(−1/3s²) − e^(−1/s²))/12πs² once more for the source itself, both from the
    // whole variance; ours have S alone. Where the noise is even that is all, but for its quartic term with 8 s²/d³ where the derivative is 8 s³/d³.
    let s2 = 2.3 * 2.3
    let (once, twice) = ((1 - exp(-1 / s2)) / 8, (exp(-1 / (3 * s2)) - exp(-1 / s2)) / 12)
    let even = (once / (once + twice)).squareRoot()
    var ratios: [Double] = []
    for (row, position) in measured.positions.enumerated()
    where try measured.golden["base_SdssCentroid_flag"].doubles[row] == 0 {
      let pixel = try #require(position.pixel)
      let offset = (
        x: try measured.own("base_SdssCentroid_x")[row] - Double(pixel.x),
        y: try measured.own("base_SdssCentroid_y")[row] - Double(pixel.y)
      )
      for (axis, distance) in [("xErr", offset.x), ("yErr", offset.y)] {
        let ratio =
          try measured.own("base_SdssCentroid_" + axis)[row] / measured.golden["base_SdssCentroid_" + axis].doubles[row]
        // Bright stars make noise where the slope has its weight, and half a pixel from a pixel's centre the quartic term counts.
        #expect(ratio > 0.3 && ratio < 1.2, "row \(row) \(axis) at \(distance): \(ratio)")
        if abs(distance) < 0.2 { ratios.append(ratio) }
      }
    }
    let median = ratios.sorted()[ratios.count / 2]
    // The stars of this case have noise of their own, up to as much as the sky's.
    #expect(ratios.count > 50 && abs(median / even - 1) < 0.08, "\(median) \(even)")
  }

  @Test func pixelFlagsAboutTheCentreAreTheReferences() throws {
    let measured = try measured("F_forced_exact.fits")
    defer { measured.golden.remove() }
    for plane in ["edge", "nodata", "interpolated", "saturated", "cr", "bad", "suspect"] {
      for kind in ["Center", "CenterAll"] {
        let column = "base_PixelFlags_flag_\(plane)\(kind)"
        #expect(try measured.own(column) == measured.golden[column].doubles, "\(column)")
      }
    }
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
