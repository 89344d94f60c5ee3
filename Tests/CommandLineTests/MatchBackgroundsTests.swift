// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  @Suite(.serialized) struct MatchBackgroundsTests {
    private let settings = ["-c", "matchBackgrounds:binSize=20"]

    /// Levels of 10, 20, 30 and so on, with noise that grows: the first is the best reference.
    private func exposure(_ i: Int, _ box: Box2I = Box2I(minX: 5, minY: 7, width: 120, height: 100)) throws -> Exposure
    {
      let noise = noiseImage(box, level: 10 * Double(i + 1), sigma: 1 + 0.1 * Double(i), seed: 80 + UInt64(i))
      let image = Image<Float>(box: box) { x, y in noise[x, y] + 0.02 * Float(i * x) }
      let variance = Float((1 + 0.1 * Double(i)) * (1 + 0.1 * Double(i)))
      return Exposure(
        try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: variance)))
    }

    private func write(_ exposure: Exposure, _ path: String) throws {
      let bytes = try path.hasSuffix(".fits") ? fitsFile(of: exposure, name: path) : Dataset(exposure).encode(path)
      try AtomicFile().publish(bytes, to: path)
    }

    /// Runs a test in a folder with `a.fits`, `b.h5` and `c.h5`.
    private func inFolderOfExposures(_ body: (String) throws -> Void) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        for (i, name) in ["a.fits", "b.h5", "c.h5"].enumerated() { try write(exposure(i), "\(folder)/\(name)") }
        try body(folder)
      }
    }

    private func run(_ arguments: [String], in folder: String) throws -> SkydiffProgram.Result {
      try SkydiffProgram.run(["match-backgrounds"] + arguments + settings, in: folder)
    }

    private func dataset<Content: DatasetContent>(_ path: String, _: Content.Type) throws -> Dataset<Content> {
      try Dataset(decoding: readFile(path), name: path)
    }

    private func records(_ folder: String) throws -> [JSONValue] {
      let text = try String(contentsOfFile: folder + "/metadata.json", encoding: .utf8)
      return try #require(JSONValue(parsing: text)["exposures"]?.elements)
    }

    @Test func exposuresOfBothKindsGetOneBackground() throws {
      try inFolderOfExposures { folder in
        let result = try run(["c.h5", "a.fits", "b.h5", "--output", "out", "--fits"], in: folder)
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
        let lines = result.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(lines.map { $0.first } == ["exposure", "c", "a", "b"])
        #expect(lines[2].last == "reference" && lines[1][1] == "matched")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted()
        #expect(
          files
            == ["a", "b", "c"].flatMap { ["\($0)-background.h5", "\($0)-matched.fits", "\($0)-matched.h5"] }
            + ["metadata.json"])

        let reference = try exposure(0)
        for (i, name) in ["a", "b", "c"].enumerated() {
          let matched = try dataset("\(folder)/out/\(name)-matched.h5", Exposure.self)
          let models = try dataset("\(folder)/out/\(name)-background.h5", BackgroundList.self)
          // What is written is what was there and the model, to the bit.
          var expected = try exposure(i).maskedImage
          try expected.add(models.content.image(over: expected.box))
          #expect(matched.content.maskedImage == expected)
          let fits = try FITSExposure("\(folder)/out/\(name)-matched.fits")
          #expect(fits.image == expected.image)
          #expect(matched.provenance.inputs.map(\.dataID) == (name == "a" ? ["a"] : [name, "a"]))
          #expect(matched.provenance.configYAML.contains("binSize: 20"))
          // Means of 12 000 pixels, and of a model that follows them.
          let mean = try PixelStatistics(of: expected.image, .moments).mean
          let level = try PixelStatistics(of: reference.maskedImage.image, .moments).mean
          #expect(abs(mean - level) < 0.1)
        }
        let all = try records(folder + "/out")
        #expect(all.map { $0["file"] } == [.string("c.h5"), .string("a.fits"), .string("b.h5")])
        #expect(all.map { $0["isReference"] } == [.boolean(false), .boolean(true), .boolean(false)])
        #expect(all[1]["fitRMS"] == .null && all[1]["failure"] == .null)
        let ratio = try #require(all[0]["mseVarianceRatio"]?.double)
        // 12 000 squares less 30 cells that follow them.
        #expect(abs(ratio - 1) < 5 * (2.0 / 12000).squareRoot())
        let text = try String(contentsOfFile: folder + "/out/metadata.json", encoding: .utf8)
        #expect(text.contains("\"refIndex\": 1") && !text.contains("CpuTime"))
      }
    }

    @Test func theSameBytesAgain() throws {
      try inFolderOfExposures { folder in
        for out in ["one", "two"] { #expect(try run(["a.fits", "b.h5", "-o", out], in: folder).status == 0) }
        for name in ["b-matched.h5", "b-background.h5", "metadata.json"] {
          #expect(try readFile("\(folder)/one/\(name)") == readFile("\(folder)/two/\(name)"))
        }
        let refused = try run(["a.fits", "b.h5", "-o", "one"], in: folder)
        #expect(
          refused.status == 73 && refused.errors.contains("one/a-matched.h5: cannot be created: it exists; --overwrite")
        )
        #expect(try run(["a.fits", "b.h5", "-o", "one", "--overwrite"], in: folder).status == 0)
        try "x".write(toFile: folder + "/plain", atomically: true, encoding: .utf8)
        #expect(try run(["a.fits", "b.h5", "-o", "plain"], in: folder).status == 73)
      }
    }

    @Test func aReferenceIsGiven() throws {
      try inFolderOfExposures { folder in
        #expect(try run(["a.fits", "./b.h5", "--reference", "b.h5", "-o", "out"], in: folder).status == 0)
        #expect(try records(folder + "/out").map { $0["isReference"] } == [.boolean(false), .boolean(true)])
        // One that is not among the exposures comes to them.
        #expect(try run(["a.fits", "--reference", "c.h5", "-o", "more"], in: folder).status == 0)
        #expect(try records(folder + "/more").map { $0["file"] } == [.string("a.fits"), .string("c.h5")])
        let polynomial = try run(
          [
            "a.fits", "c.h5", "--reference", "c.h5", "-o", "poly", "-c", "matchBackgrounds:usePolynomial=true", "-c",
            "matchBackgrounds:order=3",
          ], in: folder)
        #expect(polynomial.status == 0, "\(polynomial.errors)")
      }
    }

    @Test func oneFailureLeavesTheOthersAndStatusOne() throws {
      try inFolderOfExposures { folder in
        try write(exposure(3, Box2I(minX: 5, minY: 7, width: 60, height: 50)), folder + "/small.h5")
        let result = try run(["a.fits", "small.h5", "b.h5", "--reference", "a.fits", "-o", "out"], in: folder)
        #expect(result.status == 1)
        #expect(
          result.errors.hasPrefix(
            "skydiff match-backgrounds: warning: Failed to fit background file small.h5: the exposure has 60×50 pixels")
        )
        #expect(result.errors.split(separator: "\n").count == 1)
        let all = try records(folder + "/out")
        #expect(all[1]["failureCategory"] == .string("RuntimeError") && all[1]["fitRMS"] == .null)
        #expect(all[2]["fitRMS"]?.double != nil)
        #expect(FileManager.default.fileExists(atPath: folder + "/out/b-matched.h5"))
        #expect(!FileManager.default.fileExists(atPath: folder + "/out/small-matched.h5"))
        // A damaged file is left out as well.
        let bytes = try readFile(folder + "/c.h5")
        try AtomicFile().publish(Array(bytes.prefix(bytes.count / 2)), to: folder + "/half.h5")
        let half = try run(["a.fits", "half.h5", "b.h5", "-o", "other"], in: folder)
        #expect(half.status == 1 && half.errors.contains("half.h5"), "\(half.errors)")
        #expect(FileManager.default.fileExists(atPath: folder + "/other/b-matched.h5"))
      }
    }

    @Test func whatEndsTheCommand() throws {
      try inFolderOfExposures { folder in
        try write(exposure(3, Box2I(minX: 5000, minY: 7, width: 120, height: 100)), folder + "/far.h5")
        try FileManager.default.createDirectory(atPath: folder + "/sub", withIntermediateDirectories: true)
        try write(exposure(1), folder + "/sub/a.h5")
        try "no image".write(toFile: folder + "/text.fits", atomically: true, encoding: .utf8)
        let cases: [(arguments: [String], status: Int32, text: String)] = [
          (["a.fits", "nowhere.h5"], 66, "nowhere.h5: there is no such file"),
          (["a.fits", "--reference", "nowhere.h5"], 66, "nowhere.h5: there is no such file"),
          (["a.fits", "sub"], 66, "sub: cannot be read: it is a directory"),
          (["a.fits", "sub/a.h5"], 65, "sub/a.h5: its products would have the names of those of a.fits"),
          (["a.fits", "a.fits"], 65, "rename one of the two"),
          (["a.fits", "far.h5", "--reference", "a.fits"], 65, "Failed to fit background file far.h5"),
          (["a.fits", "--reference", "text.fits"], 65, "text.fits: not a FITS file"),
          (["text.fits"], 65, "no exposure can be the reference"),
          (["a.fits", "-c", "matchBackgrounds:binSize=0"], 78, "matchBackgrounds.binSize: 0 is given"),
          ([], 64, "Missing expected argument '<exposures> ...'"),
        ]
        for (i, each) in cases.enumerated() {
          let result = try SkydiffProgram.run(
            ["match-backgrounds"] + each.arguments + ["-o", "out\(i)"], in: folder)
          #expect(result.status == each.status && !result.diedBySignal, "\(each.arguments): \(result.errors)")
          #expect(result.errors.contains(each.text), "\(each.arguments): \(result.errors)")
        }
        #expect(try SkydiffProgram.run(["match-backgrounds", "a.fits"], in: folder).status == 64)
        #expect(try SkydiffProgram.run(["match-backgrounds", "", "-o", "x"], in: folder).status == 64)
      }
    }

    /// Whatever a file holds, the program ends in an orderly way.
    @Test func damagedFilesNeverTrap() throws {
      try inFolderOfExposures { folder in
        var random = SeededRandom(90)
        for (name, ending) in [("a.fits", "fits"), ("b.h5", "h5")] {
          let bytes = try readFile("\(folder)/\(name)")
          for round in 0..<12 {
            var damaged = bytes
            if round % 3 == 0 {
              damaged.removeLast(Int(random.next() % UInt64(bytes.count)))
            } else {
              // Near the beginning, where what leads to everything else lies.
              for _ in 0..<20 {
                damaged[Int(random.next() % 6000) % bytes.count] = UInt8(truncatingIfNeeded: random.next())
              }
            }
            let file = "d\(round).\(ending)"
            try AtomicFile().publish(damaged, to: "\(folder)/\(file)")
            let result = try run([file, "c.h5", "--reference", "c.h5", "-o", "o-\(ending)-\(round)"], in: folder)
            #expect(!result.diedBySignal && [0, 1, 65].contains(result.status), "\(file): \(result.errors)")
          }
        }
      }
    }

    @Test func theTaskIsKnownToTheConfiguration() throws {
      let shown = try SkydiffProgram.run(["config", "matchBackgrounds"])
      #expect(shown.status == 0)
      for field in ["binSize: 256", "bestRefWeightCoverage: 0.4", "interpStyle: AKIMA_SPLINE", "usePolynomial: false"] {
        #expect(shown.output.contains("  \(field)\n"), "\(field)")
      }
    }
  }
}
