// SPDX-License-Identifier: GPL-3.0-or-later
// Streaks on noise, and what is none.

import DifferenceDetection
import Foundation
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// White noise of standard deviation 1 with streaks, stars and faults.
private struct StreakScene {
  var image: MaskedImage
  var box: Box2I { image.box }

  init(_ width: Int, _ height: Int, minX: Int = 0, minY: Int = 0, seed: UInt64) throws {
    let box = Box2I(minX: minX, minY: minY, width: width, height: height)
    image = try MaskedImage(
      image: noiseImage(box, seed: seed), mask: Mask(box: box), variance: Image(box: box, fill: 1))
  }

  /// Adds what a function of the position gives, with the noise of its light where there is any.
  mutating func add(gain: Float? = nil, seed: UInt64 = 0, in part: Box2I? = nil, _ value: (Double, Double) -> Double)
    throws
  {
    var random = SeededRandom(seed)
    let part = (part ?? box).intersection(box)
    try image.update { image, _, variance in
      for y in part.minY..<part.endY {
        for x in part.minX..<part.endX {
          let own = Float(value(Double(x), Double(y)))
          image[x, y] += own
          guard let gain, own > 0 else { continue }
          variance[x, y] += own / gain
          image[x, y] += Float(random.gaussian()) * (own / gain).squareRoot()
        }
      }
    }
  }

  /// Distances from a line about the image's centre.
  func distance(rho: Double, theta: Double) -> (Double, Double) -> Double {
    let (c, s, center) = (cos(theta * .pi / 180), sin(theta * .pi / 180), box.center)
    return { x, y in (x - center.x) * c + (y - center.y) * s - rho }
  }

  mutating func addStreak(rho: Double, theta: Double, sigma: Double, peak: Double) throws {
    let distance = distance(rho: rho, theta: theta)
    try add { x, y in
      let t = distance(x, y) / sigma
      return peak * pow(1 + t * t, -2.5)
    }
  }

  mutating func addStars(_ count: Int, psfSigma: Double, seed: UInt64) throws {
    var random = SeededRandom(seed)
    for i in 0..<count {
      let center = Point2D(
        x: Double(box.minX) + random.uniform() * Double(box.width),
        y: Double(box.minY) + random.uniform() * Double(box.height))
      let peak = pow(10, random.uniform(0.5...4))
      let near = try #require(Box2I(centeredAt: center, side: 61))
      try add(gain: 1, seed: seed &+ UInt64(i), in: near) { x, y in
        let r2 = (x - center.x) * (x - center.x) + (y - center.y) * (y - center.y)
        return peak * exp(-r2 / (2 * psfSigma * psfSigma))
      }
    }
  }
}

struct StreakTests {
  /// A profile with the PSF's full width at half maximum.
  private func scale(ofPSF sigma: Double) -> Double { 2.35482 * sigma / 1.13048 }

  private struct Truth: Sendable, CustomStringConvertible {
    let rho: Double
    let theta: Double
    let sigma: Double
    let peak: Double
    var description: String { "rho \(rho) theta \(theta) sigma \(sigma) peak \(peak)" }
  }

  private static let truths: [Truth] =
    [
      (0, 0), (102, 0), (-103.7, 90), (250, 90), (77.3, 17), (-200.5, 45), (10, 89.6), (300, 133), (-4, 179.7),
      (420, 61),
    ]
    .map { Truth(rho: $0.0, theta: $0.1, sigma: 4.17, peak: 1) } + [
      Truth(rho: 80, theta: 28, sigma: 10, peak: 0.7), Truth(rho: -80, theta: 118, sigma: 20, peak: 0.6),
      Truth(rho: 40, theta: 72, sigma: 4.17, peak: 0.4), Truth(rho: 1.3, theta: 151, sigma: 4.17, peak: 100),
      Truth(rho: -60, theta: 5, sigma: 25, peak: 30),
    ]

  /// Peak about the noise of a pixel and below: matched by its profile, a streak of 1000 px has 60 standard deviations.
  @Test(arguments: truths.indices)
  func aStreakIsFound(_ index: Int) throws {
    let truth = Self.truths[index]
    var scene = try StreakScene(1000, 900, minX: -13, minY: 220, seed: UInt64(index) + 1)
    try scene.addStreak(rho: truth.rho, theta: truth.theta, sigma: truth.sigma, peak: truth.peak)
    let found = try findStreaks(in: scene.image, psfSigma: 2)
    try #require(found.count == 1, "\(found)")
    let result = found[0]
    var turn = result.theta - truth.theta
    // Half a turn more is the same line with the other sign.
    let sign = abs(turn) > 90 ? -1.0 : 1
    turn = turn.remainder(dividingBy: 180)
    // Of a line of length L the position is known to some 1.3 √sigma / (peak √L), from medians with a background of their own; the ends of it
    // give the angle. Five times that, and 0.02 px for what the cells of a pixel leave.
    let error = 5 * (1.3 * (truth.sigma / 800).squareRoot() / truth.peak + 0.02)
    #expect(abs(sign * result.rho - truth.rho) < error, "\(truth): \(result)")
    #expect(abs(turn) * .pi / 180 < error / 230, "\(truth): \(result)")
    #expect(abs(log(result.sigma / truth.sigma)) < 2.5 * error / truth.sigma + 0.1, "\(truth): \(result)")
    #expect(abs(result.modelMaximum / truth.peak - 1) < 1.5 * error / truth.sigma + 0.1, "\(truth): \(result)")
    // With some hundreds of degrees of freedom at least; of a bright one the profile is not straight across a cell.
    if truth.peak < 2 { #expect(abs(result.reducedChi2 - 1) < 0.3, "\(truth): \(result)") }
  }

  @Test(arguments: 0..<6)
  func noiseHasNone(_ seed: Int) throws {
    let scene = try StreakScene(900, 700, seed: UInt64(seed) + 50)
    #expect(try findStreaks(in: scene.image, psfSigma: 2).isEmpty)
  }

  /// The noise of a difference that is not decorrelated, under the variance of independent pixels.
  @Test(arguments: 0..<3)
  func correlatedNoiseHasNone(_ seed: Int) throws {
    var scene = try StreakScene(700, 700, seed: UInt64(seed) + 60)
    let kernel = try SeparableKernel(gaussianSigma: 1.5, halfWidth: 6)
    try scene.image.update { image, _, _ throws(ImagingError) in
      image = try convolve(image, with: kernel)
      // Back to a standard deviation of 1.
      image.scale(by: 5.3)
    }
    #expect(try findStreaks(in: scene.image, psfSigma: 2).isEmpty)
  }

  /// Bright stars, saturated ones with holes beside them, long galaxies, columns that are known and such that are not, an edge, a gradient.
  @Test(arguments: 0..<4)
  func otherThingsAreNone(_ seed: Int) throws {
    var scene = try StreakScene(1024, 1000, seed: UInt64(seed) + 70)
    try scene.addStars(500, psfSigma: 2, seed: UInt64(seed) + 80)
    var random = SeededRandom(UInt64(seed) + 90)
    for i in 0..<12 {
      let center = Point2D(x: random.uniform(0...1023), y: random.uniform(0...999))
      let angle = random.uniform(0...(.pi))
      let (c, s) = (cos(angle), sin(angle))
      let isDipole = i % 2 == 0
      try scene.add(in: Box2I(centeredAt: center, side: 301)) { x, y in
        let (u, v) = ((x - center.x) * c + (y - center.y) * s, (y - center.y) * c - (x - center.x) * s)
        if isDipole { return u * exp(-(u * u + v * v) / (2 * 10 * 10)) * 100 }
        return 30 * exp(-u * u / (2 * 40 * 40) - v * v / (2 * 4 * 4))
      }
    }
    try scene.image.update { image, mask, _ throws(ImagingError) in
      for y in 0..<1000 {
        image[300, y] += 1000
        for x in 600..<620 { image[x, y] = 5000 }
        image[700, y] += 5
        image[701, y] += 2
        // The right part has a higher level.
        for x in 800..<1024 { image[x, y] += 0.7 + 0.001 * Float(x) }
      }
      try mask.set("BAD", in: Box2I(minX: 300, minY: 0, width: 1, height: 1000))
      try mask.set("SAT", in: Box2I(minX: 600, minY: 0, width: 20, height: 1000))
    }
    let found = try findStreaks(in: scene.image, psfSigma: 2)
    #expect(found.isEmpty, "\(found)")
  }

  @Test func amongStarsAStreakIsFound() throws {
    var scene = try StreakScene(1000, 1000, seed: 3)
    try scene.addStars(150, psfSigma: 2, seed: 4)
    try scene.addStreak(rho: 60, theta: 40, sigma: 4.17, peak: 1.5)
    let found = try findStreaks(in: scene.image, psfSigma: 2)
    try #require(found.count == 1)
    #expect(abs(found[0].rho - 60) < 0.7 && abs(found[0].theta - 40) < 0.15, "\(found)")
  }

  @Test func severalStreaksAreFound() throws {
    var scene = try StreakScene(1100, 1000, seed: 5)
    let truths = [(0.0, 30.0, 2.0), (60, 30.5, 1.2), (-250, 140, 1.5), (200, 91, 1)]
    for (rho, theta, peak) in truths { try scene.addStreak(rho: rho, theta: theta, sigma: 4.17, peak: peak) }
    let found = try findStreaks(in: scene.image, psfSigma: 2)
    #expect(found.count == truths.count, "\(found)")
    for (rho, theta, _) in truths {
      #expect(found.contains { abs($0.rho - rho) < 0.7 && abs($0.theta - theta) < 0.15 }, "\(rho) \(theta): \(found)")
    }
  }

  /// The mask is set along the whole line, as far as asked and no further.
  @Test(arguments: [false, true])
  func theWholeLineIsMasked(_ onlyDetected: Bool) throws {
    var scene = try StreakScene(640, 600, minX: 7, minY: -50, seed: 6)
    try scene.addStreak(rho: 30, theta: 70, sigma: 4.17, peak: 2)
    let detected = Box2I(minX: 100, minY: 0, width: 300, height: 400)
    try scene.image.update { _, mask, _ throws(ImagingError) in try mask.set("DETECTED", in: detected) }
    let before = scene.image
    var config = MaskStreaksConfig()
    config.onlyMaskDetected = onlyDetected
    let found = try maskStreaks(in: &scene.image, psfSigma: 2, config)
    try #require(found.count == 1)
    let distance = scene.distance(rho: found[0].rho, theta: found[0].theta)
    let pattern = try scene.image.mask.planes.bitMask("STREAK")
    for y in scene.box.minY..<scene.box.endY {
      for x in scene.box.minX..<scene.box.endX {
        let isNear = abs(distance(Double(x), Double(y))) <= 2 * found[0].sigma
        let expected = isNear && (!onlyDetected || detected.contains(x: x, y: y))
        let bits = scene.image.mask[x, y]
        if (bits & pattern != 0) != expected || bits & ~pattern != before.mask[x, y] { Issue.record("\(x) \(y)") }
      }
    }
    #expect(scene.image.image == before.image && scene.image.variance == before.variance)
    // However wide the streak, no more than this is masked.
    var narrow = before
    config.maxStreakWidth = 6
    config.onlyMaskDetected = false
    #expect(try maskStreaks(in: &narrow, psfSigma: 2, config).count <= 1)
    #expect(narrow.mask.count(pattern) < 6 * 900)
  }

  @Test func theMaskGetsThePlane() throws {
    let box = Box2I(width: 50, height: 50)
    var image = MaskedImage(box: box, planes: try MaskPlanes(bits: ["BAD": 0]))
    #expect(try maskStreaks(in: &image, psfSigma: 2).isEmpty)
    #expect(image.mask.planes.contains("STREAK") && image.mask.presentBits == 0)
  }

  @Test(arguments: [(0, 9), (1, 1), (3, 3), (5, 400), (400, 2), (70, 65), (333, 331)])
  func oddImagesAreNoTrap(_ width: Int, _ height: Int) throws {
    let box = Box2I(minX: -5, minY: 11, width: width, height: height)
    var full = Mask(box: box)
    try full.set("NO_DATA", in: box)
    for value in [Float.nan, .infinity, 0, 1, .greatestFiniteMagnitude, -.greatestFiniteMagnitude] {
      for variance in [Float(0), 1, -1, .nan, .infinity, .leastNonzeroMagnitude] {
        for mask in [Mask(box: box), full] {
          var image = Image<Float>(box: box, fill: value)
          // A diagonal that is as bright as can be.
          for i in 0..<min(width, height) { image[box.minX + i, box.minY + i] = 1e30 }
          var scene = try MaskedImage(image: image, mask: mask, variance: Image(box: box, fill: variance))
          for (binFactor, psfSigma) in [(4, 2.0), (1, 0.01), (1000, 999)] {
            _ = try maskStreaks(in: &scene, psfSigma: psfSigma, binFactor: binFactor)
          }
        }
      }
    }
    for psfSigma in [0, -1, Double.nan, .infinity] {
      #expect(throws: ImagingError.self) { _ = try findStreaks(in: MaskedImage(box: box), psfSigma: psfSigma) }
    }
    #expect(throws: ImagingError.self) { _ = try findStreaks(in: MaskedImage(box: box), psfSigma: 1, binFactor: 0) }
  }
}

@Suite(
  .enabled(if: GoldenFile.isAvailable("B_detect.h5"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenStreakTests {
  /// The reference finds none on its differences, either.
  @Test(arguments: ["A_T_dec.h5", "B_T_dec.h5", "A_T_nodec.h5"])
  func goldenDifferencesHaveNone(_ name: String) throws {
    let golden = try GoldenFile(name)
    defer { golden.remove() }
    let image = try MaskedImage(
      image: try golden["diff_image"].image(), mask: Mask(bits: try golden["diff_mask"].bits()),
      variance: try golden["diff_variance"].image())
    #expect(try findStreaks(in: image, psfSigma: 2.3).isEmpty)
  }
}
