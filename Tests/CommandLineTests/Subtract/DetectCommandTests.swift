// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff detect

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct DetectCommandTests {
    private struct Reading: Decodable {
      let count: Int
      let fitsCount: Int
      let x: [Double]
      let unit: String
      let reasons: [String]
      let shapes: [String: [Int]]
      let centroid: String
      let documented: Bool
    }

    /// Where something changed, with its counts.
    static let changes = [
      (Point2D(x: 60.3, y: 70.8), 900.0), (Point2D(x: 120.6, y: 100.2), -1200), (Point2D(x: 80, y: 130), 700),
    ]

    /// A folder with a pair in which three sources changed, one of them on bad pixels, and what `skydiff subtract` makes of it in `sub`.
    private func inFolder(_ body: (String) throws -> Void) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        let box = Box2I(width: 180, height: 170)
        for (name, sigma, seed) in [("science", 2.3, UInt64(1)), ("template", 1.8, 2)] {
          var image = noiseImage(box, sigma: 5, seed: seed)
          var random = SeededRandom(4)
          for _ in 0..<30 {
            let position = Point2D(x: random.uniform(4...175), y: random.uniform(4...165))
            addStar(to: &image, at: position, sigma: sigma, flux: 1500 / (0.02 + random.uniform()))
          }
          var mask = Mask(box: box)
          if name == "science" {
            for (position, flux) in Self.changes { addStar(to: &image, at: position, sigma: sigma, flux: flux) }
            try mask.set("BAD", in: Box2I(minX: 79, minY: 129, width: 3, height: 3))
          }
          let exposure = Exposure(
            try MaskedImage(image: image, mask: mask, variance: Image(box: box, fill: 25)),
            psf: try KernelPSF(gaussianFwhm: sigma * 2.3548, averagePosition: box.center))
          try AtomicFile().publish(try Dataset(exposure).encode(name), to: "\(folder)/\(name).h5")
        }
        let end = try SkydiffProgram.run(
          ["subtract", "science.h5", "template.h5", "-o", "sub", "--keep-sky", "--fits"], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        try body(folder)
      }
    }

    private static let inputs = ["science.h5", "sub/matchedTemplate.h5", "sub/difference.h5"]

    private func run(_ arguments: [String], in folder: String) throws -> SkydiffProgram.Result {
      try SkydiffProgram.run(["detect"] + arguments, in: folder)
    }

    @Test func whatChangedIsFound() throws {
      try inFolder { folder in
        let options = ["--score", "sub/score.h5", "--keep-sky", "-o", "out", "--fits", "--regions", "--overlay"]
        let end = try run(Self.inputs + options, in: folder)
        #expect(end.status == 0 && end.errors.isEmpty, "\(end.errors)")
        let names = [
          "diaSources.h5", "difference.h5", "diaSources.fits", "difference.fits", "diaSources.reg", "overlay.png",
          "metadata.json",
        ]
        let lines = end.output.split(separator: "\n").map(String.init)
        #expect(lines.first?.hasPrefix("sources: ") == true)
        #expect(Array(lines.dropFirst()) == names.map { "out/" + $0 })
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder + "/out")) == Set(names))
        let file = folder + "/out/diaSources.h5"
        let sources = try Dataset<Catalog>(decoding: try readFile(file), name: file).content
        let slot = try sources.schema.centroidSlot()
        for (position, flux) in Self.changes.prefix(2) {
          let row = try #require(
            (0..<sources.rowCount).first { sources[slot.position, $0].distance(to: position) < 1 })
          let found: Double = try sources.column("base_PsfFlux_instFlux")[row]
          #expect(abs(found / flux - 1) < 0.15)
        }
        let whole = try Dataset<DiaSourceCatalog>(decoding: try readFile(file), name: file)
        #expect(whole.content.cutouts.map(\.name) == ["science", "template", "difference"])
        #expect(whole.provenance.inputs.count == 4)
        let regions = try String(contentsOfFile: folder + "/out/diaSources.reg", encoding: .utf8)
        #expect(regions.split(separator: "\n").count == sources.rowCount + 2 && regions.contains("image; circle("))
        // The same files give the same bytes.
        let again = try run(Self.inputs + ["--score", "sub/score.h5", "--keep-sky", "-o", "again"], in: folder)
        #expect(again.status == 0)
        #expect(try readFile(folder + "/again/diaSources.h5") == readFile(file))
        guard Peers.isAvailable else { return }
        let reading = try JSONDecoder().decode(Reading.self, from: Peers.run("read_sources.py", [file]))
        #expect(reading.fitsCount == reading.count)
        #expect(reading.count == sources.rowCount && reading.unit == "ct" && reading.documented)
        #expect(
          reading.shapes == [
            "science": [reading.count, 31, 31], "template": [reading.count, 31, 31],
            "difference": [reading.count, 31, 31],
          ])
        #expect(reading.centroid == "ip_diffim_DipoleFit")
        #expect(reading.reasons.contains { $0.contains("BAD") }, "\(reading.reasons)")
      }
    }

    /// FITS in, and without a score.
    @Test func fitsIsAsGood() throws {
      try inFolder { folder in
        let end = try run(
          [
            "science.h5", "sub/matchedTemplate.fits", "sub/difference.fits", "-o", "out", "-c",
            "detectAndMeasure:cutoutSize=0",
          ],
          in: folder)
        #expect(end.status == 0, "\(end.errors)")
        let file = folder + "/out/diaSources.h5"
        let sources = try Dataset<DiaSourceCatalog>(decoding: try readFile(file), name: file).content
        #expect(sources.sources.rowCount >= 2 && sources.cutouts.isEmpty)
        let bare = try run(
          ["science.h5", "sub/matchedTemplate.fits", "sub/kernel.fits", "-o", "bare"], in: folder)
        #expect(bare.status == 65 && bare.errors.contains("sub/kernel.fits"), "\(bare.errors)")
      }
    }

    @Test func badInputIsRefused() throws {
      try inFolder { folder in
        let small = Exposure(MaskedImage(box: Box2I(width: 40, height: 40)))
        try AtomicFile().publish(try Dataset(small).encode("small"), to: "\(folder)/small.h5")
        let other = Box2I(width: 40, height: 40)
        let tiny = Exposure(
          try MaskedImage(
            image: Image(box: other, fill: 1), mask: Mask(box: other), variance: Image(box: other, fill: 1)))
        try AtomicFile().publish(try Dataset(tiny).encode("tiny"), to: "\(folder)/tiny.h5")
        for (arguments, status, text) in [
          (["nope.h5"] + Self.inputs.dropFirst() + ["-o", "x"], Int32(66), "nope.h5"),
          ([Self.inputs[0], Self.inputs[1], "sub/score.h5", "-o", "x"], 65, "--score takes this file"),
          (Self.inputs + ["--score", "sub/difference.h5", "-o", "x"], 65, "it is a difference"),
          (Self.inputs + ["--score", "tiny.h5", "-o", "x"], 65, "are not those of"),
          ([Self.inputs[0], Self.inputs[1], "small.h5", "-o", "x"], 65, "--psf"),
          ([Self.inputs[0], Self.inputs[1], "small.h5", "-o", "x", "--psf", "4"], 65, "no pixel has"),
          (["small.h5"] + Self.inputs.dropFirst() + ["-o", "x"], 65, "are not those of"),
          (
            Self.inputs + ["-o", "x", "-c", "detectAndMeasure:badSourceFlags=[base_PixelFlags_flag_edgy]"], 78,
            "did you mean"
          ),
          (Self.inputs + ["-o", "x", "-c", "detectAndMeasure:cutoutSize=30"], 78, "odd"),
          (Self.inputs + ["-o", "x", "--psf", "900"], 64, "0.1 to 200"),
          (
            Self.inputs + ["-o", "x", "-c", "detectAndMeasure:measurement.slots.apFlux=base_CircularApertureFlux_9_0"],
            78,
            "slot_ApFlux"
          ),
          (
            Self.inputs + ["-o", "x", "-c", "detectAndMeasure:measurement.plugins.names=[base_PeakCentroid]"], 78,
            "base_SdssCentroid"
          ),
          (Self.inputs + ["-o", "x", "-c", "detectAndMeasure:maxFootprints=1"], 65, "maxFootprints"),
        ] as [([String], Int32, String)] {
          let end = try run(arguments, in: folder)
          #expect(end.status == status && end.errors.contains(text), "\(arguments): \(end.status) \(end.errors)")
        }
        // The last one found too much: its detection planes are there.
        #expect(FileManager.default.fileExists(atPath: folder + "/x/difference.h5"))
        #expect(!FileManager.default.fileExists(atPath: folder + "/x/diaSources.h5"))
        // An earlier catalog does not stand beside a failure.
        #expect(try run(Self.inputs + ["-o", "y"], in: folder).status == 0)
        let failed = try run(
          Self.inputs + ["-o", "y", "--overwrite", "-c", "detectAndMeasure:maxFootprints=1"], in: folder)
        #expect(failed.status == 65)
        #expect(!FileManager.default.fileExists(atPath: folder + "/y/diaSources.h5"))
        let unused = try run(
          Self.inputs + ["-o", "z", "-c", "detectAndMeasureScore:cutoutSize=0"], in: folder)
        #expect(unused.status == 0 && unused.errors.contains("do nothing"), "\(unused.errors)")
      }
    }
  }
}
