// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import OrderedCollections
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  /// Real exposures through the documented commands, and what comes out compared with numpy.
  @Suite(
    .serialized, .enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"),
    .enabled(if: SharedData.has("data/decam_mini"), "needs shared/data/decam_mini"))
  struct DECamTests {
    /// The commands of docs/decam.md, as a person types them.
    private func documentedCommands() throws -> [[String]] {
      let root = SharedData.packageRoot
      let text = try String(contentsOf: root.appending(path: "docs/decam.md"), encoding: .utf8)
      let images = try FileManager.default.contentsOfDirectory(atPath: SharedData.url("data/decam_mini").path).sorted()
      return text.split(separator: "\n").filter { $0.hasPrefix("    skydiff ") }.map { line in
        line.split(separator: " ").dropFirst().flatMap { word -> [String] in
          if word.hasPrefix("jobs/") { return [root.appending(path: String(word)).path] }
          guard word.hasPrefix("decam_mini/"), let star = word.firstIndex(of: "*") else { return [String(word)] }
          let start = word[..<star].dropFirst("decam_mini/".count)
          return images.filter { $0.hasPrefix(start) && $0.hasSuffix(".fits") }
            .map { SharedData.url("data/decam_mini/\($0)").path }
        }
      }
    }

    @Test func theCoaddOfEachNightIsTheWeightedMean() throws {
      let commands = try documentedCommands()
      #expect(commands.map(\.first) == ["ingest", "ingest", "run", "run"])
      try SkydiffProgram.inTemporaryFolder { folder in
        for command in commands {
          let end = try SkydiffProgram.run(command, in: folder)
          #expect(end.status == 0, "\(command): \(end.errors)")
        }
        for night in ["night04", "night18"] {
          let output = try Peers.run("check_coadd.py", ["\(folder)/decam/runs/\(night)"])
          let found = try JSONValue(parsing: String(decoding: output, as: UTF8.self))
          func number(_ name: String) throws -> Double { try #require(found[name]?.double, "\(found)") }
          #expect(try number("compared") > 0.99, "\(found)")
          #expect(try number("difference") < 1e-5, "\(found)")
          #expect(try number("blankPixels") > 40_000, "\(found)")
          #expect(try abs(number("noiseRatio") - 1) < 0.05, "\(found)")
          #expect(try number("weightDifference") < 0.05, "\(found)")
        }
      }
    }

    /// A repository of images that lie alike gets a tract that does.
    @Test func theTractLiesAsTheImagesDo() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        let command = try #require(try documentedCommands().first)
        #expect(try SkydiffProgram.run(command, in: folder).status == 0)
        let text = try String(contentsOfFile: "\(folder)/decam/repository.yaml", encoding: .utf8)
        func value(_ key: String) throws -> Double {
          let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("    \(key): ") })
          return try #require(Double(line.dropFirst("    \(key): ".count)))
        }
        // By astropy: y runs along east, 0.83 degrees from it, x along south.
        #expect(try abs(value("rotation") + 0.832) < 0.002)
        #expect(try abs(value("pixelScale") - 0.26327) < 1e-4)
        #expect(try value("patchInnerDimensions") < 700)
      }
    }

    @Test func aPSFThatTheHeaderDoesNotKnow() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        let image = SharedData.url("data/decam_mini/DEC-OBS04a.mini.fits").path
        let arguments = ["ingest", "decam", image, "--visit", "1", "--zeropoint", "31"]
        let missing = try SkydiffProgram.run(arguments + ["--psf-fwhm", "SEEING"], in: folder)
        #expect(missing.status == 65 && missing.errors.contains("its header has no SEEING"), "\(missing.errors)")
        let wrong = try SkydiffProgram.run(arguments + ["--psf-fwhm", "AVSKY"], in: folder)
        #expect(wrong.status == 65 && wrong.errors.contains("which is no FWHM"), "\(wrong.errors)")
        #expect(try SkydiffProgram.run(arguments + ["--psf-fwhm", "0.01"], in: folder).status == 64)
      }
    }
  }
}
