// SPDX-License-Identifier: GPL-3.0-or-later
// Noise that pixels share already before a kernel is applied.

import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct NoiseModelTests {
  /// A difference of blank images of which the template was resampled: each of its pixels is a mean of two by two of others, of the variance that its plane says.
  private static func resampled(side: Int = 600, planeError: Float = 1) throws -> DecorrelationScene {
    var scene = try DecorrelationScene((1, 1), side: side, stars: 0)
    try scene.template.edit { image, _ in
      let white = image
      let box = image.box
      for y in box.minY..<box.endY {
        image.withMutableRow(y) { row in
          for i in row.indices {
            let (x, right, above) = (box.minX + i, min(box.endX - 1, box.minX + i + 1), min(box.endY - 1, y + 1))
            row[i] = (white[x, y] + white[right, y] + white[x, above] + white[right, above]) / 2
          }
        }
      }
    }
    let kernel = try Kernel(DecorrelationScene.gaussian(1, side: 15))
    var difference = try MatchedSubtraction(
      template: scene.template.maskedImage, science: scene.science.maskedImage,
      MatchingKernel(kernel, convolved: .template)
    ).difference
    difference = try MaskedImage(
      image: difference.image, mask: difference.mask, variance: difference.variance.map { $0 * planeError })
    return try DecorrelationScene(scene, difference, kernel, planeError: planeError)
  }

  private func correct(_ scene: DecorrelationScene, _ model: NoiseModel) throws -> (MaskedImage, TaskMetadata) {
    var config = DecorrelateALKernelSpatialConfig()
    config.noiseModel = model
    let task = try DecorrelateALKernelSpatialTask(config: config)
    let result = try task.run(
      scienceExposure: scene.science, templateExposure: scene.template, subtractedExposure: scene.difference,
      psfMatchingKernel: scene.kernel)
    return (result.maskedImage, task.metadata)
  }

  private func scatter(_ image: MaskedImage, _ part: Box2I) throws -> Double {
    let pulls = zip(image.image.cropped(to: part).pixels, image.variance.cropped(to: part).pixels).map {
      $0 / $1.squareRoot()
    }
    return try PixelStatistics(of: pulls, .moments).variance.squareRoot()
  }

  /// What the template's pixels share is found, and the noise is white and as large as the variance says; taken for white it is neither.
  @Test func sharedNoiseIsFound() throws {
    let scene = try Self.resampled()
    let part = scene.difference.box.grown(by: -40)
    let (found, _) = try correct(scene, .measured)
    for (dx, dy) in [(1, 0), (0, 1), (1, 1), (2, 0), (3, 0), (5, 0)] {
      let value = DecorrelationScene.autocorrelation(found.image, dx, dy, in: part)
      // 270,000 pixels know it to 0.002.
      #expect(abs(value) < 0.01, "(\(dx), \(dy)): \(value)")
    }
    #expect(abs(try scatter(found, part) - 1) < 0.01)
    let (other, _) = try correct(scene, .white)
    #expect(abs(DecorrelationScene.autocorrelation(other.image, 1, 0, in: part)) > 0.05)
  }

  /// Variance planes that are wrong by a factor are put right, and noise that is white is taken for white.
  @Test func aWrongPlaneIsFound() throws {
    let scene = try DecorrelationScene((1, 1), side: 600, stars: 0)
    let right = try correct(scene, .measured).0
    let white = try correct(scene, .white).0
    let change = zip(right.image.pixels, white.image.pixels).map { $0 - $1 }
    #expect(try PixelStatistics(of: change, .moments).variance < 2 * 0.02 * 0.02)
    let wrong = try Self.resampled(planeError: 0.8)
    let part = wrong.difference.box.grown(by: -40)
    let (found, metadata) = try correct(wrong, .measured)
    #expect(abs(try scatter(found, part) - 1) < 0.01)
    let factor = try metadata.double("unconvolvedNoiseFactor")
    #expect(abs(factor - 1.25) < 0.2, "\(factor)")
  }

  /// Stars are no noise, whether the mask knows them or not.
  @Test func starsAreNotNoise() throws {
    let scene = try DecorrelationScene((1, 1), side: 600, stars: 200)
    let empty = try DecorrelationScene((1, 1), side: 600, stars: 0)
    let (with, without) = (try correct(scene, .measured).1, try correct(empty, .measured).1)
    #expect(try with.integer("noiseSampleSize") < 9 * (try without.integer("noiseSampleSize")) / 10)
    #expect(abs(try with.double("unconvolvedNoiseFactor") - 1) < 0.01)
  }

  /// Nothing to measure on: the variances are believed.
  @Test func tooFewPixels() throws {
    let scene = try DecorrelationScene((1, 1), side: 64, stars: 0)
    let (found, metadata) = try correct(scene, .measured)
    #expect(found.image.pixels == (try correct(scene, .white).0).image.pixels)
    #expect(throws: (any Error).self) { try metadata.integer("noiseSampleSize") }
  }
}
