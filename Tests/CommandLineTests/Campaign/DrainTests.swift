// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// Anchors 5 #7, #8: signals end a run in good order.
  @Suite(.serialized) struct DrainTests {
    private func hasBegun(_ survey: MicroSurvey) -> Bool { (try? survey.successes().isEmpty) == false }

    @Test(arguments: [nil, 3]) func aDrainFinishesWhatRunsAndTheSameCommandGoesOn(_ ranks: Int?) throws {
      let survey = try MicroSurvey()
      let process = try survey.start(["-c", "mockCalibrate:seconds=0.2"], ranks: ranks)
      try process.wait { hasBegun(survey) }
      kill(process.pid, SIGUSR1)
      usleep(20_000)
      kill(process.pid, SIGUSR1)
      let end = try process.end()
      #expect(end.status == 75, "\(end.errors)")
      #expect(end.errors.contains("drained; the same command goes on"))
      #expect(try survey.report()["status"] == .string("interrupted"))
      let before = try survey.successes()
      #expect(before.count < 19)
      #expect(try survey.counts("mockCalibrate")["unknown"] ?? 0 > 0)
      let again = try survey.run(["-c", "mockCalibrate:seconds=0.2"], ranks: ranks)
      #expect(again.status == 0, "\(again.errors)")
      #expect(try survey.successes().values.allSatisfy { $0 == 1 })
      #expect(try survey.report()["status"] == .string("complete"))
    }

    @Test(arguments: [SIGTERM, SIGINT]) func aStopEndsAtOnce(_ signal: Int32) throws {
      let survey = try MicroSurvey()
      let process = try survey.start(["-c", "mockCoadd:seconds=30"])
      try process.wait { hasBegun(survey) }
      kill(process.pid, signal)
      let end = try process.end(seconds: 5)
      #expect(end.status == 75 && !end.diedBySignal, "\(end.errors)")
      #expect(end.errors.contains("stopped; the same command goes on"))
      // Another duration is another configuration.
      let refused = try survey.run()
      #expect(refused.status == 65 && refused.errors.contains("mockCoadd.seconds was 30.0, is 0.05"))
    }

    @Test func aStopOfAllRanksLosesNothing() throws {
      for signal in [SIGTERM, SIGINT] {
        let survey = try MicroSurvey()
        let process = try survey.start(ranks: 3)
        try process.wait { hasBegun(survey) }
        kill(process.pid, signal)
        #expect(try process.end(seconds: 10).status != 0)
        let before = try survey.successes()
        let end = try survey.run(ranks: 3)
        #expect(end.status == 0, "\(end.errors)")
        try survey.expectGolden("signal \(signal)")
        let after = try survey.successes()
        #expect(before.allSatisfy { after[$0.key] == 1 })
      }
    }
  }
}
