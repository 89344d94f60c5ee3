// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import Repository
import TaskFramework
import Testing

extension ProgramTests {
  /// What a person can ask of the main job, and what is said of what cannot be.
  @Suite(.serialized) struct CoaddConfigTests {
    private func pixels(_ job: CoaddJob, _ type: String, _ band: String) throws -> [[UInt32]] {
      try (0..<4).map { patch in
        // NaN is not equal to itself; its bits are.
        try job.coadd(type, patch: patch, band).content.maskedImage.image.pixels.map(\.bitPattern)
      }
    }

    @Test func aSelectionThatMatchesNothing() throws {
      let job = try CoaddJob()
      let end = try job.run(["--select", "visit=900"])
      #expect(end.status == 66 && end.errors.split(separator: "\n").count == 1, "\(end.errors)")
      #expect(!FileManager.default.fileExists(atPath: job.runFolder))
      #expect(try job.run(["--select", "visit=900", "--allow-empty"]).status == 0)
    }

    /// A part first, then all: the coadds of the part are made again where they have more visits now.
    @Test func aPartThatGrows() throws {
      let job = try CoaddJob()
      #expect(try job.run(["--select", "band=r"]).status == 0)
      try job.expectGolden(band: "r", "one band")
      #expect(job.files("deepCoadd").count == 4)
      let count = try job.recordedQuanta().count
      #expect(try job.run().status == 0)
      #expect(
        try job.recorded(since: count) == [
          "makeWarp g": 12, "binWarps g": 4, "matchBackgrounds g": 1, "assembleCoadd g": 4,
        ])
      try job.expectGolden("a part, then all")
    }

    @Test func withoutATemplateBothCoaddsAreOfAllVisits() throws {
      let job = try CoaddJob { $0 = $0.replacing("template: { visit: 100..103 }\n", with: "") }
      #expect(try job.run().status == 0)
      #expect(try pixels(job, "goodSeeingCoadd", "g") == pixels(job, "deepCoadd", "g"))
      let golden = try CoaddJob()
      #expect(try golden.run().status == 0)
      #expect(try pixels(golden, "goodSeeingCoadd", "g") != pixels(golden, "deepCoadd", "g"))
      #expect(try pixels(golden, "deepCoadd", "g") == pixels(job, "deepCoadd", "g"))
    }

    @Test func coaddsWithoutMatchedBackgrounds() throws {
      let job = try CoaddJob {
        $0 = $0.replacing("matchBackgrounds, ", with: "").replacing("  binWarps: { binSize: 25 }", with: "  {}")
          .replacing(", deepCoadd_tempExp_background", with: "")
      }
      let refused = try job.run()
      #expect(refused.status == 66 && refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
      #expect(
        refused.errors.contains("assembleCoadd reads deepCoadd_tempExp_background")
          && refused.errors.contains("which no task of the pipeline makes")
          && refused.errors.contains("doMatchBackgrounds: false"), "\(refused.errors)")
      #expect(!FileManager.default.fileExists(atPath: job.runFolder))
      #expect(try job.command("plan", "job.yaml").status == 66)
      let end = try job.run(["-c", "assembleCoadd:doMatchBackgrounds=false"])
      #expect(end.status == 0, "\(end.errors)")
      #expect(job.files("deepCoadd").count == 8 && job.files("deepCoadd_tempExp_background").isEmpty)
      let unmatched = try pixels(job, "deepCoadd", "g")
      let golden = try CoaddJob()
      #expect(try golden.run().status == 0)
      #expect(try pixels(golden, "deepCoadd", "g") != unmatched)
      // With models that are there and not used it is the same.
      #expect(try golden.run(["--run", "unused", "-c", "assembleCoadd:doMatchBackgrounds=false"]).status == 0)
      #expect(golden.files("deepCoadd", run: "unused").count == 8)
    }

    @Test func onlyTheTemplate() throws {
      let job = try CoaddJob()
      let refused = try job.run(["-c", "assembleCoadd:doDeepCoadd=false"])
      #expect(
        refused.status == 78 && refused.errors.contains("retain: no task of the pipeline writes deepCoadd"),
        "\(refused.errors)")
      try job.write { $0 = $0.replacing("[deepCoadd, deepCoadd_nImage, ", with: "[") }
      let end = try job.run(["-c", "assembleCoadd:doDeepCoadd=false"])
      #expect(end.status == 0, "\(end.errors)")
      #expect(job.files("goodSeeingCoadd").count == 8 && job.files("deepCoadd").isEmpty)
      let golden = try CoaddJob()
      #expect(try golden.run().status == 0)
      #expect(try pixels(golden, "goodSeeingCoadd", "r") == pixels(job, "goodSeeingCoadd", "r"))
    }

    @Test(arguments: [
      ("assembleCoadd:sigmaClip=0.5", "assembleCoadd.sigmaClip: 0.5 is given; it must be float, from 1.0 to 100.0"),
      ("makeWarp:warpingKernelName=lanczos99", "makeWarp.warpingKernelName: "),
      ("binWarps:binSize=2", "binWarps.binSize: 2 is given; it must be int, from 4 to 10000"),
      ("assembleCoadd:sigmaClipBeside=9", "it must be at most sigmaClip (4.0)"),
    ]) func aSettingOutOfRange(_ setting: String, _ message: String) throws {
      let job = try CoaddJob()
      let end = try job.run(["-c", setting])
      #expect(end.status == 78 && end.errors.contains(message), "\(end.errors)")
      #expect(end.errors.split(separator: "\n").count == 1)
      #expect(!FileManager.default.fileExists(atPath: job.runFolder))
    }

    @Test func anotherConfigurationIsRefusedWithTheDifference() throws {
      let job = try CoaddJob()
      try job.run()
      let before = try job.products()
      let end = try job.run(["-c", "assembleCoadd:sigmaClip=5"], ranks: 2)
      #expect(end.status == 65 && end.errors.contains("assembleCoadd.sigmaClip was 4.0, is 5.0"), "\(end.errors)")
      #expect(try job.products() == before, "nothing is touched")
    }

    @Test func warpsStayExactlyWhereTheyAreRetained() throws {
      let dropping = try CoaddJob()
      try dropping.run()
      #expect(dropping.files("deepCoadd_tempExp").isEmpty && dropping.files("deepCoadd_tempExp_bins").isEmpty)
      let keeping = try CoaddJob(CoaddJob.retainingAll)
      try keeping.run()
      #expect(keeping.files("deepCoadd_tempExp").count == 24 && keeping.files("deepCoadd_tempExp_bins").count == 8)
      let (less, more) = (try dropping.products(), try keeping.products())
      for (name, digest) in less where name.hasSuffix(".h5") && name != "index.h5" {
        #expect(more[name] == digest, "\(name)")
      }
    }
  }
}
