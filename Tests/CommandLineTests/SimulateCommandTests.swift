// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Testing

extension ProgramTests {
  @Suite(.serialized) struct SimulateCommandTests {
    private static let tiny = """
      camera: { columns: 1, rows: 1, width: 64, height: 64 }
      visits: { count: 2, dither: 2 }
      solarSystem: { count: 2 }
      """

    private func run(_ yaml: String, _ arguments: [String], in folder: String) throws -> SkydiffProgram.Result {
      try yaml.write(toFile: folder + "/s.yaml", atomically: true, encoding: .utf8)
      return try SkydiffProgram.run(["simulate", "s.yaml"] + arguments, in: folder)
    }

    @Test func aSurveyIsMadeOnce() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        let made = try run(Self.tiny, ["--output", "repo"], in: folder)
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output.hasPrefix("repo: 2 visits of 1 detectors, "))
        #expect(made.output.contains("repo: 2 exposures, 7 catalogs, "))
        #expect(made.errors.contains("skydiff simulate: 2 of 2 exposures\n"))
        let first = try Data(contentsOf: URL(filePath: folder + "/repo/visits.h5"))
        let again = try run(Self.tiny, ["--output", "repo"], in: folder)
        #expect(
          again.status == 73
            && again.errors == "skydiff simulate: repo: cannot be created: it exists; --overwrite replaces it\n")
        try FileManager.default.createDirectory(atPath: folder + "/repo/runs", withIntermediateDirectories: true)
        let replaced = try run(Self.tiny, ["-o", "repo", "--overwrite", "--threads", "1"], in: folder)
        #expect(replaced.status == 0, "\(replaced.errors)")
        #expect(try Data(contentsOf: URL(filePath: folder + "/repo/visits.h5")) == first)
        #expect(FileManager.default.fileExists(atPath: folder + "/repo/runs"))
        let file = "repo/calexp/visit100/calexp-visit100-detector0.h5"
        #expect(try SkydiffProgram.run(["export", file, "-o", "x.fits"], in: folder).status == 0)
        let catalog = "repo/truth_objects/truth_objects.h5"
        #expect(try SkydiffProgram.run(["export", catalog, "-o", "x.csv"], in: folder).status == 0)
      }
    }

    @Test func badDescriptionsAreOneLineAndNothingIsMade() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        for (yaml, expected) in [
          (
            "seed: 1\ncamera: { width: 1 }\n",
            "s.yaml:2: survey.camera.width: 1 is given; it must be int, from 32 to 32768"
          ),
          ("stars: { densty: 1 }\n", "s.yaml:1: survey.stars.densty: there is no such field"),
          ("seed: [\n", "s.yaml:"),
        ] {
          let result = try run(yaml, ["--output", "repo"], in: folder)
          #expect(result.status == 78 && result.errors.hasPrefix("skydiff simulate: " + expected), "\(result.errors)")
          #expect(result.errors.filter { $0 == "\n" }.count == 1)
          #expect(!FileManager.default.fileExists(atPath: folder + "/repo"))
        }
        let missing = try SkydiffProgram.run(["simulate", "none.yaml", "--output", "repo"], in: folder)
        #expect(missing.status == 78 && missing.errors.contains("none.yaml: there is no such file"))
        #expect(try run(Self.tiny, [], in: folder).status == 64)
        #expect(try run(Self.tiny, ["--output", "repo", "--threads", "0"], in: folder).status == 64)
        try "x".write(toFile: folder + "/file", atomically: true, encoding: .utf8)
        #expect(try run(Self.tiny, ["--output", "file", "--overwrite"], in: folder).status == 73)
        #expect(try run(Self.tiny, ["--output", "file/repo"], in: folder).status == 73)
      }
    }

    @Test func showPrintsEveryFieldAndReadsItBack() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        let shown = try run(Self.tiny, ["--show"], in: folder)
        #expect(
          shown.status == 0 && shown.output.contains("  # columns of a detector, pixels (int"), "\(shown.output)")
        #expect(shown.output.contains("  width: 64\n"))
        let again = try run(shown.output, ["--show"], in: folder)
        #expect(again.status == 0 && again.output == shown.output, "\(again.errors)")
      }
    }
  }
}
