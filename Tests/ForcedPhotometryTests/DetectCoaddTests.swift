// SPDX-License-Identifier: GPL-3.0-or-later
// Detection on coadds: their background, noise and sources.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import TestSupport
import Testing

@Suite struct DetectCoaddTests {
  private static let coadds = [1.0, 0.7].map { scale in Result { try TrueCoadd(seed: 11, pixelScale: scale) } }

  private func task(_ change: (inout DetectCoaddSourcesConfig) -> Void = { _ in }) throws -> DetectCoaddSourcesTask {
    var config = DetectCoaddSourcesConfig()
    change(&config)
    return try DetectCoaddSourcesTask(config: config)
  }

  /// Warps share noise between pixels, the more the finer the coadd's pixels are.
  @Test(arguments: [0, 1])
  func errorsOfSourcesAreRight(_ index: Int) throws {
    let coadd = try Self.coadds[index].get()
    let task = try task()
    let found = try task.run(coadd.exposure)
    let scale = try task.metadata.double("varianceScale")
    let before = try PSFFits(coadd.exposure.maskedImage.image.less(coadd.light), coadd.exposure, light: coadd.light)
    let after = try PSFFits(found.exposure.maskedImage.image, found.exposure, light: coadd.light)
    let noise = try PSFFits(
      coadd.exposure.maskedImage.image.less(coadd.light), found.exposure, light: coadd.light)
    // Some 400² pixels hold 2000 fits that share none: their scatter is known to 1.6 %.
    #expect(before.scatter(whereLightIsBelow: 5).deviation > 1.05)
    #expect(abs(noise.scatter(whereLightIsBelow: 5).deviation - 1) < 0.05)
    let blank = after.scatter(whereLightIsBelow: 0.2)
    #expect(abs(blank.deviation - 1) < 0.05 && blank.count > 500)
    // The plane was right for single pixels.
    #expect(try abs(task.metadata.double("varianceScaleOfPixels") - 1) < 0.06)
    #expect(scale > (index == 0 ? 1.1 : 1.8))
    #expect(task.warnings.isEmpty)
  }

  @Test func theBackgroundGoesAndTheStarsStay() throws {
    let coadd = try Self.coadds[0].get()
    let truth = try coadd.adding { x, y in 40 * x - 25 * y + 20 * x * y - 15 * (x * x + y * y) + 12 }
    let found = try task().run(truth.exposure)
    let model = try #require(found.background).image()
    let sky = truth.exposure.maskedImage.image.less(coadd.exposure.maskedImage.image)
    let error = model.less(sky)
    // What is subtracted is the model.
    let left = truth.exposure.maskedImage.image.less(model)
    #expect(
      zip(left.pixels, found.exposure.maskedImage.image.pixels).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
    let values = error.pixels.map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    let rms = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    let noise = try PixelStatistics(of: coadd.exposure.maskedImage.variance, .quartiles).median.squareRoot()
    // Faint light that nobody can tell from the sky is a part of it.
    #expect(abs(mean) < 0.03 * noise && rms < 0.05 * noise)
    var stars: [(bias: Double, significance: Double)] = []
    for object in truth.survey.objects where object.kind == .star {
      let position = try truth.wcs.skyToPixel(object.position)
      guard let pixel = position.pixel, truth.exposure.box.grown(by: -30).contains(pixel),
        let flux = truth.survey.flux(ofObject: object.id, visit: truth.survey.visits[0].number),
        let psf = try? found.exposure.psf?.image(at: position)
      else { continue }
      let fit = StampSums(of: psf, on: found.exposure.maskedImage)
      let significance = flux * fit.squares / fit.variances.squareRoot()
      guard significance > 50 else { continue }
      let taken = StampSums(
        of: psf, on: try MaskedImage(image: error, mask: Mask(box: error.box), variance: error.map { _ in 1 }))
      stars.append((-taken.products / taken.squares / flux, significance))
    }
    #expect(stars.count >= 15)
    // An error of the background is small beside that of any star; of a bright one it is below a thousandth.
    #expect(stars.allSatisfy { abs($0.bias) * $0.significance < 0.5 })
    let bright = stars.filter { $0.significance > 400 }
    #expect(bright.count >= 3 && bright.allSatisfy { abs($0.bias) < 1e-3 })
  }

  /// A star that outshines everything, with the wings of a Moffat profile (β = 2.5).
  @Test func wingsOfABrightStarAreNoBackground() throws {
    let plain = try whiteCoadd(side: 500, seed: 21)
    let (box, flux, width) = (plain.box, 3e6, 3.5)
    let center = Point2D(x: box.center.x + 11.3, y: box.center.y - 20.6)
    let star = Image<Float>(box: box) { x, y in
      let r2 = pow(Double(x) - center.x, 2) + pow(Double(y) - center.y, 2)
      return Float(flux * 1.5 / (.pi * width * width) * pow(1 + r2 / (width * width), -2.5))
    }
    var bright = plain
    try bright.maskedImage.update { image, _, variance throws(ImagingError) in
      // Its own noise as well.
      image.add(star, times: 1)
      variance.add(star, times: 1)
    }
    let psf = try KernelPSF(
      Image(box: Box2I(minX: -20, minY: -20, width: 41, height: 41)) { x, y in
        pow(1 + Double(x * x + y * y) / (width * width), -2.5)
      }, averagePosition: box.center)
    bright.psf = psf
    let model = try #require(try task().run(bright).background).image()
    let none = try #require(try task().run(plain).background).image()
    let taken = StampSums(
      of: try psf.image(at: center),
      on: try MaskedImage(image: model.less(none), mask: Mask(box: box), variance: model.map { _ in 1 }))
    let bias = taken.products / taken.squares / flux
    #expect(abs(bias) < 1e-4)
  }

  /// White noise whose variance the plane has wrong by a factor.
  @Test(arguments: [(4.0, 1 as UInt64), (1.0, 2), (0.4, 3)])
  func aWrongVarianceIsPutRight(factor: Double, seed: UInt64) throws {
    let exposure = try whiteCoadd(variance: 9 / factor, seed: seed)
    let task = try task()
    let found = try task.run(exposure)
    // 400² pixels hold some 2500 fits that share none: the factor is known to 2 · 1.1 / √5000 = 3 %.
    let scale = try task.metadata.double("varianceScale")
    #expect(abs(scale / factor - 1) < 0.09)
    #expect(try abs(task.metadata.double("varianceScaleOfPixels") / factor - 1) < 0.03)
    let plane = Float(9 / factor) * Float(scale)
    #expect(found.exposure.maskedImage.variance.pixels.allSatisfy { $0 == plane })
    // Noise alone: with the right threshold there is next to nothing.
    #expect(found.sources.rowCount <= 1)
    let off = try self.task { $0.doScaleVariance = false }.run(exposure).exposure.maskedImage.variance
    #expect(off == exposure.maskedImage.variance)
  }

  /// Light that nobody detects fills the upper side of the noise only.
  @Test func faintSourcesAreNoNoise() throws {
    var random = SeededRandom(3)
    var stars: [(x: Double, y: Double, flux: Double)] = []
    // A PSF of σ = 2 pixels has 4πσ² = 50 pixels, so that 5 standard errors are 106; 230 stars of 20 to 90 on 3200 areas of the PSF, and 60 brighter ones.
    for _ in 0..<230 {
      stars.append((random.uniform(0...400), random.uniform(0...400), random.uniform(20...90)))
    }
    for _ in 0..<60 {
      stars.append((random.uniform(0...400), random.uniform(0...400), exp(random.uniform(5...9))))
    }
    let task = try task()
    _ = try task.run(try whiteCoadd(seed: 4, stars: stars))
    let scale = try task.metadata.double("varianceScale")
    // As above, and 5 % for what is left.
    #expect(abs(scale - 1) < 0.14)
  }

  @Test func aFactorBeyondTheLimitsIsNotApplied() throws {
    let exposure = try whiteCoadd(side: 300, variance: 0.09, seed: 5)
    let task = try task()
    let found = try task.run(exposure)
    #expect(found.exposure.maskedImage.variance == exposure.maskedImage.variance)
    #expect(try task.metadata.double("varianceScale") == 1)
    #expect(try abs(task.metadata.double("varianceScaleRejected") / 100 - 1) < 0.2)
    #expect(task.warnings.count == 1)
    // An image too small to tell.
    let small = try self.task()
    let tiny = try whiteCoadd(side: 60, seed: 6)
    #expect(try small.run(tiny).exposure.maskedImage.variance == tiny.maskedImage.variance)
    #expect(try small.metadata.double("varianceScale") == 1 && small.warnings.count == 1)
  }

  @Test func starsAreFoundWhereTheyAre() throws {
    var stars: [(x: Double, y: Double, flux: Double)] = []
    for i in 0..<25 { stars.append((40 + 80 * Double(i % 5), 40 + 80 * Double(i / 5), 400 + 200 * Double(i))) }
    stars.append((46, 47, 900))
    let exposure = try whiteCoadd(seed: 7, stars: stars)
    let task = try task()
    let found = try task.run(exposure, idFactory: try IDFactory(catalogID: 12, reserved: 30))
    let sources = found.sources
    // The last is 3.5 σ · √2 from the first: one footprint, two peaks.
    #expect(sources.rowCount == 25 && sources.schema == task.schema)
    #expect(try sources.column("id", as: Int64.self) == (1...25).map { 12 << 30 | $0 })
    #expect(try sources.column("parent", as: Int64.self).allSatisfy { $0 == 0 })
    let coord = try CoordKey(in: sources.schema)
    let wcs = try #require(exposure.wcs)
    var near = Set<Int>()
    for row in 0..<sources.rowCount {
      let footprint = try #require(sources.footprint(row: row))
      let peak = try #require(footprint.peaks.first)
      #expect(try wcs.skyToPixel(sources[coord, row]).distance(to: peak.position) < 1e-6)
      #expect(footprint.spans.contains(peak.pixel) && peak.significance > 5)
      let detected = try found.exposure.maskedImage.mask.planes.bitMask("DETECTED")
      #expect(found.exposure.maskedImage.mask[peak.pixel.x, peak.pixel.y] & detected != 0)
      let star = stars.indices.first { i in
        peak.position.distance(
          to: Point2D(x: Double(exposure.box.minX) + stars[i].x, y: Double(exposure.box.minY) + stars[i].y)) < 2
      }
      near.insert(try #require(star))
    }
    #expect(near.count == 25)
    let peakCount = sources.footprints.reduce(0) { $0 + ($1?.peaks.count ?? 0) }
    #expect(peakCount == 26)
    // The same bits again.
    let again = try self.task().run(exposure, idFactory: try IDFactory(catalogID: 12, reserved: 30))
    #expect(again.sources == sources && again.exposure.maskedImage == found.exposure.maskedImage)
    #expect(again.background?.background.values == found.background?.background.values)
  }

  @Test func placesWithoutDataAreNone() throws {
    var exposure = try whiteCoadd(seed: 8, stars: [(200, 200, 3000), (40, 300, 3000)])
    let box = exposure.box
    // A corner, a third of the image, and single pixels.
    let gone = [
      Box2I(minX: box.minX, minY: box.minY, width: 130, height: 400),
      Box2I(minX: box.minX + 300, minY: box.minY + 90, width: 1, height: 1),
      Box2I(minX: box.minX + 350, minY: box.minY + 350, width: 50, height: 50),
    ]
    try exposure.maskedImage.update { image, mask, variance throws(ImagingError) in
      for part in gone {
        try mask.set("NO_DATA", in: part)
        image.paste(Image(box: part, fill: .nan))
        variance.paste(Image(box: part, fill: .infinity))
      }
    }
    let task = try task()
    let found = try task.run(exposure)
    #expect(found.sources.rowCount == 1)
    #expect(found.sources.footprint(row: 0)?.peaks.first?.pixel == Point2I(x: 300, y: 170))
    // The smaller field knows the factor to 4 %.
    #expect(try abs(task.metadata.double("varianceScale") - 1) < 0.12)
    let image = found.exposure.maskedImage
    #expect(zip(image.image.pixels, exposure.maskedImage.image.pixels).allSatisfy { $0.isNaN == $1.isNaN })
  }

  @Test func aCoaddWithoutDataHasNoSources() throws {
    let exposure = Exposure(try MaskedImage(withoutDataOver: Box2I(minX: 5, minY: 6, width: 200, height: 150)))
    let task = try task()
    let found = try task.run(exposure)
    #expect(found.sources.rowCount == 0 && found.sources.schema == task.schema && found.background == nil)
    #expect(task.warnings.count == 1)
    #expect(found.exposure.maskedImage.image.pixels.allSatisfy { $0.isNaN })
    #expect(found.exposure.maskedImage.mask.planes.contains("DETECTED"))
    // Without a PSF but with data it is an error.
    var blind = try whiteCoadd(side: 100, seed: 9)
    blind.psf = nil
    #expect(throws: DetectionError.self) { try self.task().run(blind) }
  }

  @Test func onlyLightIsASource() throws {
    var config = DetectCoaddSourcesConfig()
    try config.validateAll()
    try config.detection.update(SourceDetectionConfig.self) { $0.thresholdPolarity = .both }
    #expect(throws: ConfigProblem.self) { try config.validateAll() }
    #expect(try task().schemaCatalogs().keys.elementsEqual(["deepCoadd_det"]))
  }
}
