// SPDX-License-Identifier: GPL-3.0-or-later
// What the reference system's subtraction does not have.

import Foundation
import ImageDifferencing
import Imaging
import SingleFrame
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct SubtractionOptionTests {
  private func scene(_ sigma: Double, _ seed: UInt64, border: Int, noise: Double = 1) throws -> SubtractionScene {
    try SubtractionScene {
      ($0.sigma, $0.noise, $0.noiseSeed, $0.border) = (sigma, noise, seed, border)
      ($0.width, $0.height, $0.flux, $0.count) = (400, 400, 5000, 40)
    }
  }

  private func run(
    _ science: SubtractionScene, _ template: SubtractionScene, _ change: (inout AlardLuptonSubtractConfig) -> Void
  ) throws -> (SubtractionResult, TaskMetadata) {
    var config = AlardLuptonSubtractConfig()
    config.candidates.restrictKernelEdgeSources = false
    change(&config)
    let task = try AlardLuptonSubtractTask(config: config)
    let result = try task.run(template: template.exposure, science: science.exposure, sources: science.sources)
    return (result, task.metadata)
  }

  // MARK: - Direction by trial

  /// Both directions are tried, and the result is that of the one that leaves less.
  @Test(arguments: [(2.4, 1.8), (1.8, 2.4)]) func theBetterDirectionIsTaken(science: Double, template: Double) throws {
    let (own, other) = (try scene(science, 6, border: 0), try scene(template, 7, border: 30))
    let (tried, metadata) = try run(own, other) { $0.mode = .trial }
    let left = (
      try metadata.double("trialResidualTemplate"), try metadata.double("trialResidualScience")
    )
    let isTemplate = tried.psfMatchingKernel.convolved == .template
    #expect(isTemplate == (left.0 < left.1) || abs(left.0 - left.1) < 1e-12, "\(left)")
    let (direct, _) = try run(own, other) { $0.mode = isTemplate ? .convolveTemplate : .convolveScience }
    #expect(tried.difference.maskedImage.image.pixels == direct.difference.maskedImage.image.pixels)
  }

  // MARK: - The sky that is left

  /// Waves that a polynomial does not follow go; and of a sky without any next to nothing is taken.
  @Test func wavesOfTheSkyGo() throws {
    let (own, other) = (try scene(2.4, 6, border: 0), try scene(1.8, 7, border: 30))
    var wavy = own
    try wavy.exposure.edit { image, _ in
      let box = image.box
      for y in box.minY..<box.endY {
        image.withMutableRow(y) { row in
          for i in row.indices { row[i] += Float(0.5 * sin(Double(i) / 30) * cos(Double(y - box.minY) / 35)) }
        }
      }
    }
    func taken(_ science: SubtractionScene) throws -> (sky: Image<Float>, result: SubtractionResult) {
      let (result, _) = try run(science, other) {
        $0.mode = .convolveTemplate
        ($0.doSubtractResidualBackground, $0.residualBackground.binSize) = (true, 64)
      }
      return (try #require(result.backgroundModel), result)
    }
    let (flat, waves) = (try taken(own).sky, try taken(wavy))
    let rms = (flat.pixels.reduce(0) { $0 + Double($1) * Double($1) } / Double(flat.box.area)).squareRoot()
    #expect(rms < 0.05, "\(rms)")
    var (sum, count) = (0.0, 0.0)
    let inner = waves.sky.box.grown(by: -40)
    for y in inner.minY..<inner.endY {
      for x in inner.minX..<inner.endX {
        let truth = 0.5 * sin(Double(x - waves.sky.box.minX) / 30) * cos(Double(y - waves.sky.box.minY) / 35)
        sum += pow(Double(waves.sky[x, y]) - truth, 2)
        count += 1
      }
    }
    // Of 0.25 that there was.
    #expect((sum / count).squareRoot() < 0.15, "\((sum / count).squareRoot())")
  }

  // MARK: - The score's noise

  /// Where the variance is the same everywhere it does not matter which way the score's is had; beside a bright star it reaches as far as the filter.
  @Test func theLightOfSourcesCounts() throws {
    let (own, other) = (try scene(2.4, 6, border: 0), try scene(1.8, 7, border: 30))
    let (plain, _) = try run(own, other) { $0.mode = .convolveTemplate }
    let (full, _) = try run(own, other) { ($0.mode, $0.doScoreSourceNoise) = (.convolveTemplate, true) }
    let (a, b) = (try #require(plain.score).maskedImage, try #require(full.score).maskedImage)
    #expect(a.image.pixels == b.image.pixels)
    var (sky, wings) = ([Float](), [Float]())
    let inner = a.box.grown(by: -40)
    for y in inner.minY..<inner.endY {
      for x in inner.minX..<inner.endX {
        let distance = own.positions.map { $0.distance(to: Point2D(x: Double(x), y: Double(y))) }.min() ?? 0
        let ratio = b.variance[x, y] / a.variance[x, y]
        if distance > 25 { sky.append(ratio) }
        // The core's light is far, and within the filter's reach.
        if distance > 6, distance < 8 { wings.append(ratio) }
      }
    }
    #expect(abs(try PixelStatistics(of: sky, .quartiles).median - 1) < 0.01)
    #expect(wings.count > 100)
    let raised = try PixelStatistics(of: wings, .quartiles).median
    #expect(raised > 1.01, "\(raised)")
  }

  /// Stars that are displaced by 0.3 pixels leave dipoles; a score that knows does not take them for sources.
  @Test func displacedStarsAreNoSources() throws {
    let (own, other) = (try scene(2.4, 6, border: 0), try scene(1.8, 7, border: 30))
    var shifted = own
    try shifted.exposure.edit { image, _ in
      // One star moved; the others make the kernel.
      let (place, flux) = (own.positions[0], own.fluxes[0])
      addGaussian(to: &image, at: place, sigma: 2.4, flux: -flux)
      addGaussian(to: &image, at: Point2D(x: place.x + 0.3, y: place.y), sigma: 2.4, flux: flux)
    }
    func peak(_ error: Double) throws -> Float {
      let (result, _) = try run(shifted, other) {
        ($0.mode, $0.scoreRegistrationError) = (.convolveTemplate, error)
      }
      let score = try #require(result.score).maskedImage
      let box = try #require(Box2I(centeredAt: own.positions[0], side: 15)).intersection(score.box)
      var largest: Float = 0
      for y in box.minY..<box.endY {
        for x in box.minX..<box.endX {
          largest = max(largest, abs(score.image[x, y]) / score.variance[x, y].squareRoot())
        }
      }
      return largest
    }
    #expect(try peak(0) > 8)
    #expect(try peak(0.3) < 4)
  }
}
