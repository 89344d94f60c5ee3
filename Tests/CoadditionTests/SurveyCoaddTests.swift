// SPDX-License-Identifier: GPL-3.0-or-later
// Coadds of a simulated survey against what is true of it.

import BackgroundMatching
import Catalogs
import Coaddition
import Imaging
import SkyGeometry
import SyntheticSurvey
import Testing

@Suite struct SurveyCoaddTests {
  static let survey = Result { try SurveyCoadd(SurveyCoadd.config(seed: 7)) }

  /// How far the backgrounds of two matched visits are apart, at each pixel that both have.
  private struct Residuals {
    var sumOfSquares = 0.0
    var count = 0
    var rms: Double { (sumOfSquares / Double(count)).squareRoot() }

    mutating func add(_ value: Double) {
      sumOfSquares += value * value
      count += 1
    }
  }

  /// - Parameter half: half the side of the square about the tract's centre to look at.
  private func residuals(_ survey: SurveyCoadd, _ solution: TractSolution, half: Int) throws -> Residuals {
    var result = Residuals()
    let center = try #require(survey.tract.box.center.pixel)
    let covered = Box2I(minX: center.x - half, minY: center.y - half, width: 2 * half, height: 2 * half)
    for patch in survey.patches {
      let surfaces: [Image<Float>] = try solution.models.map { model in
        try BackgroundModel(try #require(model.background)).image(in: patch.info.innerBox)
      }
      let first = patch.visits[0].background
      let part = patch.info.innerBox.intersection(covered)
      for v in survey.visits.indices.dropFirst() {
        let background = patch.visits[v].background
        let (surface, firstSurface) = (surfaces[v], surfaces[0])
        for y in part.minY..<part.endY {
          let a = background.row(y)
          let b = first.row(y)
          let modelA = surface.row(y)
          let modelB = firstSurface.row(y)
          for x in part.minX..<part.endX {
            let (i, k) = (x - background.box.minX, x - patch.info.innerBox.minX)
            let difference = Double(a[i] + modelA[k] - b[i] - modelB[k])
            if difference.isFinite { result.add(difference) }
          }
        }
      }
    }
    return result
  }

  /// Half of what backgrounds differ by at most, over all visits.
  private func amplitude(_ survey: SurveyCoadd) -> Double {
    let ranges = survey.visits.indices.dropFirst().map { v in
      var (low, high) = (Float.infinity, -Float.infinity)
      for patch in survey.patches {
        for value in patch.visits[v].background.minus(patch.visits[0].background).pixels where value.isFinite {
          (low, high) = (min(low, value), max(high, value))
        }
      }
      return Double(high - low) / 2
    }
    return ranges.reduce(0, +) / Double(ranges.count)
  }

  @Test(arguments: [TractMatchingConfig.Strategy.reference, .global])
  func matchedBackgroundsAgree(strategy: TractMatchingConfig.Strategy) throws {
    let survey = try Self.survey.get()
    let solution = try survey.solve(strategy)
    let all = try residuals(survey, solution, half: 2000)
    #expect(all.rms < 0.02 * amplitude(survey))
    // Away from edges nothing but noise is left: that of the means of a cell's pixels in two visits, of which detections and faults
    // leave four fifths at least. Going from means to centres raises it by 17 % (the second differences), drawing a curve through the
    // cells lowers it by about as much. Some 12 cells are looked at, and one visit is in all differences, so the variance that is found
    // scatters by a fifth: three times that is 30 % of its root.
    let inner = try residuals(survey, solution, half: 220)
    let variances = survey.pixelVariances
    let others = variances.dropFirst().reduce(0, +) / Double(variances.count - 1)
    let expected = ((variances[0] + others) / (0.8 * 128 * 128)).squareRoot()
    #expect(inner.rms < 1.3 * expected)
    #expect(inner.count > 100_000)
  }

  @Test func theGlobalSolutionIsNoWorse() throws {
    let survey = try Self.survey.get()
    let reference = try residuals(survey, try survey.solve(.reference), half: 2000)
    let global = try residuals(survey, try survey.solve(.global), half: 2000)
    #expect(global.rms <= reference.rms)
  }

  /// The coadd without the background that it should have, and without all light that is always there, in its own standard deviations.
  private func pulls(
    _ survey: SurveyCoadd, _ patch: SurveyCoadd.Patch, _ coadd: Coadd, _ weights: [Double], _ solution: TractSolution
  ) throws -> Image<Float> {
    let backgrounds = try patch.visits.indices.map { v -> Image<Float> in
      let model = try BackgroundModel(try #require(solution.models[v].background)).image(in: patch.info.outerBox)
      return patch.visits[v].background.minus(model.map { -$0 })
    }
    let expected = Image<Float>.mean(backgrounds, weights)
    let light = Image<Float>.mean(patch.visits.map(\.light), weights)
    let image = coadd.exposure.maskedImage
    let residual = image.image.minus(expected).minus(light)
    var index = -1
    return Image<Float>(box: residual.box) { _, _ in
      index += 1
      return residual.pixels[index] / image.variance.pixels[index].squareRoot()
    }
  }

  @Test func theNoiseIsAsTheVariancesSay() throws {
    let survey = try Self.survey.get()
    let solution = try survey.solve(.reference)
    var blank: [Float] = []
    var ratios: [Double] = []
    for patch in survey.patches {
      let (coadd, weights) = try #require(try survey.coadd(patch, solution))
      let pulls = try pulls(survey, patch, coadd, weights, solution)
      let light = Image<Float>.mean(patch.visits.map(\.light), weights)
      let image = coadd.exposure.maskedImage
      for i in pulls.pixels.indices where pulls.pixels[i].isFinite {
        // Where sources add less than a tenth of the noise.
        guard light.pixels[i] < 0.1 * image.variance.pixels[i].squareRoot() else { continue }
        blank.append(pulls.pixels[i])
        // Where all visits count, with 1 / variance for weights, the variance is 1 / Σ (1 / variance).
        if Int(coadd.inputCount.pixels[i]) == survey.visits.count {
          let expected = 1 / patch.visits.reduce(0) { $0 + 1 / Double($1.warp.maskedImage.variance.pixels[i]) }
          ratios.append(Double(image.variance.pixels[i]) / expected)
        }
      }
    }
    let scatter = try robustScatter(blank)
    let ratio = ratios.reduce(0, +) / Double(ratios.count)
    #expect(abs(scatter - 1) < 0.02)
    #expect(abs(ratio - 1) < 0.02)
    #expect(blank.count > 100_000 && ratios.count > 50_000)
  }

  @Test func patchesHaveNoSeams() throws {
    let survey = try Self.survey.get()
    let solution = try survey.solve(.reference)
    let coadds = try survey.patches.map { try #require(try survey.coadd($0, solution)).coadd }
    var compared = 0
    for (a, first) in zip(survey.patches, coadds) {
      for (b, second) in zip(survey.patches, coadds) where a.info.index < b.info.index {
        let common = a.info.outerBox.intersection(b.info.outerBox)
        let (imageA, imageB) = (
          first.exposure.maskedImage.cropped(to: common), second.exposure.maskedImage.cropped(to: common)
        )
        var (sum, variance, count) = (0.0, 0.0, 0)
        for i in imageA.image.pixels.indices {
          let difference = Double(imageA.image.pixels[i] - imageB.image.pixels[i])
          guard difference.isFinite else { continue }
          sum += difference
          variance += Double(imageA.variance.pixels[i])
          count += 1
        }
        guard count > 1000 else { continue }
        // The same visits make both sides, so even the noise is nearly the same; the mean's noise is far larger than what is left.
        #expect(abs(sum) < 3 * variance.squareRoot())
        compared += 1
      }
    }
    #expect(compared >= 4)
  }

  /// Counts, magnitudes and PSFs together: what a catalog of the coadd would say of bright stars.
  @Test func fluxesOfStarsAreRight() throws {
    let survey = try Self.survey.get()
    let solution = try survey.solve(.reference)
    var measured: [(deviation: Double, error: Double)] = []
    var errorsOfModel: [Float] = []
    for patch in survey.patches {
      let (coadd, weights) = try #require(try survey.coadd(patch, solution))
      let backgrounds = try patch.visits.indices.map { v -> Image<Float> in
        let model = try BackgroundModel(try #require(solution.models[v].background)).image(in: patch.info.outerBox)
        return patch.visits[v].background.minus(model.map { -$0 })
      }
      let image = coadd.exposure.maskedImage
      let light = Image<Float>.mean(patch.visits.map(\.light), weights)
      let stars = image.image.minus(Image<Float>.mean(backgrounds, weights))
      let bad = try image.mask.planes.bitMask(["SAT", "NO_DATA", "EDGE"])
      for object in survey.survey.objects where object.kind == .star {
        let position = try survey.tract.wcs.skyToPixel(object.position)
        guard let pixel = position.pixel, patch.info.innerBox.contains(pixel),
          let flux = survey.survey.flux(ofObject: object.id, visit: survey.visits[0]),
          let psf = try? coadd.exposure.psf?.image(at: position), image.box.contains(psf.box),
          isIsolated(object, survey)
        else { continue }
        var (signal, pure, norm, variance, isBad) = (0.0, 0.0, 0.0, 0.0, false)
        for y in psf.box.minY..<psf.box.endY {
          for x in psf.box.minX..<psf.box.endX where abs(x - pixel.x) < 8 && abs(y - pixel.y) < 8 {
            let p = psf[x, y]
            signal += p * Double(stars[x, y])
            pure += p * Double(light[x, y])
            norm += p * p
            variance += p * p * Double(image.variance[x, y])
            isBad = isBad || image.mask[x, y] & bad != 0 || coadd.inputCount[x, y] < 5
          }
        }
        guard !isBad, flux * norm > 100 * variance.squareRoot() else { continue }
        let error = variance.squareRoot() / norm / flux
        measured.append((signal / norm / flux - 1, error))
        errorsOfModel.append(Float(pure / norm / flux - 1))
      }
    }
    #expect(measured.count >= 40)
    // Without noise only the PSF and the warps matter.
    #expect(abs(try PixelStatistics(of: errorsOfModel, .clipped)[.meanclip]) < 5e-4)
    // A cosmic ray in the core of a star may pass for seeing; such stars show in their pulls and are left out.
    let good = measured.filter { abs($0.deviation) < 3.5 * $0.error }
    #expect(good.count >= measured.count * 9 / 10)
    let weight = good.reduce(0) { $0 + 1 / ($1.error * $1.error) }
    let mean = good.reduce(0) { $0 + $1.deviation / ($1.error * $1.error) } / weight
    #expect(abs(mean) < 0.003)
  }

  /// Whether no other object adds more than a thousandth of a star's flux within its PSF.
  private func isIsolated(_ star: SkyObject, _ survey: SurveyCoadd) -> Bool {
    let own = star.fluxes[0]
    return !survey.survey.objects.contains { other in
      other.id != star.id && other.kind != .solarSystem && other.fluxes[0] > 1e-3 * own
        && other.position.separation(from: star.position).arcseconds < 5
    }
  }

  @Test func whatDoesNotStayIsGone() throws {
    let survey = try Self.survey.get()
    let solution = try survey.solve(.reference)
    var keep = AssembleCoaddConfig()
    keep.doClip = false
    /// Mean pull over the pixels that a flash of light touched: with clipping and without.
    var (rays, movers) = ((clipped: 0.0, kept: 0.0, count: 0), (clipped: 0.0, kept: 0.0, count: 0))
    for patch in survey.patches {
      let (coadd, weights) = try #require(try survey.coadd(patch, solution))
      let (plain, _) = try #require(try survey.coadd(patch, solution, keep))
      let pulls = try pulls(survey, patch, coadd, weights, solution)
      let plainPulls = try self.pulls(survey, patch, plain, weights, solution)
      let sigma = patch.visits[0].meanVariance.squareRoot()
      for i in pulls.pixels.indices where pulls.pixels[i].isFinite && coadd.inputCount.pixels[i] >= 5 {
        if patch.visits.contains(where: { $0.cosmicRays.pixels[i] > 0.5 }) {
          rays.clipped += Double(pulls.pixels[i])
          rays.kept += Double(plainPulls.pixels[i])
          rays.count += 1
        }
        if patch.visits.contains(where: { Double($0.changing.pixels[i]) > 10 * sigma }) {
          movers.clipped += Double(pulls.pixels[i])
          movers.kept += Double(plainPulls.pixels[i])
          movers.count += 1
        }
      }
    }
    #expect(rays.count > 50 && movers.count > 50)
    for light in [rays, movers] {
      #expect(light.kept / Double(light.count) > 3)
      #expect(abs(light.clipped) < 0.05 * light.kept)
    }
  }
}
