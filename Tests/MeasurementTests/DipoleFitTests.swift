// SPDX-License-Identifier: GPL-3.0-or-later
// Fits of dipoles.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

struct DipoleFitTests {
  @Test func derivativesAreThoseOfTheImage() throws {
    // Wider along x than along y, and turned.
    let kernel = Image<Double>(box: Box2I(minX: -12, minY: -12, width: 25, height: 25)) { x, y in
      exp(-0.5 * (Double(x * x) / 6 + Double(y * y) / 3 - Double(x * y) / 6))
    }
    let psf = try KernelPSF(kernel, averagePosition: Point2D(x: 0, y: 0))
    for (dx, dy) in [(0.0, 0.0), (0.3, -0.2), (-0.5, 0.499), (0, 0.25), (1e-4, -1e-3), (0.49, 0)] {
      let position = Point2D(x: 40 + dx, y: -7 + dy)
      let stamp = try #require(StampGradient(psf.kernel, at: position))
      let image = try psf.image(at: position)
      #expect(stamp.box == image.box)
      #expect(zip(stamp.value.pixels, image.pixels).allSatisfy { abs($0 - $1) < 1e-15 })
      // Central differences are wrong by h²/6 of the third derivative, 1e-11; and where a weight sets in, on a pixel's centre, by
      // h/2 of the jump of its second one, 0.04 of the kernel's 0.04 at most.
      let h = 1e-5
      for (step, slope) in [(Point2D(x: h, y: 0), stamp.alongX), (Point2D(x: 0, y: h), stamp.alongY)] {
        // From the same kernel pixel, as the position may be on the border of two.
        let up = try moved(psf, 40, -7, dx + step.x, dy + step.y)
        let down = try moved(psf, 40, -7, dx - step.x, dy - step.y)
        let worst = zip(zip(up.pixels, down.pixels), slope.pixels).map { abs(($0.0 - $0.1) / (2 * h) - $1) }.max()
        #expect(try #require(worst) < 1e-8, "\(dx) \(dy)")
      }
    }
    #expect(StampGradient(psf.kernel, at: Point2D(x: .nan, y: 0)) == nil)
    #expect(StampGradient(psf.kernel, at: Point2D(x: 1e300, y: 0)) == nil)
  }

  private func moved(_ psf: KernelPSF, _ x: Int, _ y: Int, _ dx: Double, _ dy: Double) throws -> Image<Double> {
    psf.kernel.shifted(x: dx, y: dy).moved(toX: x + psf.kernel.box.minX, y: y + psf.kernel.box.minY)
  }

  // MARK: The scene of the reference's own test (detection-measurement E.2)

  private static func referenceScene(_ noise: Double = 2) throws -> DipoleScene {
    let stars = [(65.3, 38.6, -2.0, 2500.0), (24.2, 78.5, 2, 2345)].map { x, y, d, flux in
      DipoleScene.Star(
        science: Point2D(x: x + d, y: y + d), template: Point2D(x: x - d, y: y - d), scienceFlux: flux,
        templateFlux: flux)
    }
    return try DipoleScene(
      Box2I(width: 100, height: 100), stars, noise: (noise, noise), gradient: (10, 3, 5), seed: 42)
  }

  @Test(
    arguments: [(true, true), (true, false), (false, true), (false, false)],
    [DipoleFitConfig.Weighting.variance, .unweighted])
  func dipolesAreFound(_ images: (Bool, Bool), _ weighting: DipoleFitConfig.Weighting) throws {
    let scene = try Self.referenceScene()
    let footprints = try scene.footprints().sorted { $0.box.minY < $1.box.minY }
    #expect(footprints.map(\.peaks.count) == [2, 2])
    var config = DipoleFitConfig()
    config.weighting = weighting
    var catalog = try DipoleCatalog(footprints, config)
    catalog.measure(scene.difference, images.0 ? scene.science : nil, images.1 ? scene.template : nil)
    #expect(try catalog.flags("classification") == [true, true])
    #expect(try catalog.flags("flag_classification") == [true, true])
    #expect(try catalog.flags("flag_classificationAttempted") == [true, true])
    #expect(try catalog.flags("flag") == [false, false])
    for (row, (x, y, d, flux)) in [(65.3, 38.6, -2.0, 2500.0), (24.2, 78.5, 2, 2345)].enumerated() {
      for (name, sign) in [("pos", 1.0), ("neg", -1)] {
        #expect(abs(try catalog.doubles(name + "_x")[row] - (x + sign * d)) < 0.05)
        #expect(abs(try catalog.doubles(name + "_y")[row] - (y + sign * d)) < 0.05)
        // The error of a flux on the difference alone is √(8 · 8π) σ noise / √2: 14.
        #expect(abs(sign * (try catalog.doubles(name + "_instFlux")[row]) - flux) < 40)
      }
      #expect(try abs(catalog.doubles("x")[row] - x) < 0.04 && abs(catalog.doubles("y")[row] - y) < 0.04)
      #expect(abs(try catalog.doubles("separation")[row] - 32.0.squareRoot()) < 0.08)
      #expect(abs(try catalog.doubles("orientation")[row] - (d > 0 ? 45 : -135)) < 0.8)
      // Of the whole box without weights: some 700 pixels.
      #expect(try catalog.doubles("signalToNoise")[row] > (weighting == .variance ? 50 : 20))
      #expect(try catalog.doubles("deltaChi2")[row] > 1000)
    }
    // Pixels have the noise that their variance says; without weights χ² is in counts².
    if weighting == .variance {
      #expect(try catalog.doubles("chi2dof").allSatisfy { abs($0 - 1) < 0.12 })
    }
  }

  @Test func signAndDirection() throws {
    // E.1.9: a template moved up by one pixel.
    let star = DipoleScene.Star(
      science: Point2D(x: 50.2, y: 49.7), template: Point2D(x: 50.2, y: 50.7), scienceFlux: 1500, templateFlux: 1500)
    let scene = try DipoleScene(Box2I(width: 100, height: 100), [star], noise: (1, 1), seed: 5)
    var catalog = try DipoleCatalog(try scene.footprints())
    catalog.measure(scene.difference, scene.science, scene.template)
    #expect(abs(try catalog.doubles("orientation")[0] + 90) < 2)
    #expect(abs(try catalog.doubles("separation")[0] - 1) < 0.1)
    #expect(try catalog.doubles("pos_instFlux")[0] > 0 && catalog.doubles("neg_instFlux")[0] < 0)
  }

  @Test func footprintsThatAreTooLargeAreFlagged() throws {
    let scene = try Self.referenceScene()
    let footprints = try scene.footprints()
    for (limit, isFlagged) in [(100, true), (0, false), (-1, false), (1200, false)] {
      var config = DipoleFitConfig()
      config.maxFootprintArea = limit
      var catalog = try DipoleCatalog(footprints, config)
      catalog.measure(scene.difference, scene.science, scene.template)
      #expect(try catalog.flags("flag") == [isFlagged, isFlagged], "\(limit)")
      #expect(try catalog.flags("flag_edge") == [false, false])
      #expect(try catalog.flags("classificationAttempted") == [!isFlagged, !isFlagged])
      if isFlagged {
        // The centroid in its place, with its errors.
        #expect(try catalog.doubles("x") == [0.5, 1.5] && catalog.doubles("y") == [0.25, 1.25])
        #expect(try catalog.floats("xErr") == [0.5, 0.5] && catalog.floats("yErr") == [0.75, 0.75])
        #expect(try catalog.doubles("instFlux").allSatisfy(\.isNaN))
      }
    }
  }

  @Test(arguments: [(5.3, 4.6), (4.8, 86.5)])
  func noDipoleIsFoundBesideTheBorder(_ x: Double, _ y: Double) throws {
    let star = DipoleScene.Star(
      science: Point2D(x: x + 2, y: y + 2), template: Point2D(x: x - 2, y: y - 2), scienceFlux: 200, templateFlux: 200)
    let scene = try DipoleScene(Box2I(width: 100, height: 100), [star], noise: (2, 2), seed: 8)
    // The frame that the smoothing leaves out hides one lobe at least.
    let footprints = try scene.footprints()
    var catalog = try DipoleCatalog(footprints)
    catalog.measure(scene.difference, scene.science, scene.template)
    #expect(try catalog.flags("classificationAttempted").allSatisfy { !$0 })
    #expect(try catalog.flags("flag").allSatisfy { !$0 })
  }

  @Test func aFootprintAtTheEdgeIsFittedOneBeyondItIsNot() throws {
    let star = DipoleScene.Star(
      science: Point2D(x: 4.2, y: 30.3), template: Point2D(x: 7.4, y: 31), scienceFlux: 4000, templateFlux: 4000)
    let scene = try DipoleScene(Box2I(width: 60, height: 60), [star], noise: (2, 2), seed: 8)
    let peaks = [makePeak(at: Point2I(x: 4, y: 30), value: 50), makePeak(at: Point2I(x: 8, y: 31), value: -50)]
    let inside = Footprint(
      SpanSet(Box2I(minX: 0, minY: 22, width: 15, height: 17)), peaks: peaks, region: scene.difference.box)
    let beyond = Footprint(
      SpanSet(Box2I(minX: -1, minY: 22, width: 15, height: 17)), peaks: peaks, region: scene.difference.box)
    var catalog = try DipoleCatalog([inside, beyond])
    catalog.measure(scene.difference, scene.science, scene.template)
    #expect(try catalog.flags("flag_edge") == [false, true] && catalog.flags("flag") == [false, true])
    #expect(try catalog.flags("classification") == [true, false])
    #expect(try abs(catalog.doubles("pos_x")[0] - 4.2) < 0.06 && abs(catalog.doubles("neg_x")[0] - 7.4) < 0.06)
    // A science image that does not reach as far is an edge, too.
    var cut = try DipoleCatalog([inside])
    cut.measure(scene.difference, scene.science.cropped(to: Box2I(minX: 3, minY: 0, width: 50, height: 60)), nil)
    #expect(try cut.flags("flag_edge") == [true])
  }

  @Test func onlyFootprintsWithBothSignsAreFitted() throws {
    let scene = try Self.referenceScene()
    var footprints = try scene.footprints()
    footprints[0].peaks.removeAll(where: \.isFromNegative)
    footprints[1].peaks.removeAll(where: \.isFromPositive)
    var catalog = try DipoleCatalog(footprints)
    catalog.catalog[try catalog.catalog.schema.key("base_SdssCentroid_flag"), 1] = true
    catalog.measure(scene.difference, scene.science, scene.template)
    #expect(try catalog.flags("classificationAttempted") == [false, false])
    // The centroid, and whether it is to be trusted.
    #expect(try catalog.flags("flag") == [false, true])
    #expect(try catalog.doubles("x") == [0.5, 1.5] && catalog.floats("yErr") == [0.75, 0.75])
    #expect(try catalog.doubles("pos_x").allSatisfy(\.isNaN))
    // Both lobes are found without their peaks.
    var config = DipoleFitConfig()
    config.fitAllDiaSources = true
    var all = try DipoleCatalog(footprints, config)
    all.measure(scene.difference, scene.science, scene.template)
    #expect(try all.flags("classification") == [true, true])
    #expect(abs(try all.doubles("separation")[0] - 32.0.squareRoot()) < 0.1)
    // A row without a footprint is none to measure.
    all.catalog.setFootprint(nil, row: 0)
    all.measure(scene.difference, scene.science, scene.template)
    #expect(try all.flags("flag")[0])
  }

  @Test func columnsAreTheReferences() throws {
    let catalog = try DipoleCatalog([])
    let names = catalog.catalog.schema.names(withPrefix: "ip_diffim_DipoleFit_")
      .map { $0.replacingOccurrences(of: "ip_diffim_DipoleFit_", with: "") }
    #expect(
      names == [
        "pos_instFlux", "pos_instFluxErr", "neg_instFlux", "neg_instFluxErr", "instFlux", "instFluxErr", "pos_x",
        "pos_y", "pos_xErr", "pos_yErr", "neg_x", "neg_y", "neg_xErr", "neg_yErr", "x", "y", "xErr", "yErr",
        "orientation", "separation", "chi2dof", "nData", "signalToNoise", "deltaChi2", "classification",
        "classificationAttempted", "flag", "flag_edge",
      ])
    // The mean position can be the centroid that other measurements take.
    var schema = catalog.catalog.schema
    try schema.setSlot(.centroid, to: "ip_diffim_DipoleFit")
    let slot = try schema.centroidSlot()
    #expect(try slot.error != nil && slot.flag == schema.key("ip_diffim_DipoleFit_flag"))
    try DipoleFitConfig().validateAll()
  }

  // MARK: Numbers

  /// Errors are as large as deviations.
  @Test(arguments: [
    (noise: (5.0, 2.5), separation: 1.0, sn: 60.0, science: true, template: true),
    (noise: (5, 2.5), separation: 5, sn: 30, science: true, template: true),
    (noise: (5, 5), separation: 0.4, sn: 100, science: true, template: true),
    (noise: (5, 0.5), separation: 3, sn: 20, science: true, template: true),
    (noise: (5, 5), separation: 4, sn: 30, science: true, template: false),
    (noise: (5, 5), separation: 4, sn: 30, science: false, template: true),
    (noise: (5, 5), separation: 6, sn: 30, science: false, template: false),
  ])
  func pullsAreUnit(
    noise: (Double, Double), separation: Double, sn: Double, science: Bool, template: Bool
  ) throws {
    let moved = try MovedStars(784, separation: separation, sn: sn, noise: noise, seed: 31)
    let fits = try moved.fits(science: science, template: template)
    #expect(fits.count == 784)
    try checkPulls(fits)
    #expect(fits.filter(\.fit.isDipole).count == 784)
    #expect(abs(spread(fits.map(\.fit.chi2dof)).mean - 1) < 0.01)
  }

  /// - Parameter width: how far from 1 the width may be beyond chance.
  private func checkPulls(_ fits: [(star: DipoleScene.Star, fit: DipoleFit)], width: Double = 0) throws {
    let pulls: [(String, (DipoleScene.Star, DipoleFit) -> Double)] = [
      ("flux", { ($1.flux - $0.scienceFlux) / $1.fluxError }),
      ("pos_x", { ($1.positive.position.x - $0.science.x) / $1.positive.positionError.x }),
      ("pos_y", { ($1.positive.position.y - $0.science.y) / $1.positive.positionError.y }),
      ("neg_x", { ($1.negative.position.x - $0.template.x) / $1.negative.positionError.x }),
      ("neg_y", { ($1.negative.position.y - $0.template.y) / $1.negative.positionError.y }),
      ("x", { ($1.center.x - ($0.science.x + $0.template.x) / 2) / $1.centerError.x }),
      ("y", { ($1.center.y - ($0.science.y + $0.template.y) / 2) / $1.centerError.y }),
    ]
    let chance = 1 / Double(fits.count).squareRoot()
    for (name, pull) in pulls {
      let (mean, deviation) = spread(fits.map { pull($0.star, $0.fit) })
      // Four standard errors; and Lanczos-5, which misplaces 1.3e-3 of the flux of a star of σ 2 px at worst.
      #expect(abs(mean) < 4 * chance + 0.1, "\(name) \(mean)")
      #expect(abs(deviation - 1) < 4 * chance / 2.0.squareRoot() + width, "\(name) \(deviation)")
    }
  }

  /// A template that was smoothed: its pixels say too little of its noise, the variance of a decorrelated difference says all.
  @Test func sharedNoiseOfTheTemplateIsInTheErrors() throws {
    let moved = try MovedStars(784, separation: 2, sn: 30, noise: (5, 0), seed: 12)
    var scene = moved.scene
    let smoothing = try SeparableKernel(gaussianSigma: 1.5, halfWidth: 8)
    let noise = try convolve(noiseImage(scene.difference.box, sigma: 4, seed: 77), with: smoothing)
    // Σk² of a Gaussian of σ 1.5 px.
    let own = Float(16 / (4 * Double.pi * 1.5 * 1.5))
    try scene.template.maskedImage.update { image, _, variance throws(ImagingError) in
      image.add(noise, times: 1)
      variance = Image(box: image.box, fill: own)
    }
    try scene.difference.maskedImage.update { image, _, variance throws(ImagingError) in
      image.add(noise, times: -1)
      variance = Image(box: image.box, fill: 25 + 16)
    }
    let fits = try MovedStars(scene, moved.stars).fits()
    // Of noise smoothed by 1.5 px the fit of a star of 2 px sees 4 / (4 + 2.25) and its derivative less still, but this difference's
    // variance says that it has all: errors of the template's lobe are up to 1.4 times too large, and never too small.
    try checkPulls(fits, width: 0.25)
  }

  /// Neighbours that did not move are in science image and template, not in the difference.
  @Test func neighboursDoNotMatter() throws {
    let moved = try MovedStars(784, separation: 1.5, sn: 60, seed: 15) { center, random in
      let angle = random.uniform(0...(2 * .pi))
      let there = center + Point2D(x: cos(angle), y: sin(angle)) * random.uniform(7...12)
      let flux = MovedStars.flux(random.uniform(20...200))
      return [.init(science: there, template: there, scienceFlux: flux, templateFlux: flux)]
    }
    let fits = try moved.fits()
    #expect(fits.count == 784)
    #expect(fits.count { $0.fit.isDipole } >= 768)
    // What the left-out pixels do not reach of a neighbour's wings widens the pulls a little.
    try checkPulls(fits, width: 0.25)
  }

  /// A brighter star so close that the science image and the template follow it is left to the difference.
  @Test func brightNeighboursDoNotMatter() throws {
    let moved = try MovedStars(400, separation: 2, sn: 40, seed: 16) { center, random in
      let angle = random.uniform(0...(2 * .pi))
      let there = center + Point2D(x: cos(angle), y: sin(angle)) * random.uniform(2...6)
      let flux = MovedStars.flux(random.uniform(100...500))
      return [.init(science: there, template: there, scienceFlux: flux, templateFlux: flux)]
    }
    let fits = try moved.fits()
    let near = fits.count { $0.fit.center.distance(to: ($0.star.science + $0.star.template) * 0.5) < 0.3 }
    // Some lobes lie within the core of a star that is ten times brighter.
    #expect(near >= 368 && fits.count { $0.fit.isDipole } >= 368, "\(near) of \(fits.count)")
  }

  /// On the difference alone flux and distance of close lobes are known by their product only.
  @Test func closeLobesOnTheDifferenceAlone() throws {
    let moved = try MovedStars(196, separation: 0.3, sn: 200, seed: 17)
    let fits = try moved.fits(science: false, template: false)
    #expect(fits.count == 196)
    for (star, fit) in fits {
      let error = abs(fit.flux * fit.separation / (0.3 * star.scienceFlux) - 1)
      // Known to σ√2 / (S/N · 0.3 px) = 5 %.
      #expect(error < 0.25, "\(error)")
    }
    #expect(fits.count { $0.fit.isDipole } >= 190)
  }

  @Test func unitsDoNotMatter() throws {
    let moved = try MovedStars(4, separation: 2, sn: 50, seed: 3)
    var small = moved.scene
    small.difference.maskedImage.scale(by: 1e-6)
    small.science.maskedImage.scale(by: 1e-6)
    small.template.maskedImage.scale(by: 1e-6)
    for (a, b) in zip(try moved.fits(), try MovedStars(small, moved.stars).fits()) {
      // Pixels and variances are rounded to float32 once more.
      #expect(a.fit.positive.position.distance(to: b.fit.positive.position) < 1e-5)
      #expect(abs(b.fit.flux / a.fit.flux * 1e6 - 1) < 1e-5 && a.fit.isDipole && b.fit.isDipole)
    }
  }

  @Test func separateFluxesAreTold() throws {
    let moved = try MovedStars(100, separation: 5, sn: 60, seed: 3)
    var config = DipoleFitConfig()
    config.fitSeparateNegParams = true
    let fits = try moved.fits(config)
    let (positive, negative) = (
      spread(fits.map { ($0.fit.positive.flux - $0.star.scienceFlux) / $0.fit.positive.fluxError }),
      spread(fits.map { ($0.fit.negative.flux - $0.star.templateFlux) / $0.fit.negative.fluxError })
    )
    #expect(abs(positive.mean) < 0.5 && abs(positive.deviation - 1) < 0.3)
    #expect(abs(negative.mean) < 0.5 && abs(negative.deviation - 1) < 0.3)
    #expect(fits.allSatisfy { $0.fit.positive.flux != $0.fit.negative.flux })
  }
}
