// SPDX-License-Identifier: GPL-3.0-or-later
// Dipoles of the reference system on case A's difference image.

import Catalogs
import Foundation
import Imaging
import Measurement
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// The dipoles of `shared/golden`, case A: what the reference fits, and what is true.
@Suite(
  .enabled(if: GoldenFile.isAvailable("A_detect.h5"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenDipoleTests {
  private struct Case {
    let difference: Exposure
    let science: Exposure
    let template: Exposure
    let footprints: [Footprint]
    /// Rows of the reference's catalog, one a footprint.
    let rows: [Int]
    let catalog: GoldenFile

    init() throws {
      let (golden, subtraction) = (try GoldenFile("A_detect.h5"), try GoldenFile("A_T_dec.h5"))
      catalog = try GoldenFile("A_detect_diaSources.fits")
      defer {
        golden.remove()
        subtraction.remove()
      }
      let fits = try FITSExposure(SharedData.url("golden/A_science.fits").path)
      let bits = try golden["mask"].bits()
      let kernel = try subtraction["diff_psf"]
      let matched = try KernelPSF(
        Image(box: Box2I(width: kernel.shape[1], height: kernel.shape[0]), pixels: kernel.doubles),
        averagePosition: Point2D(x: 255.5, y: 255.5))
      func exposure(_ image: Image<Float>, _ variance: Image<Float>) throws -> Exposure {
        Exposure(try MaskedImage(image: image, mask: Mask(box: bits.box), variance: variance), psf: matched)
      }
      difference = try exposure(golden["measured_image"].image(), subtraction["diff_variance"].image())
      science = try exposure(fits.image, #require(fits.variance))
      template = try exposure(
        subtraction["matched_template_image"].image(), subtraction["matched_template_variance"].image())
      let (owners, x, y) = (
        try golden["peaks.id"].doubles, try golden["peaks.ix"].doubles, try golden["peaks.iy"].doubles
      )
      let values = try golden["peaks.value"].doubles
      let regions = SpanSet(of: bits.box) { bits[$0, $1] & (1 << 5 | 1 << 6) != 0 }.connectedParts()
      var footprints: [Footprint] = []
      for (id, area) in zip(try golden["footprints.id"].doubles, try golden["footprints.area"].doubles) {
        let peaks = owners.indices.filter { owners[$0] == id }.map { i in
          makePeak(at: Point2I(x: Int(x[i]), y: Int(y[i])), value: Float(values[i]))
        }
        let spans = try #require(regions.first { $0.contains(peaks[0].pixel) })
        #expect(spans.area == Int(area))
        footprints.append(Footprint(spans, peaks: peaks, region: bits.box))
      }
      let attempted = try catalog["ip_diffim_DipoleFit_classificationAttempted"].doubles
      rows = attempted.indices.filter { attempted[$0] != 0 }
      self.footprints = rows.map { footprints[$0] }
    }

    func reference(_ name: String) throws -> [Double] {
      let column = try catalog["ip_diffim_DipoleFit_" + name].doubles
      return rows.map { column[$0] }
    }
  }

  @Test func unweightedFitsAreTheReferences() throws {
    let golden = try Case()
    defer { golden.catalog.remove() }
    #expect(golden.rows.count == 3)
    // With more than two peaks the reference takes the first and the last, which need not be the strongest of their signs.
    let footprints = golden.footprints.map { footprint in
      var result = footprint
      result.peaks = [footprint.peaks[0], footprint.peaks[footprint.peaks.count - 1]]
      return result
    }
    var config = DipoleFitConfig()
    config.weighting = .unweighted
    var catalog = try DipoleCatalog(footprints, config)
    catalog.measure(golden.difference, golden.science, golden.template)
    /// The largest difference of a column, relative to the reference's or by itself.
    func worst(_ name: String, _ own: [Double], isRelative: Bool) throws -> Double {
      zip(own, try golden.reference(name)).map { isRelative ? abs($0 / $1 - 1) : abs($0 - $1) }.max() ?? .infinity
    }
    // The reference ends at 1e-7 of χ², some 2,000 in units of noise: 0.014 standard errors, of 0.009 to 0.08 px and of 57 to 116 counts.
    // Its derivatives are differences in float32, its PSF is float32.
    for name in ["pos_x", "pos_y", "neg_x", "neg_y", "x", "y"] {
      #expect(try worst(name, catalog.doubles(name), isRelative: false) < 5e-4, "\(name)")
    }
    for name in ["instFlux", "pos_instFlux", "chi2dof"] {
      #expect(try worst(name, catalog.doubles(name), isRelative: true) < 1e-4, "\(name)")
    }
    for name in ["instFluxErr", "separation"] {
      #expect(try worst(name, catalog.doubles(name), isRelative: true) < 2e-3, "\(name)")
    }
    for name in ["pos_xErr", "neg_yErr", "xErr", "yErr"] {
      #expect(try worst(name, catalog.floats(name), isRelative: true) < 2e-3, "\(name)")
    }
    #expect(try worst("signalToNoise", catalog.doubles("signalToNoise"), isRelative: true) < 2e-3)
    // Ours is in degrees, as the reference's was once.
    let degrees = try golden.reference("orientation").map { $0 * 180 / .pi }
    for (own, theirs) in zip(try catalog.doubles("orientation"), degrees) { #expect(abs(own - theirs) < 0.1) }
    // The negative lobe's flux is negative here, as it was once.
    for (own, theirs) in zip(try catalog.doubles("neg_instFlux"), try golden.reference("neg_instFlux")) {
      #expect(abs(own / theirs + 1) < 1e-4)
    }
    let data = try catalog.catalog.column("ip_diffim_DipoleFit_nData", as: Int64.self).map { Double($0) }
    #expect(try data == golden.reference("nData"))
  }

  /// Two of the three are stars of case A that moved by 0.7 px, each with a neighbour 8 to 10 px away.
  @Test func weightedFitsAreNearerToTheTruth() throws {
    let golden = try Case()
    defer { golden.catalog.remove() }
    var catalog = try DipoleCatalog(golden.footprints)
    catalog.measure(golden.difference, golden.science, golden.template)
    #expect(try catalog.flags("classification") == [true, true, true])
    // The second has two stars that moved in one footprint; these are the ones with the strongest peaks.
    let truth = [
      (
        row: 1, science: Point2D(x: 326.39876, y: 193.31169), template: Point2D(x: 327.09876, y: 193.31169),
        flux: 5576.5
      ),
      (
        row: 2, science: Point2D(x: 195.59749, y: 388.30268), template: Point2D(x: 196.29749, y: 388.30268),
        flux: 5367.7
      ),
    ]
    for (row, science, template, flux) in truth {
      for (name, position) in [("pos", science), ("neg", template)] {
        let own = Point2D(x: try catalog.doubles(name + "_x")[row], y: try catalog.doubles(name + "_y")[row])
        #expect(own.distance(to: position) < 4 * (try catalog.floats(name + "_xErr")[row]), "\(own)")
      }
      #expect(abs(try catalog.doubles("instFlux")[row] - flux) < 4 * (try catalog.doubles("instFluxErr")[row]))
    }
    // The neighbour of the third pulls the reference's fit by 0.19 px, four of its errors.
    let theirs = Point2D(x: try golden.reference("x")[2], y: try golden.reference("y")[2])
    let own = Point2D(x: try catalog.doubles("x")[2], y: try catalog.doubles("y")[2])
    let middle = (truth[1].science + truth[1].template) * 0.5
    #expect(theirs.distance(to: middle) > 0.15 && own.distance(to: middle) < 0.07)
  }
}
