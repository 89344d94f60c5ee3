// SPDX-License-Identifier: GPL-3.0-or-later
// Adaptive moments of what has known ones.

import Foundation
import Imaging
import Measurement
import SkyGeometry
import TestSupport
import Testing

struct MomentsTests {
  private func gaussian(
    _ moments: SecondMoments, at center: Point2D, flux: Double = 1000, side: Int = 101
  ) -> Image<Double> {
    let d = moments.determinant
    return Image(box: Box2I(minX: -side / 2, minY: -side / 2, width: side, height: side)) { x, y in
      let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
      let q = (moments.yy * dx * dx - 2 * moments.xy * dx * dy + moments.xx * dy * dy) / d
      return flux / (2 * .pi * d.squareRoot()) * exp(-0.5 * q)
    }
  }

  @Test(arguments: [(2.0, 2.0, 0.0), (5.3, 3.1, 1.2), (30, 12, -8), (1.2, 1.5, 0.3), (60, 60, 0)])
  func aGaussianHasItsOwn(_ xx: Double, _ yy: Double, _ xy: Double) throws {
    let truth = SecondMoments(xx: xx, yy: yy, xy: xy)
    for center in [Point2D(x: 0, y: 0), Point2D(x: 0.3, y: -0.45)] {
      let image = gaussian(truth, at: center)
      let found = adaptiveMoments(of: image, at: center)
      #expect(!found.isBad)
      // The weight is cut off where it is e^−7; the iteration ends when a round changes xx by 1e-4, which leaves several of these.
      for (a, b) in [(found.moments.xx, xx), (found.moments.yy, yy), (found.moments.xy, xy)] {
        #expect(abs(a - b) < 1e-3 * max(xx, yy))
      }
      #expect(abs(found.flux - 1000) < 1)
      #expect(found.center.distance(to: center) < 1e-3)
      #expect(abs(found.determinantRadius - truth.determinantRadius) < 1e-3 * truth.determinantRadius)
      #expect(abs(found.fwhm - 2.3548 * truth.determinantRadius) < 1e-3 * found.fwhm)
      // The same below zero, and in float32.
      let below = adaptiveMoments(of: image.map { Float(-$0) }, at: center, isNegative: true)
      #expect(abs(below.moments.xx - found.moments.xx) < 1e-5 * xx)
      #expect(abs(below.flux + found.flux) < 0.01)
      #expect(adaptiveMoments(of: image.map { -$0 }, at: center).isUnweighted)
    }
  }

  /// The reference's flux of a source this small is 16 times too large (G-7).
  @Test func narrowSourcesKeepTheirFlux() {
    let image = gaussian(SecondMoments(xx: 0.3, yy: 0.3, xy: 0), at: Point2D(x: 0, y: 0))
    let found = adaptiveMoments(of: image, at: Point2D(x: 0, y: 0))
    #expect(!found.isBad)
    #expect(found.flux > 500 && found.flux < 2000)
  }

  @Test func whatHasNoMomentsSaysSo() {
    let box = Box2I(width: 41, height: 41)
    let center = Point2D(x: 20, y: 20)
    let zero = adaptiveMoments(of: Image<Float>(box: box, fill: 0), at: center)
    #expect(zero.isUnweighted && zero.isUnweightedBad && zero.isBad && zero.moments.xx.isNaN)
    #expect(adaptiveMoments(of: Image<Float>(box: box, fill: .nan), at: center).isUnweightedBad)
    #expect(adaptiveMoments(of: Image<Float>(box: box, fill: .infinity), at: center).isBad)
    for position in [
      Point2D(x: .nan, y: 0), Point2D(x: 1e300, y: 0), Point2D(x: -1000, y: 5), Point2D(x: .infinity, y: 0),
    ] {
      #expect(adaptiveMoments(of: Image<Float>(box: box, fill: 1), at: position).isBad)
    }
    #expect(adaptiveMoments(of: Image<Float>(box: Box2I(width: 0, height: 0), fill: 1), at: center).isBad)
    var spike = Image<Float>(box: box, fill: 0)
    spike[20, 20] = 5
    let point = adaptiveMoments(of: spike, at: center)
    #expect(!point.flux.isInfinite)
  }

  /// The scatter of simulated sources is what the errors say.
  @Test func errorsAreTheScatter() throws {
    let truth = SecondMoments(xx: 4, yy: 4, xy: 0)
    let model = gaussian(truth, at: Point2D(x: 0, y: 0), flux: 4000, side: 41)
    let noise = 3.0
    var pulls: [[Double]] = [[], [], [], []]
    for i in 0..<1500 {
      let image = noiseImage(model.box, sigma: noise, seed: UInt64(5000 + i))
      let noisy = Image<Double>(box: model.box) { x, y in model[x, y] + Double(image[x, y]) }
      let found = adaptiveMoments(of: noisy, at: Point2D(x: 0, y: 0))
      guard !found.isBad, let covariance = found.covariance(pixelVariance: noise * noise) else { continue }
      let values = [found.flux - 4000, found.moments.xx - 4, found.moments.yy - 4, found.moments.xy]
      for k in 0..<4 { pulls[k].append(values[k] / covariance[k][k].squareRoot()) }
    }
    #expect(pulls[0].count > 1490)
    for pull in pulls {
      // The error of a standard deviation from 1500 values is 1.8 %; three of these and 3 % for the formula, which is of first order.
      #expect(abs(spread(pull).deviation - 1) < 0.085, "\(spread(pull))")
      #expect(abs(spread(pull).mean) < 0.15)
    }
  }

  @Test func theCovarianceIsSymmetricAndPositive() throws {
    let found = adaptiveMoments(
      of: gaussian(SecondMoments(xx: 5, yy: 3, xy: 1), at: Point2D(x: 0, y: 0)), at: Point2D(x: 0, y: 0))
    let covariance = try #require(found.covariance(pixelVariance: 4))
    for i in 0..<4 {
      #expect(covariance[i][i] > 0)
      for j in 0..<4 {
        #expect(abs(covariance[i][j] - covariance[j][i]) < 1e-9 * (covariance[i][i] * covariance[j][j]).squareRoot())
      }
    }
    // The variance of a known Gaussian's flux, with its shape free as well: twice that with the shape known.
    let expected = 8 * Double.pi * found.moments.determinant.squareRoot() * 4
    #expect(abs(covariance[0][0] / expected - 1) < 0.01)
    #expect(found.covariance(pixelVariance: 0) == nil)
    #expect(found.covariance(pixelVariance: -1) == nil)
    #expect(found.covariance(pixelVariance: .nan) == nil)
    #expect(found.covariance(pixelVariance: .infinity) == nil)
  }
}
