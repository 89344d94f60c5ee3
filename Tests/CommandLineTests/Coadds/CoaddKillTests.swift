// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// The main job after a kill or a drain: the same command finishes it, byte for byte.
  @Suite(.serialized) struct CoaddKillTests {
    private func expectRecovery(_ what: String, ranks: Int? = 3, _ disturb: (CoaddJob) throws -> Void) throws {
      let job = try CoaddJob()
      try disturb(job)
      let before = try job.successes()
      let end = try job.run(ranks: ranks)
      #expect(end.status == 0, "\(what): \(end.errors)")
      try job.expectGolden(what)
      let after = try job.successes()
      #expect(before.allSatisfy { after[$0.key] == $0.value }, "\(what): what was recorded ran again")
      #expect(after.values.allSatisfy { $0 == 1 }, "\(what): a quantum was recorded twice")
    }

    @Test(arguments: [
      ("write:kill:4", 1), ("unitStart:kill:1/assembleCoadd", 1),
      ("published:kill:5", 0), ("journalAppend:kill:6", 0),
    ]) func aRankIsKilled(_ place: String, _ rank: Int) throws {
      try expectRecovery("\(place) on rank \(rank)") { job in
        let parts = place.split(separator: "/", maxSplits: 1)
        let fault = "\(parts[0])@\(rank)" + (parts.count > 1 ? "/\(parts[1])" : "")
        let end = try job.run(["--inject", fault], ranks: 3)
        // Nobody knows which rank gets which work, so that the place may never come; but there is one journal.
        #expect(
          end.status == 137 || end.status == 0 && !place.hasPrefix("journal"), "\(place): \(end.status) \(end.errors)")
      }
    }

    @Test(arguments: ["warps", "backgrounds", "coadds"]) func mpirunIsKilled(_ stage: String) throws {
      let type = ["warps": "deepCoadd_tempExp", "backgrounds": "deepCoadd_tempExp_background", "coadds": "deepCoadd"][
        stage]
      try expectRecovery("mpirun among \(stage)") { job in
        let process = try job.start(ranks: 3)
        try process.wait { !job.files(type ?? "").isEmpty }
        kill(process.pid, SIGKILL)
        _ = try process.end()
      }
    }

    @Test(arguments: [nil, 3]) func aDrainFinishesWhatRuns(_ ranks: Int?) throws {
      try expectRecovery("drain", ranks: ranks) { job in
        let end = try job.run(["--inject", "unitEnd:drain:3@0"], ranks: ranks)
        #expect(end.status == 75 && end.errors.contains("drained; the same command goes on"), "\(end.errors)")
        #expect(try job.report()["status"] == .string("interrupted"))
        #expect(try job.recordedQuanta().count < 42)
      }
    }
  }
}
