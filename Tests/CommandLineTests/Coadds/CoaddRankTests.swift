// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import OrderedCollections
import Repository
import SkyGeometry
import TaskFramework
import Testing

extension ProgramTests {
  /// The main job makes the same for any number of ranks, and says so in its report.
  @Suite(.serialized) struct CoaddRankTests {
    @Test(arguments: [1, 2, 3, 5]) func anyNumberOfRanksMakesTheSame(_ ranks: Int) throws {
      let job = try CoaddJob()
      let end = try job.run(ranks: ranks)
      #expect(end.status == 0, "\(end.errors)")
      try job.expectGolden("\(ranks) ranks")
    }

    @Test func anyOrderMakesTheSame() throws {
      let job = try CoaddJob()
      let end = try job.run(["--shuffle", "3"], ranks: 2)
      #expect(end.status == 0, "\(end.errors)")
      try job.expectGolden("another order")
    }

    @Test func thereIsACoaddOfEachKindForEachPatchAndBand() throws {
      let job = try CoaddJob()
      try job.run()
      for type in ["deepCoadd", "deepCoadd_nImage", "goodSeeingCoadd", "goodSeeingCoadd_nImage"] {
        #expect(job.files(type).count == 8, "\(type)")
      }
      #expect(job.files("deepCoadd_tempExp_background").count == 6)
      for patch in 0..<4 {
        #expect(try job.visits("deepCoadd", patch: patch, "g") == [100, 102, 104])
        #expect(try job.visits("goodSeeingCoadd", patch: patch, "r") == [101, 103])
        let image = try job.coadd("deepCoadd", patch: patch, "r").content.maskedImage
        #expect(image.image.pixels.filter(\.isFinite).count > image.box.area / 2, "patch \(patch) has data")
      }
    }

    @Test(arguments: [2, 3]) func theReportAddsUp(_ ranks: Int) throws {
      let job = try CoaddJob()
      try job.run(ranks: ranks)
      let report = try job.report()
      let expected = ["makeWarp": 24, "binWarps": 8, "matchBackgrounds": 2, "assembleCoadd": 8]
      for (task, planned) in expected {
        let counts = try job.counts(task)
        #expect(counts["expected"] == planned && counts["successful"] == planned, "\(task): \(counts)")
        let sum = ["successful", "failed", "blocked", "unknown"].reduce(0) { $0 + (counts[$1] ?? -1) }
        #expect(sum == planned, "\(task): \(counts)")
      }
      #expect(report["totals"]?["expected"] == .integer(42) && report["totals"]?["successful"] == .integer(42))
      let timing = try #require(report["timing"])
      let rows = try #require(timing["ranks"]?.elements)
      #expect(rows.count == ranks)
      var quanta: [String: Int64] = [:]
      for row in rows {
        guard case .object(let tasks)? = row["tasks"] else {
          Issue.record("rank without tasks: \(row)")
          continue
        }
        #expect(tasks.count >= 2, "every rank ran work of several kinds: \(tasks)")
        for (task, count) in tasks { if case .integer(let count) = count { quanta[task, default: 0] += count } }
      }
      #expect(quanta == expected.mapValues(Int64.init))
      // What tasks took is what ranks were busy with, but for what lies between quanta; ranks work side by side.
      let inTasks = try #require(timing["tasks"]?.elements).reduce(0) { $0 + ($1["seconds"]?.double ?? .nan) }
      let busy = rows.reduce(0) { $0 + ($1["busySeconds"]?.double ?? .nan) }
      let whole = try #require(timing["seconds"]?.double)
      #expect(inTasks > 0 && inTasks <= busy && busy <= whole * Double(ranks), "\(inTasks) s, \(busy) s, \(whole) s")
    }

    @Test func theCommandsAboutRuns() throws {
      let job = try CoaddJob()
      let plan = try job.command("plan", "job.yaml")
      #expect(
        plan.status == 0 && plan.output.contains("12 exposures, 42 quanta, 18 work units to do"), "\(plan.output)")
      try job.run()
      #expect(try job.run(["--run", "again"], ranks: 2).status == 0)
      let verification = try job.command("verify", job.runFolder)
      #expect(verification.status == 0, "\(verification.output)\(verification.errors)")
      let comparison = try job.command("compare", job.runFolder, job.runFolder("again"))
      #expect(
        comparison.status == 0 && comparison.output.hasSuffix("datasets are equal, and nothing differs\n"),
        "\(comparison.output)")
      let status = try job.command("status", job.runFolder)
      #expect(status.status == 0 && status.output.contains(": complete\n"), "\(status.output)")
      #expect(try job.run().errors.contains("nothing was left to do"))
      let written = try job.report()
      #expect(try job.command("report", job.runFolder).status == 0)
      #expect(try job.report() == written)
      // And what a comparison is for.
      #expect(try job.run(["--run", "other", "-c", "assembleCoadd:doClip=false"]).status == 0)
      let other = try job.command("compare", job.runFolder, job.runFolder("other"))
      #expect(
        other.status == 1 && other.output.contains("config: assembleCoadd.doClip: true / false"), "\(other.output)")
    }
  }
}
