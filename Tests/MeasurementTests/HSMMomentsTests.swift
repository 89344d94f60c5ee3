// SPDX-License-Identifier: GPL-3.0-or-later
// Moments of known sources under a weight that follows them.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// How far moments are from those that they should have under their own weight, by a sum of every pixel of a box with its own
/// exponential function: 2B/A and 4C/A − 2M, as parts of the weight's smaller axis.
private func remainder(of found: HSMMoments, _ image: Image<Float>, in box: Box2I) -> Double {
  let (center, m) = (found.center, found.moments)
  var (a, b, c) = (0.0, SIMD2<Double>.zero, SIMD3<Double>.zero)
  for y in box.minY..<box.endY {
    for x in box.minX..<box.endX {
      let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
      let rho2 = (m.yy * dx * dx - 2 * m.xy * dx * dy + m.xx * dy * dy) / m.determinant
      guard rho2 <= -2 * log(1e-7) else { continue }
      let value = exp(-rho2 / 2) * Double(image[x, y])
      a += value
      b += value * SIMD2(dx, dy)
      c += value * SIMD3(dx * dx, dy * dy, dx * dy)
    }
  }
  let axis2 = m.trace / 2 - (pow(m.xx - m.yy, 2) + 4 * m.xy * m.xy).squareRoot() / 2
  let (shift, growth) = (2 * b / a, 4 * c / a - 2 * m.columns)
  return max(
    max(abs(shift.x), abs(shift.y)) / axis2.squareRoot(), max(abs(growth.x), abs(growth.y), abs(growth.z)) / axis2)
}

struct HSMMomentsTests {
  private func doubles(_ name: String, _ catalog: Catalog) throws -> [Double] { try catalog.column(name) }
  private func flags(_ name: String, _ catalog: Catalog) throws -> [Bool] { try catalog.column(name) }

  @Test(arguments: [
    SecondMoments(xx: 4, yy: 4, xy: 0), SecondMoments(xx: 9, yy: 3, xy: -2), SecondMoments(xx: 30, yy: 31, xy: 29),
    SecondMoments(xx: 0.8, yy: 12, xy: 0.3),
  ]) func aGaussianHasItsOwnCovariance(_ shape: SecondMoments) throws {
    let (center, box) = (Point2D(x: 1000.3, y: -49.6), Box2I(minX: 960, minY: -90, width: 81, height: 81))
    for sign in [1.0, -1] {
      let image = Image<Float>(box: box) { x, y in
        let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
        let q = (shape.yy * dx * dx - 2 * shape.xy * dx * dy + shape.xx * dy * dy) / shape.determinant
        return Float(sign * 500 * exp(-q / 2))
      }
      let found = try #require(hsmMoments(of: image, startingAt: Point2D(x: 1000, y: -50), sigma: 5))
      // The sampled sums of a Gaussian under its own weight: of standard deviations s/√2 in pixels, they err by 2e^(−2π²s²/2) of it.
      let narrow = min(shape.xx, shape.yy, shape.determinant / max(shape.xx, shape.yy))
      let tolerance = 1e-5 + 40 * exp(-Double.pi * Double.pi * narrow)
      #expect(found.center.distance(to: center) < tolerance)
      let difference = found.moments.columns - shape.columns
      for i in 0..<3 { #expect(abs(difference[i]) < tolerance * shape.trace, "\(found.moments)") }
      #expect(abs(found.flux / (sign * 500 * 2 * .pi * shape.determinant.squareRoot()) - 1) < tolerance)
    }
  }

  @Test func momentsAreThoseUnderTheirOwnWeight() throws {
    var random = SeededRandom(14)
    var found = 0
    for _ in 0..<60 {
      let box = Box2I(
        minX: Int(random.next() % 50), minY: -Int(random.next() % 50), width: 1 + Int(random.next() % 40),
        height: 1 + Int(random.next() % 40))
      let center = Point2D(
        x: random.uniform(Double(box.minX)...Double(box.maxX)), y: random.uniform(Double(box.minY)...Double(box.maxY)))
      var image = noiseImage(box.grown(by: 3), sigma: 1, seed: random.next())
      let trail = Trail(center: center, length: random.uniform(0.1...12), angle: random.uniform(-1.5...1.5))
      addTrail(trail, flux: random.uniform(20...3000), sigma: random.uniform(0.6...3), to: &image, in: image.box)
      let start = Point2D(x: center.x + random.uniform(-1...1), y: center.y + random.uniform(-1...1))
      guard let moments = hsmMoments(of: image, in: box, startingAt: start, sigma: 5) else { continue }
      found += 1
      // The last step was 1e-6 at most; where it is far from a Gaussian, the next may be as long.
      #expect(remainder(of: moments, image, in: box) < 2e-6)
    }
    #expect(found > 40, "\(found)")
  }

  @Test func momentsOfSourcesLeaveBadPixelsOut() throws {
    var image = Image<Float>(box: Box2I(width: 60, height: 60), fill: 0)
    addStar(to: &image, at: Point2D(x: 30, y: 30), sigma: 2, flux: 1000)
    let hole = Box2I(minX: 38, minY: 30, width: 1, height: 1)
    var exposure = try makeExposure(image, variance: 1, psf: try gaussianPSF(sigma: 2))
    let name = "ext_shapeHSM_HsmSourceMoments"
    let plain = try measureGiven([name], exposure, [Point2D(x: 30.2, y: 29.9)], half: 12)
    try exposure.maskedImage.update { image, mask, _ throws(ImagingError) in
      image[38, 30] = .infinity
      try mask.set("SAT", in: hole)
    }
    let masked = try measureGiven([name], exposure, [Point2D(x: 30.2, y: 29.9)], half: 12)
    for column in ["_x", "_y", "_xx", "_yy", "_xy"] {
      // At 4σ a pixel holds e^−16 of the weighted light.
      #expect(abs(try doubles(name + column, plain)[0] - doubles(name + column, masked)[0]) < 1e-4)
    }
    #expect(try flags(name + "_flag", masked) == [false])
    try exposure.maskedImage.update { _, mask, _ in mask.clear(.max) }
    let spoiled = try measureGiven([name], exposure, [Point2D(x: 30.2, y: 29.9)], half: 12)
    #expect(try flags(name + "_flag_galsim", spoiled) == [true] && flags(name + "_flag", spoiled) == [true])
    #expect(try doubles(name + "_xx", spoiled)[0].isNaN)
    // A centroid that is not in the footprint's box.
    let elsewhere = try measureGiven(
      [name], exposure, [Point2D(x: 30, y: 30)],
      prepare: { $0.setFootprint(Footprint(SpanSet(Box2I(width: 9, height: 9)), region: exposure.box), row: 0) })
    #expect(try flags(name + "_flag_not_contained", elsewhere) == [true])
    let nowhere = try measureGiven(
      [name], exposure, [Point2D(x: 30, y: 30)],
      prepare: { $0.setFootprint(Footprint(.empty, region: exposure.box), row: 0) })
    #expect(try flags(name + "_flag_no_pixels", nowhere) == [true])
  }

  @Test func momentsOfAPSFAreItsOwn() throws {
    let shape = SecondMoments(xx: 5, yy: 3, xy: 0.7)
    let kernel = Image<Double>(box: Box2I(minX: -15, minY: -15, width: 31, height: 31)) { x, y in
      let (dx, dy) = (Double(x) - 0.2, Double(y))
      return exp(-(shape.yy * dx * dx - 2 * shape.xy * dx * dy + shape.xx * dy * dy) / shape.determinant / 2)
    }
    let psf = try KernelPSF(kernel, averagePosition: Point2D(x: 0, y: 0))
    let image = Image<Float>(box: Box2I(width: 40, height: 40), fill: 0)
    let name = "ext_shapeHSM_HsmPsfMoments"
    let positions = [Point2D(x: 20, y: 20), Point2D(x: 4.4, y: 31)]
    let catalog = try measureGiven([name], try makeExposure(image, variance: 1, psf: psf), positions)
    for row in positions.indices {
      #expect(abs(try doubles(name + "_x", catalog)[row] - 0.2) < 1e-5)
      for (column, expected) in [("_xx", shape.xx), ("_yy", shape.yy), ("_xy", shape.xy)] {
        #expect(abs(try doubles(name + column, catalog)[row] - expected) < 1e-4)
      }
    }
    let without = try measureGiven([name], try makeExposure(image, variance: 1), positions)
    #expect(
      try flags(name + "_flag_no_psf", without) == [true, true] && flags(name + "_flag", without) == [true, true])
    #expect(try flags("base_InvalidPsf_flag", without) == [true, true])
  }
}
