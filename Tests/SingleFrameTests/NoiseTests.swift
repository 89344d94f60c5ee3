// SPDX-License-Identifier: GPL-3.0-or-later
// Noise told from stars.

import Imaging
import SingleFrame
import SkyGeometry
import TestSupport
import Testing

@Suite struct NoiseTests {
  @Test(arguments: [20, 400, 1600]) func starsAreNoNoise(count: Int) throws {
    let field = try SimulatedField(count: count, range: 3...3000, seed: 11)
    let noise = try PixelNoise(of: field.exposure.maskedImage)
    // 131,000 pixels, of which 70 in the filter share noise: 1 % of the variance; faint light in the fainter half adds its own noise.
    let scale = try #require(noise.varianceScale)
    #expect(abs(scale - 1) < 0.05, "\(scale)")
    let expected = field.noise * field.noise + max(0, noise.level) / 2
    #expect(abs(noise.variance / expected - 1) < 0.05, "\(noise)")
  }

  @Test func aWrongVarianceIsSeen() throws {
    var field = try SimulatedField(count: 100, seed: 12)
    try field.exposure.maskedImage.update { _, _, variance in variance = variance.map { $0 / 4 } }
    let scale = try #require(try PixelNoise(of: field.exposure.maskedImage).varianceScale)
    #expect(abs(scale - 4) < 0.2)
  }

  @Test func correlatedNoiseIsMeasuredWhole() throws {
    // Means of two pixels each way: a quarter of the variance, and next to none of the finest grain.
    let white = noiseImage(Box2I(width: 257, height: 257), sigma: 10, seed: 13)
    let box = Box2I(width: 256, height: 256)
    let image = Image<Float>(box: box) { x, y in
      (white[x, y] + white[x + 1, y] + white[x, y + 1] + white[x + 1, y + 1]) / 4
    }
    let masked = try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 25))
    let variance = try noiseVariance(of: masked)
    // 65,536 pixels that share noise with eight others, by the lower quartile: 2 %.
    #expect(abs(variance / 25 - 1) < 0.06, "\(variance)")
    #expect(try PixelNoise(of: masked).variance < 5)
  }

  @Test func tooFewPixelsAreAnError() throws {
    for side in [1, 4, 8] {
      let box = Box2I(width: side, height: side)
      let image = try MaskedImage(
        image: noiseImage(box, seed: 1), mask: Mask(box: box), variance: Image(box: box, fill: 1))
      #expect(throws: ImagingError.self) { try PixelNoise(of: image) }
    }
    #expect(throws: ImagingError.self) {
      try noiseVariance(of: MaskedImage(withoutDataOver: Box2I(width: 50, height: 50)))
    }
  }

  @Test(
    .enabled(if: SharedData.has("data/saao_kb130475"), "needs shared/data"), arguments: ["0172", "0100"])
  func aCrowdedFieldsNoiseIsThatOfItsLight(name: String) throws {
    let noise = try PixelNoise(of: try sharedExposure("data/saao_kb130475/\(name).fits").maskedImage)
    // Gain 1.9 e/ADU, read noise 5 e (data/README.md).
    let expected = noise.level / 1.9 + (5 / 1.9) * (5 / 1.9)
    #expect(abs(noise.variance / expected - 1) < 0.2, "\(noise), expected \(expected)")
  }
}
