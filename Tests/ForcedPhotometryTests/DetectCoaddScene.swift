// SPDX-License-Identifier: GPL-3.0-or-later
// Coadds of a simulated survey, with the truth beside them, and plain images.

import Catalogs
import Coaddition
import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import TestSupport

/// A coadd of a simulated survey, and what is true of it; nJy.
struct TrueCoadd {
  var exposure: Exposure
  /// All that is always there, without noise and background.
  let light: Image<Float>
  let survey: SyntheticSurvey
  let wcs: SkyWCS

  /// Eight visits of one detector with a seeing from 1 to 1.5 arcseconds, no background, half the demo's crowding to a depth of the coadd's noise.
  static func config(seed: Int) -> SurveyConfig {
    var config = SurveyConfig()
    config.seed = seed
    config.bands = ["r"]
    config.fields.raList = [150.1]
    config.fields.decList = [2.2]
    (config.camera.columns, config.camera.rows) = (1, 1)
    (config.camera.width, config.camera.height) = (640, 640)
    config.visits.count = 8
    config.visits.dither = 8
    config.stars.density = 100_000
    config.galaxies.density = 60_000
    (config.variables.count, config.transients.count) = (0, 0)
    (config.properMotion.count, config.solarSystem.count) = (0, 0)
    config.sky.magnitudes = [20.8]
    (config.sky.offset, config.sky.plane, config.sky.curvature, config.sky.wave) = (0, 0, 0, 0)
    config.cosmicRays.unflaggedFraction = 0
    return config
  }

  /// - Parameter pixelScale: of the coadd, in pixels of the camera.
  init(seed: Int, pixelScale: Double = 1) throws {
    let config = Self.config(seed: seed)
    let survey = try SyntheticSurvey(config)
    let side = Int(520 / pixelScale)
    let scale = config.camera.pixelScale * pixelScale / 3600
    let wcs = try SkyWCS(
      referencePixel: Point2D(x: Double(side) / 2, y: Double(side) / 2), reference: survey.tracts.centers[0],
      cd: AffineTransform(xx: -scale, yy: scale))
    let box = Box2I(width: side, height: side)
    var warps: [WarpedVisit] = []
    var lights: [(image: Image<Float>, weight: Double)] = []
    for visit in survey.visits.map(\.number) {
      let simulated = try survey.makeExposure(visit: visit, detector: 0)
      func warped(_ exposure: Exposure) throws -> (warp: Exposure, variance: Double) {
        let task = try MakeWarpTask()
        let warp = try task.run([WarpInput(detector: 0) { exposure }], wcs: wcs, box: box)
        return (warp, try task.metadata.double("meanVariance"))
      }
      let (warp, variance) = try warped(simulated.exposure)
      warps.append(
        WarpedVisit(
          visit: visit, psf: warp.psf as? CoaddPSF, meanVariance: variance, planes: warp.maskedImage.mask.planes
        ) { rows in
          warp.maskedImage.cropped(
            to: Box2I(minX: box.minX, minY: rows.lowerBound, width: box.width, height: rows.count))
        })
      var light = simulated.exposure
      let masked = light.maskedImage
      light.maskedImage = try MaskedImage(
        image: simulated.noiseFree, mask: Mask(box: masked.box), variance: masked.variance)
      lights.append((try warped(light).warp.maskedImage.image, 1 / variance))
    }
    let coadd = try AssembleCoaddTask().run(
      warps, [CoaddSelection(name: "coadd", members: Array(warps.indices))], box: box, wcs: wcs, band: "r")[0]
    guard let exposure = coadd?.exposure else { throw NoCoadd() }
    var (sum, norm) = (Image<Double>(box: box, fill: 0), Image<Double>(box: box, fill: 0))
    for (image, weight) in lights {
      for y in 0..<side {
        for x in 0..<side where image[x, y].isFinite {
          sum[x, y] += weight * Double(image[x, y])
          norm[x, y] += weight
        }
      }
    }
    light = Image(box: box) { x, y in Float(sum[x, y] / norm[x, y]) }
    (self.exposure, self.survey, self.wcs) = (exposure, survey, wcs)
  }

  private struct NoCoadd: Error {}

  /// The gradient that the background of a reference visit leaves, tens of nJy.
  func adding(_ background: (_ x: Double, _ y: Double) -> Double) throws -> TrueCoadd {
    var result = self
    let side = Double(exposure.box.width)
    let plane = Image<Float>(box: exposure.box) { x, y in
      Float(background(2 * Double(x) / side - 1, 2 * Double(y) / side - 1))
    }
    try result.exposure.maskedImage.add(plane)
    return result
  }
}

/// Fluxes of fits of the PSF at the pixels of a grid, in their standard errors, with what the truth has there.
struct PSFFits {
  /// Flux / error, and the same of the light without noise.
  var fits: [(pull: Double, light: Double)] = []

  /// - Parameters:
  ///   - clear: distance from the edges at which the PSF's stamp fits in.
  init(_ image: Image<Float>, _ exposure: Exposure, light: Image<Float>, step: Int = 3, clear: Int = 60) throws {
    guard let psf = exposure.psf else { return }
    let masked = exposure.maskedImage
    let bad = masked.mask.planes.bitMask(ofExisting: ["NO_DATA", "SAT"])
    let pixels = try MaskedImage(image: image, mask: masked.mask, variance: masked.variance)
    let pure = try MaskedImage(image: light, mask: masked.mask, variance: masked.variance)
    let inner = exposure.box.grown(by: -clear)
    let kernel = try psf.kernelImage(at: psf.averagePosition)
    for y in stride(from: inner.minY, to: inner.endY, by: step) {
      for x in stride(from: inner.minX, to: inner.endX, by: step) where masked.mask[x, y] & bad == 0 {
        let stamp = kernel.moved(toX: x + kernel.box.minX, y: y + kernel.box.minY)
        let (sums, truth) = (StampSums(of: stamp, on: pixels), StampSums(of: stamp, on: pure))
        let error = sums.variances.squareRoot()
        guard (sums.products / error).isFinite, truth.products.isFinite else { continue }
        fits.append((sums.products / error, truth.products / error))
      }
    }
  }

  /// Standard deviation and mean of those where the light is below so many standard errors.
  func scatter(whereLightIsBelow limit: Double = .infinity) -> (deviation: Double, mean: Double, count: Int) {
    let pulls = fits.filter { abs($0.light) < limit }.map(\.pull)
    let mean = pulls.reduce(0, +) / Double(pulls.count)
    let sum = pulls.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return ((sum / Double(pulls.count - 1)).squareRoot(), mean, pulls.count)
  }
}

extension Image<Float> {
  func less(_ other: Image<Float>) -> Image<Float> {
    var result = self
    result.add(other, times: -1)
    return result
  }
}

/// An image of white noise with stars of a Gaussian PSF, as a coadd.
func whiteCoadd(
  side: Int = 400, sigma: Double = 2, noise: Double = 3, variance: Double = 9, seed: UInt64,
  stars: [(x: Double, y: Double, flux: Double)] = []
) throws -> Exposure {
  let box = Box2I(minX: 100, minY: -30, width: side, height: side)
  var image = noiseImage(box, sigma: noise, seed: seed)
  for star in stars {
    addStar(
      to: &image, at: Point2D(x: Double(box.minX) + star.x, y: Double(box.minY) + star.y), sigma: sigma,
      flux: star.flux)
  }
  let psf = try KernelPSF(gaussianFwhm: fwhmPerSigma * sigma, averagePosition: box.center)
  let wcs = try SkyWCS(
    referencePixel: box.center, reference: SpherePoint(raDegrees: 80, decDegrees: -20),
    cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
  return Exposure(
    try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: Float(variance))), psf: psf,
    wcs: wcs, photoCalib: try PhotoCalib(mean: 1))
}
