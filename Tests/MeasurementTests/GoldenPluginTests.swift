// SPDX-License-Identifier: GPL-3.0-or-later
// Moments, trails and calibrations of the reference system on difference images.

import Catalogs
import Foundation
import Imaging
import Measurement
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Cases A and B of `shared/golden`: sources of difference images, at the reference's centroids and in the boxes of its footprints.
///
/// Of case B's difference the measured image is not kept: only what needs no pixels is compared there.
@Suite(
  .enabled(if: GoldenFile.isAvailable("A_detect.h5"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenPluginTests {
  private struct Case {
    let golden: GoldenFile
    let catalog: Catalog
    let exposure: Exposure

    func theirs(_ column: String) throws -> [Double] { try golden[column].doubles }

    func own(_ column: String) throws -> [Double] {
      switch try catalog.schema.field(column).type {
      case .flag: try catalog.column(column, as: Bool.self).map { $0 ? 1 : 0 }
      case .angle: try catalog.column(column, as: Angle.self).map(\.degrees)
      default: try catalog.column(column, as: Double.self)
      }
    }

    /// Differences where the reference has a value.
    func differences(_ column: String) throws -> [Double] {
      let (own, theirs) = (try own(column), try theirs(column))
      #expect(own.count == theirs.count)
      return zip(own, theirs).filter { !$1.isNaN }.map { $0 - $1 }
    }

    func worst(_ column: String) throws -> Double {
      try differences(column).map { $0.isNaN ? .infinity : abs($0) }.max() ?? .infinity
    }
  }

  /// The exposure that the reference measured; zeros where it is not kept.
  private func exposure(_ name: String) throws -> Exposure {
    let fits = try FITSExposure(SharedData.url("golden/\(name)_science.fits").path)
    let (golden, difference) = (try GoldenFile(name + "_detect.h5"), try GoldenFile(name + "_T_dec.h5"))
    defer {
      golden.remove()
      difference.remove()
    }
    let mask = Mask(bits: try golden["mask"].bits())
    let image = name == "A" ? try golden["measured_image"].image() : Image(box: mask.box, fill: 0)
    let masked = try MaskedImage(image: image, mask: mask, variance: try difference["diff_variance"].image())
    let kernel = try difference["diff_psf"]
    let psf = try KernelPSF(
      Image(box: Box2I(width: kernel.shape[1], height: kernel.shape[0]), pixels: kernel.doubles),
      averagePosition: Point2D(x: 256, y: 256))
    return Exposure(masked, psf: psf, wcs: fits.wcs, photoCalib: try PhotoCalib(mean: 1))
  }

  private func measured(_ name: String, _ plugins: [String]) throws -> Case {
    let golden = try GoldenFile(name + "_detect_diaSources.fits")
    let (task, schema) = try makeMeasurement(
      plugins,
      slots: {
        $0.centroid = "theirCentroid"
        $0.shape = "theirShape"
        $0.apFlux = nil
      },
      before: { schema in
        _ = try PointKey(adding: "theirCentroid", to: &schema, doc: "position")
        _ = try PointKey(adding: "theirShape", to: &schema, doc: "position")
        _ = try QuadrupoleKey(adding: "theirShape", to: &schema, doc: "shape")
        try schema.addField("theirShape_flag", as: Bool.self, doc: "not to be trusted")
      })
    func points(_ slot: String) throws -> [Point2D] {
      zip(try golden[slot + "_x"].doubles, try golden[slot + "_y"].doubles).map { Point2D(x: $0, y: $1) }
    }
    let (centroids, centers) = (try points("slot_Centroid"), try points("slot_Shape"))
    let moments = try ["xx", "yy", "xy"].map { try golden["slot_Shape_" + $0].doubles }
    let flags = try golden["slot_Shape_flag"].doubles
    let boxes = try boxes(name)
    var catalog = makeCatalog(schema, at: centroids)
    let (centroid, center) = (try PointKey("theirCentroid", in: schema), try PointKey("theirShape", in: schema))
    let shape = try QuadrupoleKey("theirShape", in: schema)
    let flag: Key<Bool> = try schema.key("theirShape_flag")
    for row in centroids.indices {
      catalog[centroid, row] = centroids[row]
      catalog[center, row] = centers[row]
      catalog[shape, row] = SIMD3(moments[0][row], moments[1][row], moments[2][row])
      catalog[flag, row] = flags[row] != 0
      catalog.setFootprint(Footprint(SpanSet(boxes[row]), region: boxes[row]), row: row)
    }
    let exposure = try exposure(name)
    try task.run(&catalog, on: exposure)
    return Case(golden: golden, catalog: catalog, exposure: exposure)
  }

  /// The boxes of the footprints, in the order of the catalog.
  private func boxes(_ name: String) throws -> [Box2I] {
    let golden = try GoldenFile(name + "_detect.h5")
    defer { golden.remove() }
    let columns = try ["x0", "y0", "x1", "y1"].map { try golden["footprints." + $0].doubles.map { Int($0) } }
    return columns[0].indices.map {
      Box2I(
        minimum: Point2I(x: columns[0][$0], y: columns[1][$0]), maximum: Point2I(x: columns[2][$0], y: columns[3][$0]))
    }
  }

  @Test func hsmMomentsAreTheReferences() throws {
    let (source, psf) = ("ext_shapeHSM_HsmSourceMoments", "ext_shapeHSM_HsmPsfMoments")
    let measured = try measured("A", [source, psf])
    defer { measured.golden.remove() }
    for flag in ["", "_no_pixels", "_not_contained", "_parent_source", "_galsim", "_invalid_param", "_edge", "_no_psf"]
    {
      for name in [source, psf] {
        #expect(try measured.own("\(name)_flag\(flag)") == measured.theirs("\(name)_flag\(flag)"))
      }
    }
    // Both stop at changes of 1e-6 of the smaller axis, 1.4 to 2.4 px, after other steps; where they converge slowly, in this
    // set by 0.9 a round, ten times as much is left.
    for column in ["_x", "_y"] { #expect(try measured.worst(source + column) < 1e-6) }
    // The reference returns size and ellipticities in float32: 6e-8 of a size, twice that of moments up to 51 px².
    let (xx, yy) = (try measured.theirs(source + "_xx"), try measured.theirs(source + "_yy"))
    for column in ["_xx", "_yy", "_xy"] {
      for (row, difference) in try measured.differences(source + column).enumerated() {
        #expect(abs(difference) < 3e-7 * (xx[row] + yy[row]) + 1e-6, "\(column) \(difference)")
      }
      #expect(try measured.worst(psf + column) < 3e-7 * 10.6)
    }
    #expect(try measured.worst(psf + "_x") < 1e-9 && measured.worst(psf + "_y") < 1e-9)
  }

  @Test(arguments: ["A", "B"])
  func trailsAreTheReferences(_ name: String) throws {
    let trail = "ext_trailedSources_Naive"
    let measured = try measured(name, [trail])
    defer { measured.golden.remove() }
    for flag in [
      "", "_noFlux", "_noConverge", "_noSigma", "_edge", "_off_image", "_nan", "_suspect_long_trail", "_shape",
    ] {
      #expect(try measured.own("\(trail)_flag\(flag)") == measured.theirs("\(trail)_flag\(flag)"), "\(flag)")
    }
    // Its root is known to 2e-12, ours to rounding.
    for column in ["_length", "_x0", "_y0", "_x1", "_y1"] {
      #expect(try measured.worst(trail + column) < 1e-10, "\(column)")
    }
    let degrees = try measured.own(trail + "_angle")
    for (own, theirs) in zip(degrees, try measured.theirs(trail + "_angle")) where !theirs.isNaN {
      #expect(abs(own * .pi / 180 - theirs) < 1e-12)
    }
    #expect(try measured.worst(trail + "_ra") < 1e-10 && measured.worst(trail + "_dec") < 1e-10)
    guard name == "A" else { return }
    let ratios = zip(try measured.own(trail + "_flux"), try measured.theirs(trail + "_flux")).map { $0 / $1 - 1 }
    // The reference knows its Gaussian's width; the kernel under a weight that is cut off at √14 σ has 6.4e-6 less, which the
    // flux of a point source follows one to one.
    for ratio in ratios { #expect(abs(ratio) < 7e-6, "\(ratio)") }
    try errorsAreTheReferencesBesidesItsDefects(measured, try boxes(name))
  }

  /// The reference knows no errors of the moments, leaves out the noise of the pixels, and draws the root of an end's error twice
  /// (G-15): of its errors the position's are left.
  private func errorsAreTheReferencesBesidesItsDefects(_ measured: Case, _ boxes: [Box2I]) throws {
    let name = "ext_trailedSources_Naive"
    let (x, y) = (try measured.theirs("slot_Shape_x"), try measured.theirs("slot_Shape_y"))
    let (xErr, yErr) = (try measured.theirs("slot_Centroid_xErr"), try measured.theirs("slot_Centroid_yErr"))
    let (length, angle) = (try measured.theirs(name + "_length"), try measured.theirs(name + "_angle"))
    let (theirs, own) = (try measured.theirs(name + "_fluxErr"), try measured.own(name + "_fluxErr"))
    for row in x.indices {
      let trail = Trail(center: Point2D(x: x[row], y: y[row]), length: length[row], angle: angle[row])
      let masked = measured.exposure.maskedImage
      let fit = TrailFit(trail, sigma: 2.3, image: masked.image, variance: masked.variance, in: boxes[row])
      let ofPosition = hypot(fit.gradient.x * xErr[row], fit.gradient.y * yErr[row])
      // The position's errors are float32; the model is known to 5e-8 of its maximum, and the derivatives are sums of both signs.
      #expect(abs(ofPosition - theirs[row]) < 3e-6 * theirs[row] + 3e-9 * abs(fit.flux), "row \(row)")
      #expect(abs(try measured.theirs(name + "_x0Err")[row] - xErr[row].squareRoot()) < 1e-7)
      #expect(own[row] > fit.pixelError && own[row] < 3 * fit.pixelError)
    }
  }

  @Test(arguments: ["A", "B"])
  func calibrationsAreTheReferences(_ name: String) throws {
    let measured = try measured(name, ["base_LocalPhotoCalib", "base_LocalWcs"])
    defer { measured.golden.remove() }
    #expect(try measured.worst("base_LocalPhotoCalib") == 0 && measured.worst("base_LocalPhotoCalibErr") == 0)
    let scale = 0.2 / 3600 * Double.pi / 180
    // Positions on the sky in float64 are known to 4e-16 rad, 5e-10 of a pixel; both take differences over about one.
    for column in ["_1_1", "_2_2"] { #expect(try measured.worst("base_LocalWcs_CDMatrix" + column) < 1e-9 * scale) }
    for column in ["base_LocalWcs_CDMatrix_1_2", "base_LocalWcs_CDMatrix_2_1"] {
      // Meridians converge: away from the reference pixel north is not along y. The derivatives that the reference takes see
      // this in one of these sources and are zero in all others.
      for (own, theirs) in zip(try measured.own(column), try measured.theirs(column)) {
        #expect(abs(theirs) < 1e-10 * scale || abs(own - theirs) < 1e-9 * scale, "\(own) \(theirs)")
        #expect(abs(own) < 2e-5 * scale)
      }
    }
    for flag in ["base_LocalPhotoCalib_flag", "base_LocalWcs_flag"] {
      #expect(try measured.own(flag) == measured.theirs(flag))
    }
  }
}
