// SPDX-License-Identifier: GPL-3.0-or-later
// The scenarios of the reference system's own tests of subtraction (differencing C2), with its tolerances.

import Catalogs
import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct SubtractionScenarioTests {
  private func pair(
    science: Double = 2.4, template: Double = 2.4, noise: (Double, Double) = (1, 1), border: Int = 20
  ) throws -> (science: SubtractionScene, template: SubtractionScene) {
    (
      try SubtractionScene {
        $0.sigma = science
        $0.noise = noise.0
        $0.noiseSeed = 6
      },
      try SubtractionScene {
        $0.sigma = template
        $0.noise = noise.1
        $0.noiseSeed = 7
        $0.border = border
      }
    )
  }

  private func run(
    _ pair: (science: SubtractionScene, template: SubtractionScene),
    _ change: (inout AlardLuptonSubtractConfig) -> Void = { _ in }
  ) throws -> (task: AlardLuptonSubtractTask, result: SubtractionResult) {
    let task = try makeSubtraction(change)
    let result = try task.run(
      template: pair.template.exposure, science: pair.science.exposure, sources: pair.science.sources)
    return (task, result)
  }

  /// Scenario 1: no pair, no difference.
  @Test func mismatchesAreErrors() throws {
    let (science, template) = try pair(border: 0)
    let task = try makeSubtraction()
    #expect(throws: SubtractionError.self) {
      try task.run(
        template: template.exposure.cropped(to: science.exposure.box.grown(by: -1)), science: science.exposure,
        sources: science.sources)
    }
    var other = template.exposure
    other.filter = FilterLabel(band: "a")
    #expect {
      try task.run(template: other, science: science.exposure, sources: science.sources)
    } throws: {
      ($0 as? SubtractionError)?.category == "AssertionError" && "\($0)".contains("band g")
    }
    other = template.exposure
    other.wcs = try SubtractionScene.wcs(referenceX: 1)
    #expect(throws: SubtractionError.differentWCS) {
      try task.run(template: other, science: science.exposure, sources: science.sources)
    }
    #expect {
      let inside = science.sources.filter { row in
        science.exposure.box.grown(by: -30).contains(
          science.sources.footprint(row: row)?.peaks.first?.pixel ?? Point2I(x: 0, y: 0))
      }
      return try task.run(
        template: template.exposure, science: science.exposure, sources: inside.selecting([0]))
    } throws: {
      ($0 as? InsufficientKernelSourcesError).map { $0.nSources <= 1 && $0.nRequired == 3 } == true
    }
  }

  /// Scenario 2: a template that covers too little is no failure.
  @Test(arguments: [(0.09, false), (0.15, false), (0.7, true)])
  func littleCoverageIsNoWork(fraction: Double, succeeds: Bool) throws {
    func scene(_ sigma: Double, _ seed: UInt64, border: Int) throws -> SubtractionScene {
      try SubtractionScene {
        ($0.sigma, $0.noiseSeed, $0.border) = (sigma, seed, border)
        ($0.width, $0.height, $0.count) = (400, 400, 80)
      }
    }
    let (science, template) = (try scene(3, 6, border: 0), try scene(2, 7, border: 20))
    var partial = template.exposure
    let box = partial.box
    let rows = Int(Double(box.height) * fraction)
    try partial.maskedImage.update { image, mask, _ throws(ImagingError) in
      let missing = Box2I(minX: box.minX, minY: box.minY + rows, width: box.width, height: box.height - rows)
      image.paste(Image(box: missing, fill: .nan))
      try mask.set("NO_DATA", in: missing)
    }
    let task = try makeSubtraction()
    if succeeds {
      let result = try task.run(template: partial, science: science.exposure, sources: science.sources)
      #expect(result.difference.box == science.exposure.box)
    } else {
      #expect(throws: NoWorkFound.self) {
        try task.run(template: partial, science: science.exposure, sources: science.sources)
      }
    }
    let percent = try task.metadata.double("templateCoveragePercent")
    #expect(abs(percent - 100 * fraction) < 5)
  }

  /// Scenarios 3 to 5: the noise of the difference is that of both images, in whichever direction.
  @Test(arguments: [
    (2.4, 2.4, 1.0, 1.0), (2.4, 2.0, 1, 1), (2.4, 2.0, 1, 0.1), (2.4, 2.0, 0.1, 0.1), (2.0, 2.4, 1, 1),
    (2.0, 2.4, 0.1, 1), (2.0, 2.4, 0.1, 0.1),
  ])
  func theNoiseIsThatOfBoth(science: Double, template: Double, noiseS: Double, noiseT: Double) throws {
    let scenes = try pair(science: science, template: template, noise: (noiseS, noiseT))
    let (task, result) = try run(scenes) {
      $0.mode = science >= template ? .convolveTemplate : .convolveScience
      // Scenario 14 wants the template's, as it is.
      $0.doConvolvePsf = false
    }
    let difference = result.difference.maskedImage
    // Convolution takes noise off one of the images; decorrelation, which is another task's, would put it back. So the variance plane is
    // compared with the pixels, and the pixels with what is left of both.
    let kernel = result.psfMatchingKernel.kernel.image(at: difference.box.center)
    let squares = kernel.pixels.reduce(0) { $0 + $1 * $1 }
    let sum = kernel.sum
    let expected =
      science >= template
      ? noiseS * noiseS + squares * noiseT * noiseT : (squares * noiseS * noiseS + noiseT * noiseT) / (sum * sum)
    let found = try clippedStatistics(difference.image, difference.mask)
    let planes = try clippedStatistics(difference.variance, difference.mask)
    let meanError = (noiseS + noiseT) / Double(found.count).squareRoot()
    #expect(abs(found.mean) <= 5 * meanError)
    #expect(abs(found.scatter - expected.squareRoot()) <= 0.1 * expected.squareRoot())
    #expect(abs(planes.mean - expected) <= 0.1 * expected)
    for key in ["scaleTemplateVarianceFactor", "scaleScienceVarianceFactor"] {
      #expect(abs(try task.metadata.double(key) - 1) < 0.05)
    }
    if science >= template { #expect(!difference.image.pixels.contains { !$0.isFinite }) }
    #expect(result.difference.wcs == scenes.science.exposure.wcs && result.difference.filter?.band == "g")
    #expect(result.difference.photoCalib == scenes.science.exposure.photoCalib)
    // Scenario 14.
    let psf = try #require(result.difference.psf as? KernelPSF)
    let own = (science >= template ? scenes.science : scenes.template).exposure.psf as? KernelPSF
    #expect(psf == own)
  }

  /// Scenario 6: `auto` is one of the two, bit for bit.
  @Test(arguments: [(2.4, 2.0), (2.0, 2.4)])
  func autoConvolvesTheSharperOne(science: Double, template: Double) throws {
    let scenes = try pair(science: science, template: template)
    let (task, own) = try run(scenes) { $0.mode = .auto }
    let (_, other) = try run(scenes) { $0.mode = template < science ? .convolveTemplate : .convolveScience }
    #expect(own.difference.maskedImage == other.difference.maskedImage)
    #expect(try task.metadata.string("convolvedExposure") == (template < science ? "Template" : "Science"))
  }

  /// Scenario 7: swapping the images changes the sign.
  @Test func swappingChangesTheSign() throws {
    let (a, b) = try pair(science: 2.0, template: 2.4, border: 0)
    let first = try run((science: a, template: b)) { $0.mode = .auto }.result.difference.maskedImage
    let second = try run((science: b, template: a)) { $0.mode = .auto }.result.difference.maskedImage
    var sum = first.image
    sum.add(second.image)
    let found = try clippedStatistics(sum, first.mask)
    #expect(abs(found.mean) <= 5 * 2 / Double(found.count).squareRoot())
    // Both are K ⋆ A − B on nearly the same scale, so what is left is far below the noise of either.
    #expect(found.scatter < 0.2)
  }

  /// Scenario 8: with equal PSFs both directions are the plain difference.
  @Test(arguments: [2.4, 2.0, 2.8]) func equalPSFsGiveThePlainDifference(sigma: Double) throws {
    let scenes = try pair(science: sigma, template: sigma, noise: (0.1, 0.1), border: 0)
    let plain = zip(
      scenes.science.exposure.maskedImage.image.pixels, scenes.template.exposure.maskedImage.image.pixels
    ).map { $0 - $1 }
    var found: [[Float]] = []
    for mode in [SubtractionMode.convolveTemplate, .convolveScience] {
      let difference = try run(scenes) { $0.mode = mode }.result.difference.maskedImage
      let inside = difference.mask.planes.bitMask(ofExisting: ["EDGE"])
      for i in plain.indices where difference.mask.bits.pixels[i] & inside == 0 {
        #expect(abs(difference.image.pixels[i] - plain[i]) < 0.5)
      }
      found.append(difference.image.pixels)
    }
    for (a, b) in zip(found[0], found[1]) { #expect(abs(a - b) < 1) }
  }

  /// Scenario 9: the background is found and subtracted.
  @Test(arguments: [SubtractionMode.convolveTemplate, .convolveScience])
  func theBackgroundIsSubtracted(mode: SubtractionMode) throws {
    let coefficients = [2.2, 2.1, 2.0, 1.2, 1.1, 1.0]
    func scene(_ seed: UInt64, border: Int, background: [Double]) throws -> SubtractionScene {
      try SubtractionScene {
        ($0.noiseSeed, $0.border, $0.background) = (seed, border, background)
        ($0.width, $0.height, $0.x0, $0.y0, $0.count) = (512, 512, 123, 456, 80)
      }
    }
    let (science, template) = (
      try scene(6, border: 0, background: coefficients), try scene(7, border: 20, background: [])
    )
    let (_, result) = try run((science: science, template: template)) {
      $0.mode = mode
      $0.doSubtractBackground = true
    }
    let fitted = try #require(result.psfMatchingKernel.background?.coefficients)
    let sign = mode == .convolveTemplate ? 1.0 : -1
    #expect(fitted.count == coefficients.count)
    for (own, truth) in zip(fitted, coefficients) { #expect(abs(sign * own - truth) < 0.3 * truth) }
    let difference = result.difference.maskedImage
    let found = try clippedStatistics(difference.image, difference.mask)
    let variance = try clippedStatistics(difference.variance, difference.mask)
    #expect(abs(found.scatter - variance.mean.squareRoot()) < 0.1 * variance.mean.squareRoot())
    #expect(abs(found.mean) < 0.1)
    let level = try #require(result.backgroundModel)
    #expect(level.box == difference.box)
  }

  /// Scenario 10: variances that are too small by a factor are scaled by it.
  @Test func variancesAreScaled() throws {
    let factor = 1.345
    func scene(_ noise: Double, _ seed: UInt64, border: Int) throws -> SubtractionScene {
      try SubtractionScene {
        ($0.noise, $0.noiseSeed, $0.border, $0.varianceError, $0.flux) = (noise, seed, border, factor, 4000)
      }
    }
    let (science, template) = (try scene(4, 6, border: 0), try scene(2, 7, border: 20))
    for doScale in [true, false] {
      let (task, result) = try run((science: science, template: template)) { $0.doScaleVariance = doScale }
      if doScale {
        for key in ["scaleTemplateVarianceFactor", "scaleScienceVarianceFactor"] {
          #expect(abs(try task.metadata.double(key) - factor) < 0.05)
        }
      } else {
        #expect(!task.metadata.contains("scaleScienceVarianceFactor"))
      }
      let (difference, matched) = (result.difference.maskedImage, result.matchedTemplate.maskedImage)
      let own = try clippedStatistics(science.exposure.maskedImage.variance, science.exposure.maskedImage.mask)
      let other = try clippedStatistics(matched.variance, matched.mask)
      let expected = own.mean * (doScale ? factor : 1) + other.mean
      let found = try clippedStatistics(difference.variance, difference.mask)
      #expect(abs(found.mean - expected) < 0.1 * expected)
    }
  }

  /// Scenario 11: what becomes of masks.
  @Test func masksGoAsTheyShould() throws {
    var (science, template) = try pair(science: 2.4, template: 2.0)
    let inner = science.exposure.box
    func mark(_ scene: inout SubtractionScene, _ names: [String], offset: Int) throws {
      try scene.exposure.maskedImage.update { _, mask, _ throws(ImagingError) in
        for (k, name) in names.enumerated() {
          try mask.addPlane(name)
          try mask.set(
            name, in: Box2I(minX: inner.minX + 30 * k + offset, minY: inner.minY + 4, width: 5, height: 3))
        }
      }
    }
    try mark(&science, ["BAD", "SAT", "INTRP", "CR", "SUSPECT", "FAKE"], offset: 3)
    try mark(&template, ["BAD", "SAT", "INTRP", "CR", "SUSPECT", "FAKE"], offset: 17)
    let (_, result) = try run((science: science, template: template))
    let (mask, before) = (result.difference.maskedImage.mask, science.exposure.maskedImage.mask)
    #expect(mask.count(try mask.planes.bitMask(["DETECTED", "DETECTED_NEGATIVE"])) == 0)
    for name in ["BAD", "SAT", "INTRP", "CR", "SUSPECT", "FAKE"] {
      #expect(mask.count(try mask.planes.bitMask(name)) >= before.count(try before.planes.bitMask(name)), "\(name)")
    }
    func pixels(_ mask: Mask, _ name: String) throws -> [Bool] {
      let pattern = try mask.planes.bitMask(name)
      return mask.cropped(to: inner).bits.pixels.map { $0 & pattern != 0 }
    }
    #expect(try pixels(mask, "INJECTED") == pixels(before, "FAKE"))
    #expect(try pixels(mask, "INJECTED_TEMPLATE") == pixels(template.exposure.maskedImage.mask, "FAKE"))
    let kernel = result.psfMatchingKernel.kernel
    // Spread by the kernel; the box in the template is 5 by 3 pixels, its lower edge 4 above the image's.
    let spread = (5 + kernel.width - 1) * (3 + kernel.height / 2 + 4)
    #expect(mask.count(try mask.planes.bitMask("SAT_TEMPLATE")) == spread)
    #expect(mask.count(try mask.planes.bitMask("SUSPECT")) == before.count(try before.planes.bitMask("SUSPECT")))
    // A second time gives the same: nothing is remembered.
    let (_, again) = try run((science: science, template: template))
    #expect(again.difference.maskedImage == result.difference.maskedImage)
  }

  /// Scenario 12: as many sources as are asked for, those of highest signal to noise.
  @Test func sourcesAreSelected() throws {
    let scenes = try pair()
    let all = try #require(try run(scenes).result.kernelSources)
    #expect(all.rowCount > 8)
    let few = try #require(try run(scenes) { $0.candidates.maxKernelSources = 5 }.result.kernelSources)
    #expect(few.rowCount == 5)
    func ratios(_ catalog: Catalog) throws -> [Double] {
      let slot = try catalog.schema.fluxSlot(.psfFlux)
      return (0..<catalog.rowCount).map { catalog[slot.instFlux, $0] / catalog[slot.instFluxErr, $0] }
    }
    #expect(try ratios(few).sorted() == ratios(all).sorted().suffix(5))
    #expect(throws: InsufficientKernelSourcesError.self) {
      try run(scenes) { $0.candidates.minKernelSources = 1000 }
    }
  }

  /// Scenario 13: a subtraction that went well says so, and one that did not too.
  @Test func theResidualsAreMeasured() throws {
    func ratio(_ template: Double, noise: Double) throws -> (mean: Double, task: AlardLuptonSubtractTask) {
      let scenes = (
        science: try SubtractionScene {
          ($0.sigma, $0.noise, $0.flux, $0.count) = (2.8, 0.25, 5000, 20)
        },
        template: try SubtractionScene {
          ($0.sigma, $0.noise, $0.noiseSeed, $0.border, $0.flux) = (template, noise, 7, 20, 5000)
        }
      )
      let task = try run(scenes).task
      return (try task.metadata.double("differenceFootprintRatioMean"), task)
    }
    let good = try ratio(2.4, noise: 0.25)
    #expect(good.mean < 0.02)
    #expect(try ratio(9.5, noise: 0.25).mean > 0.12)
    func flux(_ key: String) throws -> Double { pow(10, -0.4 * (try good.task.metadata.double(key))) }
    let both = hypot(try flux("scienceLimitingMagnitude"), try flux("templateLimitingMagnitude"))
    #expect(abs(try flux("diffimLimitingMagnitude") / both - 1) < 1e-6)
  }

  /// Scenario 13, the PSF undefined at its average position: sizes come from a grid.
  @Test func aPSFWithAHoleHasASize() throws {
    struct Holed: PSF {
      let psf: KernelPSF
      var averagePosition: Point2D { psf.averagePosition }
      func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
        guard position != averagePosition else { throw .outOfRange("there is a hole") }
        return psf.kernel
      }
    }
    var scenes = try pair(template: 2.0)
    let whole = try run(scenes)
    let psf = try #require(scenes.template.exposure.psf as? KernelPSF)
    scenes.template.exposure.psf = Holed(psf: psf)
    let (task, result) = try run(scenes)
    #expect(result.difference.maskedImage == whole.result.difference.maskedImage)
    let own = try task.metadata.double("templatePsfSize")
    #expect(abs(own - (try whole.task.metadata.double("templatePsfSize"))) < 1e-9)
    struct Nowhere: PSF {
      let averagePosition: Point2D
      func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> { throw .outOfRange("nowhere") }
    }
    scenes.template.exposure.psf = Nowhere(averagePosition: scenes.template.exposure.box.center)
    #expect {
      try run(scenes)
    } throws: {
      ($0 as? UnknownPSFSizeError)?.category == "ValueError"
    }
    scenes.template.exposure.psf = nil
    #expect(throws: UnknownPSFSizeError.self) { try run(scenes) }
  }

  /// Scenario 15: a known kernel gives the same difference, bit for bit; stars can be sought on the image itself.
  @Test func aKnownKernelGivesTheSame() throws {
    let scenes = try pair(template: 2.0)
    let (_, result) = try run(scenes)
    let again = try makeSubtraction().run(
      template: scenes.template.exposure, science: scenes.science.exposure, sources: nil,
      kernel: result.psfMatchingKernel)
    #expect(again.difference.maskedImage == result.difference.maskedImage)
    #expect(again.kernelSources == nil)
    let own = try makeSubtraction { $0.allowKernelSourceDetection = true }.run(
      template: scenes.template.exposure, science: scenes.science.exposure,
      sources: Catalog(scenes.science.sources.schema))
    #expect(own.kernelSources == nil)
    let found = try clippedStatistics(own.difference.maskedImage.image, own.difference.maskedImage.mask)
    let variance = try clippedStatistics(own.difference.maskedImage.variance, own.difference.maskedImage.mask)
    #expect(abs(found.scatter / variance.mean.squareRoot() - 1) < 0.1)
    var empty = scenes.science.exposure
    try empty.maskedImage.update { image, _, _ in image = noiseImage(image.box, seed: 9) }
    #expect {
      try makeSubtraction { $0.allowKernelSourceDetection = true }.run(
        template: scenes.template.exposure, science: empty, sources: Catalog(scenes.science.sources.schema))
    } throws: {
      ($0 as? NoKernelSourcesError)?.category == "RuntimeError"
    }
  }
}
