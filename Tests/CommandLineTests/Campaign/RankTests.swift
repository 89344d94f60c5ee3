// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import OrderedCollections
import TaskFramework
import Testing

extension ProgramTests {
  /// Anchors 5 #1, #2: the number of ranks and the order of work show nowhere.
  @Suite(.serialized) struct RankTests {
    @Test(arguments: [1, 2, 3, 5, 12]) func anyNumberOfRanksMakesTheSame(_ ranks: Int) throws {
      let survey = try MicroSurvey()
      let end = try survey.run(ranks: ranks)
      #expect(end.status == 0, "\(end.errors)")
      try survey.expectGolden("\(ranks) ranks")
    }

    @Test(arguments: 1...5) func anyOrderMakesTheSame(_ seed: Int) throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["--shuffle", "\(seed)"], ranks: 3)
      #expect(end.status == 0, "\(end.errors)")
      try survey.expectGolden("order \(seed)")
    }

    @Test func threeRanksAreAllBusy() throws {
      let survey = try MicroSurvey()
      try survey.run(ranks: 3)
      let ranks = try #require(survey.report()["timing"]?["ranks"]?.elements)
      #expect(ranks.count == 3)
      for rank in ranks {
        let busy = try #require(rank["busySeconds"]?.double)
        #expect(busy > 0)
        let kinds = try #require(rank["tasks"])
        guard case .object(let tasks) = kinds else { continue }
        #expect(tasks.count >= 2, "every rank ran work of several kinds: \(tasks)")
      }
    }

    @Test func theReportMadeAgainIsTheSame() throws {
      let survey = try MicroSurvey()
      try survey.run(["-c", "mockDifference:fails=visit 102, detector 1"], ranks: 3)
      let written = try survey.report()
      let end = try survey.command("report", survey.runFolder)
      #expect(end.status == 0 && end.output.hasSuffix("report.html\n"), "\(end.errors)")
      #expect(try survey.report() == written)
    }

    @Test func allQuantaOfATaskThatCannotMultiprocessAreOnOneRank() throws {
      let survey = try MicroSurvey(visits: 10) {
        $0 = $0.replacing("visit: 100..102", with: "visit: 100..109").replacing("seconds: 0.05", with: "seconds: 0.0")
      }
      let end = try survey.run(["-c", "mockSummary:seconds=0.05"], ranks: 3)
      #expect(end.status == 0, "\(end.errors)")
      let ranks = try #require(survey.report()["timing"]?["ranks"]?.elements)
      let withSummary = ranks.filter { $0["tasks"]?["mockSummary"] != nil }
      #expect(withSummary.count == 1 && withSummary.first?["tasks"]?["mockSummary"] == .integer(8))
    }

    /// Anchors 5 #29.
    @Test func theEnvironmentShowsNowhere() throws {
      for environment in [
        ["TZ": "Pacific/Auckland", "LC_ALL": "de_DE.UTF-8"], ["LC_ALL": "C", "HOME": "/nonexistent"],
        ["OMP_NUM_THREADS": "8", "OPENBLAS_NUM_THREADS": "8"],
      ] {
        let survey = try MicroSurvey()
        let end = try survey.run(environment: environment)
        #expect(end.status == 0, "\(end.errors)")
        try survey.expectGolden("\(environment)")
      }
    }
  }
}
