// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// Anchors 5 #3–#6: whoever is killed, whenever: the same command finishes, and nothing that was recorded is done again.
  @Suite(.serialized) struct KillTests {
    /// Lets a run be killed, then runs it again.
    private func expectRecovery(
      _ what: String, launcherOptions: [String] = [], _ disturb: (MicroSurvey) throws -> Void
    ) throws {
      let survey = try MicroSurvey()
      try disturb(survey)
      let before = try survey.successes()
      let end = try survey.run(ranks: 3, launcherOptions: launcherOptions)
      #expect(end.status == 0, "\(what): \(end.errors)")
      try survey.expectGolden(what)
      let after = try survey.successes()
      for (recipe, count) in before { #expect(after[recipe] == count, "\(what): \(recipe) ran again") }
      #expect(after.values.allSatisfy { $0 == 1 }, "\(what): a quantum was recorded twice")
    }

    private func killed(at place: String, rank: Int) throws {
      try expectRecovery("\(place) on rank \(rank)") { survey in
        let end = try survey.run(["--inject", "\(place)@\(rank)"], ranks: 3)
        // The kill may come after all is over.
        #expect(end.status == 137 || end.status == 0, "\(place): \(end.status) \(end.errors)")
      }
    }

    @Test(arguments: [
      "plan:kill", "lock:kill", "unitStart:kill", "unitStart:kill:2", "read:kill", "read:kill:3", "write:kill",
      "write:kill:2",
      "published:kill", "published:kill:2", "unitEnd:kill", "unitEnd:kill:2", "journalAppend:kill",
      "journalAppend:kill:3",
      "journalAppend:kill:8", "journalSync:kill", "journalSync:kill:2", "reduction:kill", "report:kill", "index:kill",
    ]) func rankZero(_ place: String) throws { try killed(at: place, rank: 0) }

    @Test(arguments: [
      "welcome:kill", "unitStart:kill", "unitStart:kill:2", "unitStart:kill:3", "read:kill", "read:kill:2",
      "write:kill",
      "write:kill:2", "published:kill", "published:kill:2", "unitEnd:kill", "unitEnd:kill:2", "result:kill",
      "result:kill:2",
    ]) func aWorker(_ place: String) throws { try killed(at: place, rank: 1) }

    @Test(arguments: 1...6) func aWorkerAtAnyInstant(_ seed: Int) throws {
      var random = SystemRandomNumberGenerator()
      let delay = Double.random(in: 0.1...0.7, using: &random)
      try expectRecovery("worker after \(delay) s") { survey in
        let process = try survey.start(ranks: 3)
        usleep(UInt32(delay * 1e6))
        if let rank = process.ranks.last { kill(rank, SIGKILL) }
        do {
          _ = try process.end(seconds: 30)
        } catch is ProgramProcess.TimedOut where process.errorsSoFar.contains("PMIX ERROR") {
          // Open MPI's launcher can wait for ever for a rank that it lost within MPI_Init. It is killed then, as a person or a batch system does it.
        }
      }
    }

    @Test(arguments: 1...20) func mpirun(_ number: Int) throws {
      // Spread over the whole of the job, with some chance in it.
      let delay = 0.035 * Double(number) + Double.random(in: 0...0.03)
      try expectRecovery("mpirun after \(delay) s") { survey in
        let process = try survey.start(ranks: 3)
        usleep(UInt32(delay * 1e6))
        kill(process.pid, SIGKILL)
        _ = try process.end()
      }
    }

    /// With the launcher's help the others go on, and the job ends well.
    @Test(arguments: ["unitStart:kill", "write:kill:2", "result:kill", "unitEnd:kill"])
    func othersGoOnWhereTheLauncherLetsThem(_ place: String) throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["--inject", "\(place)@1"], ranks: 3, launcherOptions: ["--enable-recovery"])
      #expect(end.status == 0, "\(end.errors)")
      try survey.expectGolden(place)
      #expect(end.errors.contains("rank 1") && end.errors.contains("is lost: its process is gone"))
      let timing = try #require(survey.report()["timing"])
      #expect(timing["lost"]?.elements?.first?["rank"] == .integer(1))
    }

    @Test func whereRankZeroIsGoneTheOthersLeave() throws {
      try expectRecovery("rank 0 in recovery mode") { survey in
        let process = try survey.start(
          ["--inject", "unitStart:kill:2@0"], ranks: 3, launcherOptions: ["--enable-recovery"])
        let end = try process.end(seconds: 30)
        #expect(end.errors.contains("rank 0 is gone"))
      }
    }
  }
}
