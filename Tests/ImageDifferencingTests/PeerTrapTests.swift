// SPDX-License-Identifier: GPL-3.0-or-later
// What other programs stumble over (peers §3). The others of the list: 2 and 6 SkyModelTests, SurveySubtractionTests; 4 few stars,
// KernelVariantsTests; 7 KernelFitTests.theDifferenceIsOnTheSciencesScale; 8 PreparationTests.starsAreNoNoise.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct PeerTrapTests {
  private func pair(
    science: Double, template: Double, noise: (Double, Double) = (1, 1), flux: Double = 2000
  ) throws -> (science: SubtractionScene, template: SubtractionScene) {
    func scene(_ sigma: Double, _ noise: Double, _ seed: UInt64, border: Int) throws -> SubtractionScene {
      try SubtractionScene {
        ($0.sigma, $0.noise, $0.noiseSeed, $0.border, $0.flux, $0.count) = (sigma, noise, seed, border, flux, 30)
      }
    }
    return (try scene(science, noise.0, 6, border: 0), try scene(template, noise.1, 7, border: 20))
  }

  private func run(
    _ pair: (science: SubtractionScene, template: SubtractionScene),
    _ change: (inout AlardLuptonSubtractConfig) -> Void = { _ in }
  ) throws -> (task: AlardLuptonSubtractTask, result: SubtractionResult) {
    let task = try makeSubtraction(change)
    return (
      task,
      try task.run(template: pair.template.exposure, science: pair.science.exposure, sources: pair.science.sources)
    )
  }

  /// Deviations of the difference in standard deviations at some pixels.
  private func deviations(_ image: MaskedImage, _ isIncluded: (Int, Int) -> Bool) -> [Double] {
    var result: [Double] = []
    for y in image.box.minY..<image.box.endY {
      for x in image.box.minX..<image.box.endX where isIncluded(x, y) && image.image[x, y].isFinite {
        result.append(Double(image.image[x, y]) / Double(image.variance[x, y]).squareRoot())
      }
    }
    return result
  }

  /// 1: cosmic rays and a bad column in the image that is convolved leave ghosts of the kernel unless they are filled first.
  @Test func cosmicRaysAreFilledBeforeAConvolution() throws {
    var scenes = try pair(science: 2.0, template: 2.6)
    let box = scenes.science.exposure.box
    var random = SeededRandom(3)
    var hits: [Point2I] = []
    while hits.count < 12 {
      let pixel = Point2I(
        x: box.minX + 40 + Int(random.next() % 176), y: box.minY + 40 + Int(random.next() % 176))
      // Away from the stars, so that these are good for the kernel whether or not there is a mask.
      guard scenes.science.positions.allSatisfy({ $0.distance(to: Point2D(pixel)) > 34 }) else {
        if hits.count > 4, random.next() % 400 == 0 { break }
        continue
      }
      hits.append(pixel)
    }
    try scenes.science.exposure.maskedImage.update { image, mask, _ throws(ImagingError) in
      for hit in hits {
        for k in 0..<5 { image[hit.x + k, hit.y + k / 2] += 3000 }
        for k in 0..<5 { try mask.set("CR", in: Box2I(minX: hit.x + k, minY: hit.y + k / 2, width: 1, height: 1)) }
      }
    }
    func ghosts(fills: Bool) throws -> (count: Int, of: Int) {
      let difference = try run(scenes) {
        $0.mode = .convolveScience
        $0.doFillMaskedPixels = fills
      }.result.difference.maskedImage
      let values = deviations(difference) { x, y in
        hits.contains { hit in
          let distance = max(abs(x - hit.x - 2), abs(y - hit.y - 1))
          return distance > 3 && distance <= 8
        }
      }
      return (values.count { abs($0) > 5 }, values.count)
    }
    let (without, with) = (try ghosts(fills: false), try ghosts(fills: true))
    #expect(without.count > 20 * hits.count / 4, "\(without)")
    #expect(with.count <= with.of / 1000, "\(with)")
  }

  /// 3: narrow Gaussians that are nearly the same function, with high polynomials, must not make noise.
  @Test func aNearlyDegenerateBasisMakesNoNoise() throws {
    let scenes = try pair(science: 2.4, template: 2.0)
    func scatter(_ change: (inout PsfMatchConfigAL) -> Void) throws -> Double {
      var config = MakeKernelConfig()
      try config.kernel.update("AL", PsfMatchConfigAL.self) { change(&$0) }
      let result = try run(scenes) { try? $0.makeKernel.setValue(config) }.result
      let image = result.difference.maskedImage
      let found = try clippedStatistics(image.image, image.mask, excluding: ["EDGE", "BAD", "NO_DATA"])
      return found.scatter
    }
    let usual = try scatter { _ in }
    let degenerate = try scatter {
      $0.basis.scaleByFwhm = false
      $0.basis.alardSigGauss = [0.4, 0.41, 1.5]
      $0.basis.alardDegGauss = [3, 3, 2]
    }
    #expect(degenerate < 1.1 * usual, "\(degenerate), \(usual)")
  }

  /// 5: sharpening the template rings about every star while the sky looks fine; the residuals of stars tell, and `auto` does not do it.
  @Test func deconvolutionShowsInTheStars() throws {
    let scenes = try pair(science: 2.0, template: 2.8, noise: (1, 1), flux: 2500)
    func stars(_ mode: SubtractionMode) throws -> (sky: Double, core: Double, ratio: Double) {
      let (task, result) = try run(scenes) { $0.mode = mode }
      let image = result.difference.maskedImage
      let sky = try clippedStatistics(image.image, image.mask)
      let level = try clippedStatistics(image.variance, image.mask).mean
      let inner = image.box.grown(by: -24)
      let near = deviations(image) { x, y in
        inner.contains(Point2I(x: x, y: y))
          && scenes.science.positions.contains { max(abs(Double(x) - $0.x), abs(Double(y) - $0.y)) <= 3.5 }
      }
      let chi2 = near.reduce(0) { $0 + $1 * $1 } / Double(near.count)
      return (
        sky.scatter / level.squareRoot(), chi2, try task.metadata.double("differenceFootprintRatioMean")
      )
    }
    let (sharpened, chosen) = (try stars(.convolveTemplate), try stars(.auto))
    #expect(abs(chosen.sky - 1) < 0.1 && chosen.core < 1.5, "\(chosen)")
    #expect(sharpened.core > 2 * chosen.core, "\(sharpened)")
    #expect(sharpened.ratio > chosen.ratio)
  }
}
