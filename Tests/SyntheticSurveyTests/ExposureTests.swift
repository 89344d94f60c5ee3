// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import Testing

@Suite struct ExposureTests {
  /// One star far from the edges: its pixels sum to its flux, and they are the PSF that the exposure carries.
  @Test func starsHaveTheirFluxAndTheAttachedPSF() throws {
    var checked = 0
    for seed in 0..<8 {
      let survey = try SyntheticSurvey(
        tinyConfig { config in
          emptySky(&config)
          config.seed = seed
          config.variables.count = 1
          (config.sky.offset, config.sky.plane, config.sky.curvature, config.sky.wave) = (0, 0, 0, 0)
        })
      let made = try survey.makeExposure(visit: 100, detector: 0)
      let truth = made.truth
      guard truth.rowCount == 1 else { continue }
      let position = Point2D(x: try truth.column("x")[0], y: try truth.column("y")[0])
      let psf = try #require(made.exposure.psf)
      let stamp = try psf.kernelImage(at: position)
      let pixel = try #require(position.pixel)
      guard made.exposure.box.contains(stamp.box.shifted(x: pixel.x, y: pixel.y).grown(by: 1)) else { continue }
      checked += 1
      let flux: Double = try truth.column("instFlux")[0]
      // Float32 pixels; the rest is exact by construction.
      #expect(abs(made.noiseFree.sum / flux - 1) < 1e-5)
      let nJy = try #require(survey.flux(ofObject: try truth.column("objectId")[0], visit: 100))
      let calibration = try #require(made.exposure.photoCalib)
      #expect(abs(calibration.nanojansky(instFlux: flux, at: position) / nJy - 1) < 1e-12)
      // The weighted flux: what PSF photometry of a noiseless image gives, with the PSF moved by Lanczos-5.
      let moved = try psf.image(at: position)
      var (cross, norm, peak, worst) = (0.0, 0.0, 0.0, 0.0)
      for y in moved.box.minY..<moved.box.endY {
        for x in moved.box.minX..<moved.box.endX {
          let (p, image) = (moved[x, y], Double(made.noiseFree[x, y]))
          cross += p * image
          norm += p * p
          peak = max(peak, image)
          worst = max(worst, abs(image - p * flux))
        }
      }
      // Lanczos-5 takes 0.1 % of a star's amplitude (docs/decisions.md), which is not the simulation's.
      #expect(abs(cross / norm / flux - 1) < 2e-3)
      #expect(worst < 3e-3 * peak, "\(worst / peak)")
    }
    #expect(checked >= 3)
  }

  /// The fitted polynomial against the profile at the centre of a pixel, where nothing has to be moved.
  @Test(arguments: [1, 2, 3]) func theAttachedPSFIsWithinAThousandthOfThePeak(seed: Int) throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        emptySky(&config)
        config.seed = seed
        (config.camera.columns, config.camera.rows) = (2, 2)
        (config.camera.width, config.camera.height) = (400, 300)
      })
    for detector in 0..<4 {
      let made = try survey.makeExposure(visit: 101, detector: detector)
      let psf = try #require(made.exposure.psf)
      for (x, y) in [(0, 0), (399, 0), (200, 150), (37, 299), (399, 299)] {
        let position = Point2D(x: Double(x), y: Double(y))
        let exact = try #require(survey.exactPSF(visit: 101, detector: detector, at: position))
        let fitted = try psf.kernelImage(at: position)
        #expect(exact.box == fitted.box)
        let peak = exact.pixels.max() ?? 0
        let worst = zip(exact.pixels, fitted.pixels).map { abs($0 - $1) }.max() ?? 1
        #expect(worst < 1e-3 * peak, "\(worst / peak)")
      }
    }
  }

  @Test func positionsAgreeWithTheWCS() throws {
    let survey = try SyntheticSurvey(tinyConfig { $0.visits.rotation = 30 })
    for made in try survey.allExposures() {
      let wcs = try #require(made.exposure.wcs)
      let coord = try CoordKey("coord", in: made.truth.schema)
      let (x, y): ([Double], [Double]) = (try made.truth.column("x"), try made.truth.column("y"))
      for row in 0..<made.truth.rowCount {
        let pixel = try wcs.skyToPixel(made.truth[coord, row])
        #expect(pixel.distance(to: Point2D(x: x[row], y: y[row])) < 1e-6)
      }
      let scale = try wcs.pixelScale(at: made.exposure.box.center)
      #expect(abs(scale.arcseconds - 0.25) < 1e-6)
    }
  }

  /// Galaxies take the shape of the PSF, too, not that of its mirror image: as stars of their flux when they are tiny.
  @Test func smallGalaxiesLookLikeStars() throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        emptySky(&config)
        config.galaxies.density = 200_000
        config.galaxies.faintMagnitude = 18
        config.galaxies.medianRadius = 0.01
        config.galaxies.radiusScatter = 0
        config.galaxies.bulgeFraction = 0
        (config.sky.offset, config.sky.plane, config.sky.curvature, config.sky.wave) = (0, 0, 0, 0)
      })
    let made = try survey.makeExposure(visit: 100, detector: 0)
    let psf = try #require(made.exposure.psf)
    var model = Image<Double>(box: made.exposure.box, fill: 0)
    let (x, y, flux): ([Double], [Double], [Double]) = (
      try made.truth.column("x"), try made.truth.column("y"), try made.truth.column("instFlux")
    )
    #expect(x.count > 10)
    for row in x.indices {
      let stamp = try psf.image(at: Point2D(x: x[row], y: y[row]))
      let common = stamp.box.intersection(model.box)
      for v in common.minY..<common.endY {
        for u in common.minX..<common.endX { model[u, v] += flux[row] * stamp[u, v] }
      }
    }
    let peak = model.pixels.max() ?? 0
    let worst = zip(model.pixels, made.noiseFree.pixels).map { abs($0 - Double($1)) }.max() ?? 1
    // The spline's σ² of 1/3 lowers the peak of a FWHM of 4 to 6 pixels by at most 10 %.
    #expect(worst < 0.1 * peak, "\(worst / peak)")
    // They are where they should be: first moments of what differs, of which a shift by s leaves more than s/3 in 9 pixels.
    var shifts: [Double] = []
    for row in x.indices {
      guard let pixel = Point2D(x: x[row], y: y[row]).pixel, made.exposure.box.grown(by: -5).contains(pixel) else {
        continue
      }
      var (sx, sy) = (0.0, 0.0)
      for v in -4...4 {
        for u in -4...4 {
          let difference = Double(made.noiseFree[pixel.x + u, pixel.y + v]) - model[pixel.x + u, pixel.y + v]
          sx += (Double(pixel.x + u) - x[row]) * difference
          sy += (Double(pixel.y + v) - y[row]) * difference
        }
      }
      shifts += [abs(sx / flux[row]), abs(sy / flux[row])]
    }
    // A mean over pixels would put them at the pixel's centre: 0.25 in the middle.
    #expect(shifts.sorted()[shifts.count / 2] < 0.02, "\(shifts.sorted())")
    #expect(abs(model.sum / made.noiseFree.sum - 1) < 0.01)
  }

  @Test func noiseIsWhiteWithTheVarianceOfThePlane() throws {
    let survey = try SyntheticSurvey(tinyConfig { $0.cosmicRays.unflaggedFraction = 0 })
    for made in try survey.allExposures() {
      let image = made.exposure.maskedImage
      let bad = try image.mask.planes.bitMask(["BAD", "SAT", "INTRP", "CR"])
      func residual(_ x: Int, _ y: Int) -> Double? {
        guard image.mask[x, y] & bad == 0 else { return nil }
        return Double(image.image[x, y] - made.noiseFree[x, y]) / Double(image.variance[x, y]).squareRoot()
      }
      var (values, products): ([Double], [Double]) = ([], [])
      for y in 0..<image.height {
        for x in 1..<image.width {
          guard let value = residual(x, y) else { continue }
          values.append(value)
          if let left = residual(x - 1, y) { products.append(value * left) }
        }
      }
      let (mean, sigma) = moments(values)
      // 20,000 pixels: five standard errors.
      #expect(abs(mean) < 5 / 140.0)
      #expect(abs(sigma - 1) < 5 / 200.0)
      #expect(abs(moments(products).mean) < 5 / 140.0)
      let sky = made.skyLevel / 2 + 9
      let lowest = image.variance.pixels.min() ?? 0
      #expect(Double(lowest) > 0.8 * sky && Double(lowest) < 1.05 * sky)
    }
  }

  @Test func saturatedStarsAreCutAndBleed() throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        emptySky(&config)
        config.stars.density = 400_000
        (config.stars.brightMagnitude, config.stars.faintMagnitude) = (11, 11.5)
        config.camera.saturation = 20_000
        config.camera.largestBleed = 30
      })
    let made = try survey.makeExposure(visit: 100, detector: 0)
    let image = made.exposure.maskedImage
    let saturated = try image.mask.planes.bitMask("SAT")
    let limit = Float(20_000 - made.skyLevel)
    var (extra, count) = (0, 0)
    for y in 0..<image.height {
      for x in 0..<image.width {
        let isFlagged = image.mask[x, y] & saturated != 0
        #expect(image.image[x, y] <= limit + 1)
        if image.image[x, y] >= limit - 1 { #expect(isFlagged) }
        if isFlagged { count += 1 }
        // A trail goes beyond what the light itself fills.
        if isFlagged, made.noiseFree[x, y] < 0.5 * limit { extra += 1 }
      }
    }
    #expect(count > 100 && extra > 20)
  }

  @Test func cosmicRaysAreFlaggedInTheAskedPart() throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        emptySky(&config)
        config.cosmicRays.perMegapixel = 4000
        config.cosmicRays.unflaggedFraction = 0.3
        (config.camera.width, config.camera.height) = (512, 512)
      })
    let made = try survey.makeExposure(visit: 100, detector: 0)
    let image = made.exposure.maskedImage
    let (ray, filled) = (try image.mask.planes.bitMask("CR"), try image.mask.planes.bitMask("INTRP"))
    var (found, missed) = (0.0, 0.0)
    for y in 0..<image.height {
      for x in 0..<image.width {
        let kind = made.cosmicRays[x, y]
        let bits = image.mask[x, y]
        #expect((bits & ray != 0) == (kind == 1) && (bits & filled != 0) == (kind == 1))
        let excess = image.image[x, y] - made.noiseFree[x, y]
        if kind == 1 { found += 1 }
        if kind == 2 {
          missed += 1
          #expect(excess > 300)
        } else if kind == 0 {
          // What is filled may have a track that nobody found beside it; what is clean may not.
          #expect(excess < 100)
        }
      }
    }
    // About a thousand tracks of 8 pixels: three standard errors of the tracks' number and length.
    #expect(abs(missed / (found + missed) - 0.3) < 0.08)
    #expect(found + missed > 5000)
  }

  @Test func badColumnsAndEdgesAreFlagged() throws {
    let survey = try SyntheticSurvey(tinyConfig { $0.camera.badColumns = 2 })
    let (first, second) = (
      try survey.makeExposure(visit: 100, detector: 0).exposure.maskedImage,
      try survey.makeExposure(visit: 101, detector: 0).exposure.maskedImage
    )
    let (bad, edge) = (try first.mask.planes.bitMask("BAD"), try first.mask.planes.bitMask("EDGE"))
    #expect(first.mask.bits.map { $0 & bad } == second.mask.bits.map { $0 & bad })
    #expect(first.mask.count(bad) >= 128)
    #expect(first.mask.count(edge) == 160 * 128 - 152 * 120)
    #expect(first.image.pixels.allSatisfy(\.isFinite) && first.variance.pixels.allSatisfy { $0 > 0 && $0.isFinite })
  }

  /// Nothing of what changes is in a difference of two exposures but what ``SimulatedExposure/changingLight`` says.
  @Test func changingLightIsTheDifferenceToTheStaticSky() throws {
    let config = tinyConfig { config in
      config.visits.count = 4
      config.variables.count = 6
    }
    let survey = try SyntheticSurvey(config)
    let still = try SyntheticSurvey(
      tinyConfig {
        $0 = config
        $0.variables.largestAmplitude = 0
        $0.variables.smallestAmplitude = 0
        $0.transients.count = 0
        $0.solarSystem.count = 0
        $0.properMotion.slowest = 0
        $0.properMotion.fastest = 0
      })
    let (a, b) = (
      try survey.makeExposure(visit: 102, detector: 0), try still.makeExposure(visit: 102, detector: 0)
    )
    let kinds: [String] = try a.truth.column("kind")
    let staticFlux: [Double] = try a.truth.column("staticFlux")
    let gone = zip(kinds, staticFlux).filter { $0.0 == "transient" && $0.1 > 0 }.count
    // Stars that disappear are part of the static sky of one survey alone; without them the two would agree.
    if gone == 0 {
      for (x, (y, c)) in zip(a.noiseFree.pixels, zip(b.noiseFree.pixels, a.changingLight.pixels)) {
        #expect(abs(x - y - c) < 1e-3 * max(1, abs(x)))
      }
    }
    #expect(a.changingLight.pixels.contains { $0 != 0 })
  }
}
