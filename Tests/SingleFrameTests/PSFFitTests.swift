// SPDX-License-Identifier: GPL-3.0-or-later
// PSF models against the truth.

import Imaging
import Measurement
import SingleFrame
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct PSFFitTests {
  /// The largest Σ(model − truth)²/Σtruth² at 5×5 places all over the field, and the largest error of the FWHM at the inner 3×3 of them.
  private func errors(_ psf: any PSF, _ truth: MoffatField) throws -> (image: Double, fwhm: Double) {
    var (image, fwhm) = (0.0, 0.0)
    for j in 0..<5 {
      for i in 0..<5 {
        let place = Point2D(x: Double(i) / 4 * (truth.side - 1), y: Double(j) / 4 * (truth.side - 1))
        let model = try psf.kernelImage(at: place)
        let expected = truth.stamp(at: place, half: model.width / 2)
        var (difference, all) = (0.0, 0.0)
        for k in model.pixels.indices {
          difference += (model.pixels[k] - expected.pixels[k]) * (model.pixels[k] - expected.pixels[k])
          all += expected.pixels[k] * expected.pixels[k]
        }
        image = max(image, difference / all)
        guard (1...3).contains(i), (1...3).contains(j) else { continue }
        fwhm = max(fwhm, abs(adaptiveMoments(ofPSF: model).fwhm / adaptiveMoments(ofPSF: expected).fwhm - 1))
      }
    }
    return (image, fwhm)
  }

  @Test(arguments: [4.0, 2.3]) func varyingPSFsAreFound(fwhm: Double) throws {
    var truth = MoffatField()
    truth.fwhm = fwhm
    let field = try SimulatedField(count: 60, psf: truth, seed: 31)
    let result = try CharacterizeImageTask().run(field.exposure, keepSky: true)
    let fit = try #require(result.psfFit)
    #expect(fit.psf is PSFExModel == (fwhm < 3))
    #expect(fit.usedStars.count >= 20 && fit.order == 2)
    let error = try errors(fit.psf, field.psf)
    #expect(error.image < 1e-3 && error.fwhm < 0.01, "\(error)")
    // Fluxes of stars that are alone, at 50 standard deviations and more.
    var ratios: [Double] = []
    for (position, flux) in zip(fit.positions, fit.fluxes) {
      guard let star = field.stars.first(where: { $0.position.distance(to: position) < 0.5 }) else { continue }
      let isAlone = !field.stars.contains { $0.position != star.position && $0.position.distance(to: position) < 30 }
      if isAlone { ratios.append(flux / star.flux) }
    }
    ratios.sort()
    #expect(ratios.count >= 8)
    // The stamp holds all but some thousandths of the light.
    #expect(abs(ratios[ratios.count / 2] - 1) < 0.005, "\(ratios)")
  }

  @Test func whatTheModelLeavesIsNoise() throws {
    let field = try SimulatedField(count: 40, range: 20...300, seed: 32)
    let fit = try #require(try CharacterizeImageTask().run(field.exposure, keepSky: true).psfFit)
    let chi2 = fit.reducedChi2.sorted()
    // A stamp has 1225 pixels, so that χ² of one scatters by 0.04.
    #expect(abs(chi2[chi2.count / 2] - 1) < 0.03, "\(chi2)")
    #expect((chi2.last ?? 0) < 1.3, "\(chi2)")
    #expect((chi2.first ?? 0) > 0.85, "\(chi2)")
  }

  @Test func ordersFallWithTheStars() throws {
    let image = try SimulatedField(count: 6, range: 100...2000, seed: 33)
    let stars = image.stars.map {
      StarMeasurement(
        position: $0.position, size: 1.9, signalToNoise: 100, height: $0.flux / 25, isGood: true, isIsolated: true)
    }
    #expect(try PSFFit(to: stars, on: image.exposure.maskedImage).order == 0)
    let gaussian = try PSFFit(to: Array(stars.prefix(2)), on: image.exposure.maskedImage)
    #expect(gaussian.order == nil && gaussian.psf is KernelPSF)
    #expect(abs(gaussian.fwhm - 1.9 * 2.3548) < 0.01)
    #expect(throws: ImagingError.self) { try PSFFit(to: [], on: image.exposure.maskedImage) }
  }

  @Test func equalInputGivesEqualBits() throws {
    let field = try SimulatedField(side: 256, count: 20, seed: 34)
    let task = try CharacterizeImageTask()
    let (a, b) = (try task.run(field.exposure), try task.run(field.exposure))
    let place = Point2D(x: 77, y: 123)
    let (psfA, psfB) = (try #require(a.exposure.psf), try #require(b.exposure.psf))
    #expect(try psfA.kernelImage(at: place) == psfB.kernelImage(at: place))
    #expect(a.sources == b.sources)
    #expect(a.exposure.maskedImage == b.exposure.maskedImage)
  }
}
