// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  /// `skydiff subtract` on files.
  @Suite(.serialized) struct SubtractCommandTests {
    static let side = 200
    static let level: Float = 300

    /// Stars of a width on sky and noise; the science image has one more.
    private func image(
      sigma: Double, scale: Double, seed: UInt64, extra: Bool = false, count: Int = 40, sky: Float = level
    ) -> Image<Float> {
      let box = Box2I(width: Self.side, height: Self.side)
      var image = noiseImage(box, level: Double(sky), sigma: 5, seed: seed)
      var random = SeededRandom(17)
      for _ in 0..<count {
        let position = Point2D(x: random.uniform(4...195), y: random.uniform(4...195))
        addStar(to: &image, at: position, sigma: sigma, flux: scale * 1500 * pow(0.02 + random.uniform(), -1))
      }
      if extra { addStar(to: &image, at: Self.transient, sigma: sigma, flux: 4000) }
      return image
    }

    private static let transient = Point2D(x: 101.3, y: 96.8)

    private func write(_ image: Image<Float>, _ path: String) throws {
      try AtomicFile().publish(try fitsFile(of: image, unit: "", name: path), to: path)
    }

    /// Runs a test in a folder with `science.fits` and `template.fits`: images and nothing else.
    private func inFolder(_ body: (String) throws -> Void) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        try write(image(sigma: 2.2, scale: 1, seed: 1, extra: true), "\(folder)/science.fits")
        try write(image(sigma: 1.8, scale: 0.7, seed: 2), "\(folder)/template.fits")
        try body(folder)
      }
    }

    private func run(_ arguments: [String], in folder: String) throws -> SkydiffProgram.Result {
      try SkydiffProgram.run(["subtract"] + arguments, in: folder)
    }

    private func exposure(_ path: String) throws -> Dataset<Exposure> {
      try Dataset(decoding: try readFile(path), name: path)
    }

    @Test func imagesAndNothingElse() throws {
      try inFolder { folder in
        let end = try run(["science.fits", "template.fits", "--output", "out", "--fits"], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        #expect(end.output.contains("the template is convolved") && end.output.contains("out/difference.h5\n"))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted()
        #expect(
          names == [
            "difference.fits", "difference.h5", "kernel.fits", "kernel.h5", "matchedTemplate.fits",
            "matchedTemplate.h5", "metadata.json", "quicklook.png", "score.fits", "score.h5",
          ])
        let difference = try exposure(folder + "/out/difference.h5")
        let found = difference.content.maskedImage
        // Sky is gone, stars are gone, what is new stays with its flux.
        let statistics = try PixelStatistics(of: found.image, .all)
        #expect(abs(statistics.median) < 0.3)
        // The noise of both, that of the template brought to the science image's scale.
        let noise = (25 + 25 / 0.49).squareRoot()
        #expect(abs(statistics.robustStandardDeviation / noise - 1) < 0.05)
        #expect(abs(try PixelStatistics(of: found.variance, .all).median / (noise * noise) - 1) < 0.1)
        let score = try exposure(folder + "/out/score.h5")
        let signal = score.content.maskedImage
        #expect(try score.metadata.boolean("subtraction.isScore"))
        #expect(
          score.content.box == difference.content.box
            && signal.image[101, 97] / signal.variance[101, 97].squareRoot() > 30)
        let about = Box2I(minX: 91, minY: 87, width: 21, height: 21)
        #expect(abs(found.image.cropped(to: about).sum - 4000) < 5 * 5 * 21 + 100)
        #expect(difference.content.psf != nil)
        let sum = try difference.metadata.double("subtraction.kernelSum")
        #expect(abs(sum - 1 / 0.7) < 0.03)
        #expect(try difference.metadata.string("subtraction.convolvedExposure") == "Template")
        #expect(try difference.metadata.boolean("subtraction.isScore") == false)
        #expect(difference.provenance.inputs.map(\.dataID) == ["science.fits", "template.fits"])
        let kernel = try Dataset<MatchingKernel>(
          decoding: try readFile(folder + "/out/kernel.h5"), name: "kernel.h5"
        ).content
        #expect(abs(kernel.sum(at: found.box.center) - sum) < 1e-9)
        // FITS is the same, and h5py, astropy and a PNG reader read it.
        let fits = try FITSExposure(folder + "/out/difference.fits")
        #expect(fits.image == found.image && fits.psf != nil)
        let png = try readFile(folder + "/out/quicklook.png")
        #expect(png.prefix(8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
      }
    }

    @Test func theSameBytesAgainAndNothingIsOverwritten() throws {
      try inFolder { folder in
        for out in ["one", "two"] {
          #expect(try run(["science.fits", "template.fits", "-o", out], in: folder).status == 0)
        }
        for name in ["difference.h5", "matchedTemplate.h5", "kernel.h5", "quicklook.png", "metadata.json"] {
          #expect(try readFile("\(folder)/one/\(name)") == readFile("\(folder)/two/\(name)"), "\(name)")
        }
        let refused = try run(["science.fits", "template.fits", "-o", "one"], in: folder)
        #expect(refused.status == 73 && refused.errors.contains("one/difference.h5: cannot be created: it exists"))
        #expect(try run(["science.fits", "template.fits", "-o", "one", "--overwrite"], in: folder).status == 0)
      }
    }

    @Test func thePSFAndTheStarsAreGiven() throws {
      try inFolder { folder in
        var list = "x,y,flux,fluxErr\n"
        var random = SeededRandom(17)
        for _ in 0..<40 {
          let (x, y) = (random.uniform(4...195), random.uniform(4...195))
          let flux = 1500 * pow(0.02 + random.uniform(), -1)
          list += "\(x),\(y),\(flux),40\n"
        }
        try list.write(toFile: folder + "/stars.csv", atomically: true, encoding: .utf8)
        let end = try run(
          [
            "science.fits", "template.fits", "-o", "out", "--science-psf", "\(2.2 * fwhmPerSigma)", "--template-psf",
            "\(1.8 * fwhmPerSigma)", "--sources", "stars.csv",
          ], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        let difference = try exposure(folder + "/out/difference.h5")
        #expect(abs(try difference.metadata.double("subtractImages.sciencePsfSize") - 2.2 * fwhmPerSigma) < 0.02)
        // A PSF may be in another exposure.
        let again = try run(
          ["science.fits", "template.fits", "-o", "again", "--science-psf", "out/difference.h5"], in: folder)
        #expect(again.status == 0, "\(again.errors)")
        let none = try run(
          ["science.fits", "template.fits", "-o", "x", "--science-psf", "science.h5"], in: folder)
        #expect(none.status == 66 && none.errors.contains("science.h5"), "\(none.errors)")
        try "a,b\n1,2\n".write(toFile: folder + "/other.csv", atomically: true, encoding: .utf8)
        let bad = try run(["science.fits", "template.fits", "-o", "x", "--sources", "other.csv"], in: folder)
        #expect(bad.status == 65 && bad.errors.contains("other.csv: it has neither slots nor columns x and y"))
        #expect(try run(["science.fits", "template.fits", "-o", "x", "--science-psf", "0"], in: folder).status == 64)
        #expect(!FileManager.default.fileExists(atPath: folder + "/x"))
      }
    }

    @Test func whatIsOddIsAClearError() throws {
      try inFolder { folder in
        let box = Box2I(width: Self.side, height: Self.side)
        try write(Image(box: box, fill: .nan), folder + "/nan.fits")
        try write(Image(box: box, fill: 7), folder + "/flat.fits")
        try write(noiseImage(box, level: 100, sigma: 5, seed: 5), folder + "/empty.fits")
        try write(noiseImage(Box2I(width: 12, height: 9), seed: 6), folder + "/tiny.fits")
        try write(noiseImage(Box2I(width: 1, height: 1), seed: 6), folder + "/one.fits")
        try write(image(sigma: 2.2, scale: 1, seed: 3, count: 1), folder + "/onestar.fits")
        try "no image".write(toFile: folder + "/text.fits", atomically: true, encoding: .utf8)
        var saturated = FITSMask()
        saturated.image = image(sigma: 2.2, scale: 1, seed: 9)
        try saturated.write(folder + "/saturated.h5")
        for (science, template) in [
          ("nan", "template"), ("science", "nan"), ("flat", "template"), ("science", "flat"), ("empty", "empty"),
          ("tiny", "template"), ("tiny", "tiny"), ("one", "one"), ("text", "template"),
        ] {
          let end = try run(["\(science).fits", "\(template).fits", "-o", "out"], in: folder)
          #expect(end.status == 65, "\(science), \(template): \(end.status) \(end.errors)\(end.output)")
          #expect(end.errors.split(separator: "\n").count >= 1 && end.errors.contains(".fits"), "\(end.errors)")
          #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
        }
        // What is no PSF, stars that are elsewhere, and a folder where a product belongs are found before anything takes time.
        try "x,y,flux\n-50,3,100\nnan,7,100\n".write(toFile: folder + "/off.csv", atomically: true, encoding: .utf8)
        try FileManager.default.createDirectory(
          atPath: folder + "/full/quicklook.png", withIntermediateDirectories: true)
        for (options, text) in [
          (["-o", "out", "--sources", "off.csv"], "off.csv: none of its 2 positions"),
          (["-o", "out", "--sources", "text.fits"], "text.fits"),
          (["-o", "out", "--template-psf", "text.fits"], "text.fits"),
          (["-o", "full", "--overwrite"], "full/quicklook.png: cannot be created: it is a directory"),
        ] {
          let end = try run(["science.fits", "template.fits"] + options, in: folder)
          #expect(end.status != 0 && end.errors.contains(text), "\(end.errors)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/full") == ["quicklook.png"])
        let gone = try run(["nowhere.fits", "template.fits", "-o", "out"], in: folder)
        #expect(gone.status == 66 && gone.errors.contains("nowhere.fits"))
        // All saturated; a PSF that is larger than the image.
        let whole = try run(["saturated.h5", "template.fits", "-o", "out"], in: folder)
        #expect(whole.status == 65 && whole.errors.contains("saturated.h5"), "\(whole.errors)")
        let wide = try run(
          ["science.fits", "template.fits", "-o", "out", "--science-psf", "190", "--template-psf", "190"], in: folder)
        #expect(wide.status == 65, "\(wide.status) \(wide.errors)")
        // One star is enough for a constant kernel.
        try write(image(sigma: 1.8, scale: 0.7, seed: 4, count: 1), folder + "/onestar-template.fits")
        let single = try run(["onestar.fits", "onestar-template.fits", "-o", "single"], in: folder)
        #expect(single.status == 0 || single.status == 65, "\(single.status) \(single.errors)")
      }
    }

    /// An exposure of which every pixel is saturated.
    private struct FITSMask {
      var image = Image<Float>(box: Box2I(width: 1, height: 1), fill: 0)
      func write(_ path: String) throws {
        var mask = Mask(box: image.box)
        try mask.set("SAT", in: image.box)
        let exposure = Exposure(
          try MaskedImage(image: image, mask: mask, variance: Image(box: image.box, fill: 25)))
        try AtomicFile().publish(try Dataset(exposure).encode(path), to: path)
      }
    }

    /// A template on other pixels is brought onto the science image's.
    @Test func aTemplateIsWarpedByItsWCS() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        func wcs(_ dx: Double, _ dy: Double) throws -> SkyWCS {
          try SkyWCS(
            referencePixel: Point2D(x: 100 + dx, y: 100 + dy), reference: SpherePoint(raDegrees: 30, decDegrees: 10),
            cd: AffineTransform(xx: -7e-5, yy: 7e-5))
        }
        func write(_ name: String, sigma: Double, seed: UInt64, dx: Double, dy: Double) throws {
          let box = Box2I(width: 240, height: 220)
          var image = noiseImage(box, level: 50, sigma: 3, seed: seed)
          var random = SeededRandom(4)
          for _ in 0..<45 {
            let position = Point2D(x: random.uniform(-20...260) + dx, y: random.uniform(-20...240) + dy)
            addStar(to: &image, at: position, sigma: sigma, flux: 800 * pow(0.02 + random.uniform(), -1))
          }
          let exposure = Exposure(
            try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 9)),
            wcs: try wcs(dx, dy))
          try AtomicFile().publish(try fitsFile(of: exposure, name: name), to: "\(folder)/\(name)")
        }
        try write("science.fits", sigma: 2.3, seed: 1, dx: 0, dy: 0)
        try write("template.fits", sigma: 1.9, seed: 2, dx: 7.4, dy: -5.7)
        let end = try run(["science.fits", "template.fits", "-o", "out"], in: folder)
        #expect(end.status == 0 && end.output.contains("after the template was warped"), "\(end.errors)")
        let difference = try exposure(folder + "/out/difference.h5")
        let image = difference.content.maskedImage
        let noData = try image.mask.planes.bitMask("NO_DATA")
        // The template does not reach everywhere.
        #expect(image.mask.count(noData) > 200 * 5)
        let inner = image.cropped(to: Box2I(minX: 30, minY: 30, width: 180, height: 150))
        let statistics = try PixelStatistics(of: inner.image, .all)
        #expect(statistics.robustStandardDeviation < 1.15 * 3 * 2.0.squareRoot())
        #expect((inner.image.pixels.map(abs).max() ?? 0) < 60)
        // Sky without a common pixel.
        try write("far.fits", sigma: 1.9, seed: 2, dx: 4000, dy: 0)
        let far = try run(["science.fits", "far.fits", "-o", "far"], in: folder)
        #expect(far.status == 65 && far.errors.contains("far.fits"), "\(far.errors)")
      }
    }

    /// The real images, with nothing but their names.
    @Test(
      .enabled(if: SharedData.has("data/saao_kb130475/0172.fits"), "needs shared/data"),
      arguments: [
        ("decam_mini/DEC-OBS04c.mini.fits", "decam_mini/DEC-OBS18c.mini.fits"),
        ("decam_mini/DEC-OBS18d.mini.fits", "decam_mini/DEC-OBS18c.mini.fits"),
        ("jwst_nircam_f200w/sci.img.fits", "jwst_nircam_f200w/tmpl.img.fits"),
        ("saao_kb130475/0172.fits", "saao_kb130475/0100.fits"),
        ("lsst_mi/lsst_scienceMI.fits", "lsst_mi/lsst_templateMI.fits"),
        ("with_fakes/decam/science.fits", "with_fakes/decam/template.fits"),
        ("with_fakes/decam2/science.fits", "with_fakes/decam2/template.fits"),
        ("with_fakes/jwst/science.fits", "with_fakes/jwst/template.fits"),
        ("with_fakes/saao/science.fits", "with_fakes/saao/template.fits"),
      ])
    func everyRealPair(science: String, template: String) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        let (a, b) = (SharedData.url("data/\(science)").path, SharedData.url("data/\(template)").path)
        let end = try run([a, b, "-o", "out"], in: folder)
        #expect(end.status == 0, "\(science): \(end.errors)")
        let dataset = try exposure(folder + "/out/difference.h5")
        // The scale of data/with_fakes/*/meta.json: science counts of one count of the template are 1 / ratio.
        let sum = try dataset.metadata.double("subtraction.kernelSum")
        #expect(sum > 0.5 && sum < 2, "\(science): \(sum)")
        // Of the brightest pixels little is left; the fakes stay.
        let own = try ExposureReading.image(a)
        let left = dataset.content.maskedImage.image.pixels.lazy.filter(\.isFinite).map { Double(abs($0)) }.sorted()
        let level = try PixelStatistics(of: own, .quartiles).median
        let light = own.pixels.lazy.filter(\.isFinite).map { abs(Double($0) - level) }.sorted()
        let (i, j) = (left.count * 995 / 1000, light.count * 995 / 1000)
        #expect(left[i] < 0.7 * light[j], "\(science): \(left[i]) of \(light[j])")
      }
    }

    private enum ExposureReading {
      static func image(_ path: String) throws -> Image<Float> { try FITSExposure(path).image }
    }
  }
}
