// SPDX-License-Identifier: GPL-3.0-or-later
// Transients that are added to simulated exposures, and what a difference says of them.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import TestSupport

/// A transient that was added to an exposure.
struct InjectedTransient {
  let position: Point2D
  /// Counts.
  let flux: Double
}

/// A transient's flux by the PSF of the difference.
struct MeasuredTransient {
  let truth: InjectedTransient
  let flux: Double
  /// Of noise that no two pixels of the inputs share.
  let error: Double
  /// With what neighbouring pixels of the template share.
  let correlatedError: Double

  var signalToNoise: Double { truth.flux / error }
}

extension DifferenceSurvey.Pair {
  /// Pixels where nothing can be measured, or where light comes and goes.
  private func isUnusable(_ reach: Int, _ pixel: Point2I) -> Bool {
    let box = science.exposure.box
    let part = Box2I(minX: pixel.x - reach, minY: pixel.y - reach, width: 2 * reach + 1, height: 2 * reach + 1)
    guard box.grown(by: -16).contains(part) else { return true }
    for mask in [science.exposure.maskedImage.mask, template.maskedImage.mask] {
      let bad = mask.planes.bitMask(ofExisting: ["SAT", "BAD", "CR", "NO_DATA", "INTRP", "EDGE"])
      if mask.cropped(to: part).bits.pixels.contains(where: { $0 & bad != 0 }) { return true }
    }
    // Whatever a star beyond half saturation leaves is in nobody's acceptance; its light reaches this far.
    let wide = part.grown(by: 14)
    let saturation = science.exposure.detector?.saturation ?? .infinity
    let limit = Float(saturation / 2 - science.skyLevel)
    return science.noiseFree.cropped(to: wide.intersection(box)).pixels.contains { $0 > limit }
      || science.changingLight.cropped(to: part).pixels.contains { $0 != 0 }
      || science.cosmicRays.cropped(to: part).pixels.contains { $0 != 0 }
  }

  /// The exposure with transients in it that were not there before: PSFs of the truth with photon noise, at random places without bad pixels,
  /// `spacing` pixels apart.
  ///
  /// Signal to noise, of the exposure alone and away from sources, is log-uniform, from 8 to 100 unless told.
  func injecting(
    _ count: Int, spacing: Double = 24, signalToNoise: ClosedRange<Double> = 8...100, seed: UInt64,
    survey: SyntheticSurvey
  ) throws -> (exposure: Exposure, transients: [InjectedTransient]) {
    var exposure = science.exposure
    var random = SeededRandom(seed)
    guard let psf = exposure.psf, let gain = exposure.detector?.gain else { throw TaskError("no PSF or no gain") }
    let box = exposure.box
    let profile = try psf.kernelImage(at: psf.averagePosition)
    let area = 1 / profile.pixels.reduce(0) { $0 + $1 * $1 }
    let sky = try PixelStatistics(of: exposure.maskedImage.variance, .quartiles).median
    let noise = (sky * area).squareRoot()
    var transients: [InjectedTransient] = []
    var (image, variance, mask) = (
      exposure.maskedImage.image, exposure.maskedImage.variance, exposure.maskedImage.mask
    )
    let detected = mask.planes.bitMask(ofExisting: ["DETECTED"])
    for _ in 0..<60 * count where transients.count < count {
      let position = Point2D(
        x: random.uniform(Double(box.minX)...Double(box.maxX)), y: random.uniform(Double(box.minY)...Double(box.maxY)))
      let (low, high) = (signalToNoise.lowerBound, signalToNoise.upperBound)
      let flux = noise * low * pow(high / low, random.uniform())
      guard let pixel = position.pixel, !isUnusable(10, pixel),
        !transients.contains(where: { $0.position.distance(to: position) < spacing }),
        let stamp = survey.exactPSF(
          visit: visit, detector: detector, at: position, dx: position.x - Double(pixel.x),
          dy: position.y - Double(pixel.y))
      else { continue }
      let part = stamp.box.shifted(x: pixel.x, y: pixel.y).intersection(box)
      for y in part.minY..<part.endY {
        for x in part.minX..<part.endX {
          let light = flux * stamp[x - pixel.x, y - pixel.y]
          image[x, y] += Float(light + (light / gain).squareRoot() * random.gaussian())
          variance[x, y] += Float(light / gain)
          if light > 2 * sky.squareRoot() { mask[x, y] |= detected }
        }
      }
      transients.append(InjectedTransient(position: position, flux: flux))
    }
    exposure.maskedImage = try MaskedImage(image: image, mask: mask, variance: variance)
    return (exposure, transients)
  }
}

/// What neighbouring pixels of an image share: the autocorrelation of its noise in units of a pixel's variance, for lags from −reach to reach.
struct NoiseCorrelation {
  let reach: Int
  let values: [Double]

  /// - Parameter isBlank: where the image is noise alone.
  init(_ image: MaskedImage, expected: Image<Float>, reach: Int = 6, isBlank: (Int, Int) -> Bool) {
    self.reach = reach
    let (box, side) = (image.box, 2 * reach + 1)
    var pulls = [Double](repeating: .nan, count: box.area)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX where isBlank(x, y) {
        pulls[(y - box.minY) * box.width + x - box.minX] =
          Double(image.image[x, y] - expected[x, y]) / Double(image.variance[x, y]).squareRoot()
      }
    }
    let finite = pulls.filter(\.isFinite)
    let mean = finite.reduce(0, +) / Double(max(1, finite.count))
    var (sums, counts) = ([Double](repeating: 0, count: side * side), [Double](repeating: 0, count: side * side))
    // Half of the lags are enough; every third row too.
    for k in (side * side / 2)..<side * side {
      let (dx, dy) = (k % side - reach, k / side - reach)
      for y in stride(from: 0, to: box.height - dy, by: 3) {
        for x in max(0, -dx)..<min(box.width, box.width - dx) {
          let product = (pulls[y * box.width + x] - mean) * (pulls[(y + dy) * box.width + x + dx] - mean)
          if product.isFinite {
            sums[k] += product
            counts[k] += 1
          }
        }
      }
    }
    var values = zip(sums, counts).map { $0 / max(1, $1) }
    let zero = values[side * side / 2]
    for k in (side * side / 2)..<side * side { values[k] /= zero }
    for k in 0..<side * side / 2 { values[k] = values[side * side - 1 - k] }
    self.values = values
  }
}

extension Image<Double> {
  /// Σ ρ(lag) Σ u(i) u(i + lag).
  func correlated(_ noise: NoiseCorrelation) -> Double {
    let side = 2 * noise.reach + 1
    var total = 0.0
    for k in 0..<side * side {
      let (dx, dy) = (k % side - noise.reach, k / side - noise.reach)
      var sum = 0.0
      for y in max(0, -dy)..<min(height, height - dy) {
        for x in max(0, -dx)..<min(width, width - dx) {
          sum += pixels[y * width + x] * pixels[(y + dy) * width + x + dx]
        }
      }
      total += noise.values[k] * sum
    }
    return total
  }
}
