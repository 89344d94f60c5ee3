// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to both images before a kernel is sought.

import Foundation
import ImageDifferencing
import Imaging
import Repository
import SkyGeometry
import TestSupport
import Testing

@Suite struct PreparationTests {
  private func noise(_ sigma: Double, variance: Float, side: Int = 300) throws -> MaskedImage {
    var random = SeededRandom(3)
    let box = Box2I(minX: 20, minY: -10, width: side, height: side)
    return try MaskedImage(
      image: Image<Float>(box: box) { x, y in
        Float(sigma * random.gaussian() + 100 + 0.05 * Double(x) - 0.03 * Double(y))
      }, mask: Mask(box: box), variance: Image(box: box, fill: variance))
  }

  @Test func theFactorIsThatOfTheVariances() throws {
    let scale = try noise(3, variance: 4).varianceScale()
    // 90,000 pixels; the cells of the background take a thousandth of their scatter with them.
    #expect(abs(scale.factor - 9.0 / 4) < 0.02 * 9 / 4 && scale.evidence == .pixels)
  }

  @Test func sourcesAndBadPixelsDoNotCount() throws {
    var image = try noise(2, variance: 4)
    let plain = try image.varianceScale().factor
    let part = Box2I(minX: 40, minY: 40, width: 90, height: 60)
    try image.update { image, mask, variance throws(ImagingError) in
      for y in part.minY..<part.endY {
        image.withMutableRow(y) { row in for i in 20..<110 { row[i] += 1e5 } }
      }
      try mask.set("DETECTED", in: part)
      image[100, 200] = .nan
      variance[120, 200] = .infinity
      variance[121, 200] = -1
    }
    #expect(abs(try image.varianceScale().factor - plain) < 0.02)
  }

  @Test func beyondTheLimitTheImageDecidesOrItIsAnError() throws {
    var image = try noise(3, variance: 9)
    var config = ScaleVarianceConfig()
    config.limit = 3
    // Three fifths of the variances are far too small, then two.
    try image.update { _, _, variance in
      variance = Image<Float>(box: variance.box) { x, _ in x % 5 < 2 ? 9 : 0.01 }
    }
    #expect(throws: ExceedsMaxVarianceScaleError.self) { try image.varianceScale(config) }
    try image.update { _, _, variance in
      variance = Image<Float>(box: variance.box) { x, _ in x % 5 < 3 ? 9 : 0.001 }
    }
    let scale = try image.varianceScale(config)
    #expect(scale.evidence == .image && abs(scale.factor - 1) < 0.03, "\(scale)")
  }

  /// peers §3.8: stars everywhere, none of them masked; the reference would scale by what they scatter, or refuse.
  @Test func starsAreNoNoise() throws {
    let box = Box2I(width: 300, height: 300)
    var random = SeededRandom(11)
    var image = noiseImage(box, level: 0, sigma: 5, seed: 12)
    for _ in 0..<2500 {
      let position = Point2D(x: random.uniform(0...299), y: random.uniform(0...299))
      addGaussian(to: &image, at: position, sigma: 2, flux: 300 * pow(random.uniform(), -0.8))
    }
    for (variance, expected) in [(25.0, 1.0), (20, 1.25)] {
      let masked = try MaskedImage(
        image: image, mask: Mask(box: box), variance: Image(box: box, fill: Float(variance)))
      let plain = try PixelStatistics(of: image, .quartiles).robustStandardDeviation
      #expect(plain * plain / variance > 10)
      let scale = try masked.varianceScale()
      #expect(scale.evidence == .grain && abs(scale.factor / expected - 1) < 0.1, "\(scale)")
    }
    // A plane that is wrong in an empty field is still scaled, by whatever it takes.
    let scale = try noise(6, variance: 4).varianceScale()
    #expect(scale.evidence == .pixels && abs(scale.factor - 9) < 0.3)
    // A simulation without noise.
    let quiet = try noise(1e-4, variance: 4).varianceScale()
    #expect(quiet.factor == 1 && quiet.evidence == .none)
  }

  @Test(.enabled(if: GoldenFile.isAvailable("A_T_nodec.h5"), "needs shared/golden and the Python environment"))
  func factorsAreTheReferences() throws {
    for (name, expected) in [("A_template.fits", 1.0935861154096487), ("A_science.fits", 1.1100333825544797)] {
      let fits = try FITSExposure(SharedData.url("golden/\(name)").path)
      let image = try MaskedImage(
        image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance))
      let factor = try image.varianceScale().factor
      // Theirs has 0.74 for 0.7413.
      let ratio = PixelStatistics.sigmaPerIQR / 0.74
      #expect(abs(factor / (ratio * ratio) - expected) < 1e-5 * expected, "\(name): \(factor / (ratio * ratio))")
    }
  }

  @Test func coverageCountsBothMasks() throws {
    let box = Box2I(width: 10, height: 10)
    var template = MaskedImage(box: box.grown(by: 3))
    var science = MaskedImage(box: box)
    try template.update { _, mask, _ throws(ImagingError) in
      try mask.set("NO_DATA", in: Box2I(minX: -3, minY: -3, width: 16, height: 5))
    }
    try science.update { _, mask, _ throws(ImagingError) in
      try mask.set("NO_DATA", in: Box2I(minX: 0, minY: 0, width: 5, height: 10))
    }
    #expect(try templateCoverage(template, science, in: box) == 0.4)
    #expect(try templateCoverage(template.cropped(to: Box2I(width: 10, height: 5)), science, in: box) == 0.15)
  }

  @Test func masksAreTheSameTheSecondTime() throws {
    let box = Box2I(width: 4, height: 1)
    var mask = Mask(box: box)
    try mask.set("SAT", in: Box2I(minX: 0, minY: 0, width: 1, height: 1))
    try mask.set("BAD", in: Box2I(minX: 1, minY: 0, width: 1, height: 1))
    try mask.set("DETECTED", in: Box2I(minX: 2, minY: 0, width: 1, height: 1))
    try mask.addPlane("FAKE")
    try mask.set("FAKE", in: Box2I(minX: 3, minY: 0, width: 1, height: 1))
    let preparation = MaskPreparation()
    let template = try preparation.prepare(template: mask)
    let planes = template.planes
    #expect(template[0, 0] == (try planes.bitMask("SAT_TEMPLATE")))
    #expect(template[1, 0] == (try planes.bitMask("BAD")))
    #expect(template[2, 0] == 0)
    #expect(template[3, 0] == (try planes.bitMask("INJECTED_TEMPLATE")))
    let science = try preparation.prepare(science: mask)
    #expect(science[2, 0] == 0)
    #expect(science[0, 0] == (try science.planes.bitMask("SAT")))
    #expect(science[3, 0] == (try science.planes.bitMask(["FAKE", "INJECTED"])))
    #expect(try preparation.prepare(template: template.conformed(to: template.planes))[0, 0] == template[0, 0])
  }
}
