// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Scheduling
import Testing

@Suite struct SimulationTests {
  /// Anchors 5 #27: any interleaving of faults keeps the invariants, and the batch has seen each fault and each state.
  @Test func tenThousandSeeds() async throws {
    let total = try await withThrowingTaskGroup(of: [String: Int].self) { group in
      for lane in 0..<4 {
        group.addTask {
          var occurrences: [String: Int] = [:]
          for seed in stride(from: UInt64(lane), to: 10_000, by: 4) {
            let summary = try SimulatedCampaign(seed: seed).run()
            occurrences.merge(summary.occurrences) { $0 + $1 }
            occurrences["events", default: 0] += summary.events
          }
          return occurrences
        }
      }
      return try await group.reduce(into: [String: Int]()) { $0.merge($1) { $0 + $1 } }
    }
    #expect(total["events", default: 0] > 5_000_000)
    for name in [
      "death", "death by poison", "stop", "coordinator crash", "journal tail lost", "drain", "late result", "timeout",
      "loss",
      "quarantine", "thread abandoned", "cancel", "exclusive group", "runs without a blocked unit", "journal synced",
      "end: complete", "end: drained",
      "end: crash", "end: noRanks", "end: failedFast", "end: tooManyFailures", "end: storageFull", "leave: released",
      "leave: threadAbandoned",
    ] + UnitState.allCases.map({ "state: \($0)" }) {
      #expect(total[name, default: 0] > 0, "\(name) was never seen")
    }
  }

  @Test func aSeedRepeatsItself() throws {
    for seed: UInt64 in [3, 77, 1234] {
      #expect(try SimulatedCampaign(seed: seed).run() == SimulatedCampaign(seed: seed).run())
    }
  }
}
