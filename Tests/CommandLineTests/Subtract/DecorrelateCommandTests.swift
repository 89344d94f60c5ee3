// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff decorrelate

import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct DecorrelateCommandTests {
    /// A folder with exposures, their difference without decorrelation in `raw`, and with it in `white`.
    private func inFolder(_ body: (String) throws -> Void) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        for (name, sigma, seed) in [("science", 2.3, UInt64(1)), ("template", 1.8, 2)] {
          let box = Box2I(width: 180, height: 170)
          var image = noiseImage(box, sigma: 5, seed: seed)
          var random = SeededRandom(4)
          for _ in 0..<30 {
            let position = Point2D(x: random.uniform(4...175), y: random.uniform(4...165))
            addStar(to: &image, at: position, sigma: sigma, flux: 1500 / (0.02 + random.uniform()))
          }
          let exposure = Exposure(
            try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 25)),
            psf: try KernelPSF(gaussianFwhm: sigma * 2.3548, averagePosition: box.center))
          try AtomicFile().publish(try Dataset(exposure).encode(name), to: "\(folder)/\(name).h5")
        }
        for (name, options) in [
          ("raw", ["-c", "subtractImages:doDecorrelation=false", "--keep-sky"]), ("white", ["--keep-sky"]),
        ] {
          let end = try SkydiffProgram.run(
            ["subtract", "science.h5", "template.h5", "-o", name] + options, in: folder)
          #expect(end.status == 0, "\(end.errors)")
        }
        try body(folder)
      }
    }

    private func read(_ path: String) throws -> Dataset<Exposure> {
      try Dataset(decoding: try readFile(path), name: path)
    }

    private func run(_ arguments: [String], in folder: String) throws -> SkydiffProgram.Result {
      try SkydiffProgram.run(["decorrelate"] + arguments, in: folder)
    }

    @Test func afterwardsIsAsGoodAsAtOnce() throws {
      try inFolder { folder in
        let files = ["science.h5", "template.h5", "raw/difference.h5", "raw/kernel.h5"]
        let end = try run(files + ["-o", "out", "--fits"], in: folder)
        #expect(
          end.status == 0 && end.output == "out/difference.h5\nout/difference.fits\nout/metadata.json\n",
          "\(end.errors)")
        let (own, other) = (try read(folder + "/out/difference.h5"), try read(folder + "/white/difference.h5"))
        let raw = try read(folder + "/raw/difference.h5")
        func scatter(_ image: Image<Float>) throws -> Double {
          try PixelStatistics(of: image, .quartiles).robustStandardDeviation
        }
        let (before, after) = (
          try scatter(raw.content.maskedImage.image), try scatter(own.content.maskedImage.image)
        )
        #expect(after > 1.15 * before)
        var difference = own.content.maskedImage
        try difference.subtract(other.content.maskedImage)
        #expect(try scatter(difference.image) < 1e-3 * after)
        #expect(try own.metadata.boolean("subtraction.isDecorrelated") && !own.metadata.boolean("subtraction.isScore"))
        #expect(try !raw.metadata.boolean("subtraction.isDecorrelated"))
        #expect(
          own.content.psf != nil
            && own.provenance.inputs.map(\.datasetType) == ["science", "template", "difference", "kernel"])
        // Again: what is there stays, and what is white is not made white twice.
        #expect(try run(files + ["-o", "out"], in: folder).errors.contains("--overwrite"))
        #expect(try run(files + ["-o", "out", "--overwrite"], in: folder).status == 0)
        let twice = try run(
          ["science.h5", "template.h5", "out/difference.h5", "raw/kernel.h5", "-o", "twice"], in: folder)
        #expect(twice.status == 65 && twice.errors.contains("white already"))
      }
    }

    @Test func whatDoesNotFitIsAClearError() throws {
      try inFolder { folder in
        let small = try read(folder + "/science.h5").content.cropped(to: Box2I(width: 50, height: 50))
        try AtomicFile().publish(try Dataset(small).encode("small"), to: folder + "/small.h5")
        #expect(
          try SkydiffProgram.run(["subtract", "template.h5", "science.h5", "-o", "swapped", "--keep-sky"], in: folder)
            .status == 0)
        for (files, text) in [
          (["science.h5", "template.h5", "raw/difference.h5", "science.h5"], "science.h5"),
          (["science.h5", "template.h5", "raw/kernel.h5", "raw/kernel.h5"], "raw/kernel.h5"),
          (["small.h5", "template.h5", "raw/difference.h5", "raw/kernel.h5"], "small.h5: its pixels"),
          (["science.h5", "small.h5", "raw/difference.h5", "raw/kernel.h5"], "small.h5"),
          (["science.h5", "template.h5", "nowhere.h5", "raw/kernel.h5"], "nowhere.h5: there is no such file"),
          (["science.h5", "template.h5", "raw/score.h5", "raw/kernel.h5"], "raw/score.h5: it is a score image"),
          (["template.h5", "science.h5", "raw/difference.h5", "raw/kernel.h5"], "was made of another science"),
          (["science.h5", "template.h5", "raw/difference.h5", "swapped/kernel.h5"], "swapped/kernel.h5: "),
          (["science.h5", "template.h5", "white/difference.h5", "white/kernel.h5"], "white already"),
        ] {
          let end = try run(files + ["-o", "out"], in: folder)
          #expect(end.status != 0 && !end.diedBySignal && end.errors.contains(text), "\(end.errors)")
          #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
        }
      }
    }
  }
}
