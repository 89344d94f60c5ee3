// SPDX-License-Identifier: GPL-3.0-or-later
// Fields of stars with a truth, and the images of others.

import Foundation
import Imaging
import Repository
import SkyGeometry
import TestSupport

/// An elliptical Moffat that varies over the field, as images hold it: the mean over 3×3 points of a pixel.
struct MoffatField {
  var fwhm = 4.0
  var beta = 3.5
  /// Of 1, u, v with u, v from −1 to 1 over the field.
  var widths = [1.0, 0.03, -0.02]
  var e1 = [0.03, 0.02, -0.01]
  var e2 = [-0.02, 0.01, 0.02]
  var side = 512.0

  /// A star of flux 1 at an offset from the centre of a stamp.
  func stamp(at place: Point2D, half: Int, offset: Point2D = Point2D(x: 0, y: 0)) -> Image<Double> {
    let terms = [1, 2 * place.x / side - 1, 2 * place.y / side - 1]
    func value(_ c: [Double]) -> Double { zip(c, terms).reduce(0) { $0 + $1.0 * $1.1 } }
    let (f, a, b) = (fwhm * value(widths), value(e1), value(e2))
    let alpha2 = f * f / 4 / (pow(2, 1 / beta) - 1)
    let s = 1 / (1 - a * a - b * b).squareRoot()
    let (nodes, weights) = ([-0.3872983346207417, 0, 0.3872983346207417], [5.0 / 18, 8.0 / 18, 5.0 / 18])
    return Image(box: Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)) { x, y in
      var sum = 0.0
      for j in 0..<3 {
        for i in 0..<3 {
          let (dx, dy) = (Double(x) - offset.x + nodes[i], Double(y) - offset.y + nodes[j])
          let q = s * ((1 - a) * dx * dx + (1 + a) * dy * dy - 2 * b * dx * dy)
          sum += weights[i] * weights[j] * pow(1 + q / alpha2, -beta)
        }
      }
      return sum * (beta - 1) / (.pi * alpha2)
    }
  }
}

/// A field of Moffat stars on noise, with its truth.
struct SimulatedField {
  var exposure: Exposure
  var stars: [(position: Point2D, flux: Double)] = []
  let psf: MoffatField
  /// Standard deviation of the sky, counts.
  let noise: Double

  /// Fluxes are spread evenly in their logarithm from 20 to 2000 times the noise of a point source.
  init(
    side: Int = 512, count: Int = 60, noise: Double = 10, gain: Double = 2, psf: MoffatField = MoffatField(),
    range: ClosedRange<Double> = 20...2000, seed: UInt64, hasVariance: Bool = true,
    sky: (_ x: Double, _ y: Double) -> Double = { _, _ in 0 }
  ) throws {
    var psf = psf
    psf.side = Double(side)
    (self.psf, self.noise) = (psf, noise)
    let box = Box2I(width: side, height: side)
    var light = [Double](repeating: 0, count: box.area)
    var random = SeededRandom(seed)
    // The noise of a point source is that of about 4πσ² pixels.
    let unit = noise * (4 * Double.pi).squareRoot() * psf.fwhm / 2.3548
    for _ in 0..<count {
      let position = Point2D(x: random.uniform(0...Double(side - 1)), y: random.uniform(0...Double(side - 1)))
      let flux = unit * exp(random.uniform(log(range.lowerBound)...log(range.upperBound)))
      stars.append((position, flux))
      guard let pixel = position.pixel else { continue }
      let half = 40
      let stamp = psf.stamp(at: position, half: half, offset: position - Point2D(pixel))
      for y in max(0, pixel.y - half)...min(side - 1, pixel.y + half) {
        for x in max(0, pixel.x - half)...min(side - 1, pixel.x + half) {
          light[y * side + x] += flux * stamp[x - pixel.x, y - pixel.y]
        }
      }
    }
    let variance = Image<Float>(box: box) { x, y in Float(noise * noise + light[y * side + x] / gain) }
    let image = Image<Float>(box: box) { x, y in
      let deviation = (noise * noise + light[y * side + x] / gain).squareRoot()
      return Float(light[y * side + x] + sky(Double(x), Double(y)) + deviation * random.gaussian())
    }
    exposure = Exposure(
      try MaskedImage(
        image: image, mask: Mask(box: box), variance: hasVariance ? variance : Image(box: box, fill: 0)))
  }
}

/// An image of `shared` as an exposure; without a variance plane that is 0.
func sharedExposure(_ path: String, keepVariance: Bool = true) throws -> Exposure {
  let fits = try FITSExposure(SharedData.url(path).path)
  let none = Image<Float>(box: fits.image.box, fill: 0)
  return Exposure(
    try MaskedImage(
      image: fits.image, mask: fits.mask ?? Mask(box: fits.image.box),
      variance: keepVariance ? fits.variance ?? none : none))
}

/// Full width at half maximum of the circle with the area where a PSF, ten points a pixel, is above half its maximum, pixels.
func widthAtHalfMaximum(_ psf: any PSF) throws -> Double {
  let center = psf.averagePosition
  var samples: [Double] = []
  for v in 0..<10 {
    for u in 0..<10 {
      // A star moved by a part of a pixel shows the pixels the points between.
      let offset = Point2D(x: 0.05 + 0.1 * Double(u) - 0.5, y: 0.05 + 0.1 * Double(v) - 0.5)
      let base = Point2D(x: center.x.rounded(), y: center.y.rounded())
      samples += try psf.image(at: base + offset).pixels
    }
  }
  let maximum = samples.max() ?? 0
  let area = Double(samples.filter { $0 > maximum / 2 }.count) / 100
  return 2 * (area / .pi).squareRoot()
}
