// SPDX-License-Identifier: GPL-3.0-or-later

import Reporting
import TaskFramework
import TestSupport
import Testing

/// Statistics of all quanta: any order gives the same bytes, and no bytes trap.
@Suite struct CampaignStatisticsTests {
  @Test func mergingInAnyOrderGivesTheSameBytes() throws {
    var random = SeededRandom(99)
    let records = try (0..<1500).map { try SampleRun.record($0, failing: 6) }
    var whole = CampaignStatistics()
    for record in records { whole.add(record) }
    let bytes = whole.encode()
    #expect(whole.count == 1500)
    for parts in [1, 2, 7, 40] {
      var pieces = [CampaignStatistics](repeating: CampaignStatistics(), count: parts)
      for record in records.shuffled(using: &random) { pieces[Int(random.next() % UInt64(parts))].add(record) }
      while pieces.count > 1 {
        // As ranks do: over the wire, and whoever is there with whoever is there.
        let other = pieces.remove(at: Int(random.next() % UInt64(pieces.count)))
        pieces[Int(random.next() % UInt64(pieces.count))].merge(try CampaignStatistics(decoding: other.encode()))
      }
      #expect(pieces[0].encode() == bytes)
      #expect(pieces[0] == whole)
    }
  }

  /// More failures and caveats than are listed, most of them out of order.
  @Test func cappedListsDoNotDependOnTheOrder() throws {
    var random = SeededRandom(5)
    let records = try (0..<5000).map { number in
      QuantumRecord(
        task: "task\(number % 3)", dataID: try SampleRun.dataID(number / 2),
        outcome: number % 5 == 0
          ? .succeeded(.noWork) : .failed(category: "E\(number % 2)", message: "no \(number % 7)"))
    }
    var forward = CampaignStatistics()
    var backward = CampaignStatistics()
    var (left, right) = (CampaignStatistics(), CampaignStatistics())
    for record in records { forward.add(record) }
    for record in records.reversed() { backward.add(record) }
    for record in records.shuffled(using: &random) {
      if random.next() % 3 == 0 { left.add(record) } else { right.add(record) }
    }
    left.merge(right)
    #expect(forward == backward && forward == left)
    #expect(forward.failures.count == CampaignStatistics.listLimit && forward.failureCount == 4000)
    #expect(forward.caveats.count == 1000)
    let failures = forward.failures
    for (a, b) in zip(failures, failures.dropFirst()) { #expect((a.task, a.dataID) <= (b.task, b.dataID)) }
    #expect(failures.allSatisfy { $0.task == "task0" })
  }

  @Test func textsAreCut() throws {
    var statistics = CampaignStatistics()
    statistics.add(
      QuantumRecord(
        task: "a", dataID: .empty, outcome: .failed(category: "E", message: String(repeating: "é", count: 5000)),
        inputs: (0..<50).map { "input \($0)" }, logTail: (0..<50).map { "line \($0)" }))
    let failure = try #require(statistics.failures.first)
    #expect(failure.message.hasSuffix("é…") && failure.message.utf8.count <= 2003)
    #expect(failure.inputs.count == 20 && failure.inputs.first == "input 0")
    #expect(failure.logTail.count == 20 && failure.logTail.last == "line 49")
  }

  @Test func keysLeadThroughNodes() throws {
    let statistics = try SampleRun.statistics(0..<100, failing: 0)
    #expect(statistics.metadata(task: "makeWarp", key: "makeWarp:select.nGood")?.numbers?.count == 20)
    #expect(
      statistics.metadata(task: "makeWarp", key: "makeWarp.spatialConditionNums")?.numbers?.count == 40, "of arrays all"
    )
    #expect(statistics.metadata(task: "makeWarp", key: "makeWarp.mode")?.texts?.count == 20)
    #expect(statistics.metadata(task: "makeWarp", key: "nothing") == nil)
  }

  @Test func quantaWithoutWordsTakeNoRoom() throws {
    var statistics = CampaignStatistics()
    for number in 0..<1000 {
      statistics.add(QuantumRecord(task: "makeWarp", dataID: try SampleRun.dataID(number), outcome: .succeeded([])))
    }
    #expect(statistics.encode().count < 100)
    #expect(try CampaignStatistics(decoding: CampaignStatistics().encode()) == CampaignStatistics())
  }

  // MARK: - Bytes that are something else

  @Test func everyCutIsAnError() throws {
    let bytes = try SampleRun.statistics(0..<60, failing: 4).encode()
    #expect(try CampaignStatistics(decoding: bytes).encode() == bytes)
    for length in 0..<bytes.count {
      #expect(throws: StatisticsDecodingError.self) { try CampaignStatistics(decoding: Array(bytes[..<length])) }
    }
    #expect(throws: StatisticsDecodingError.self) { try CampaignStatistics(decoding: bytes + [0]) }
  }

  /// Damage is an error, or other statistics that can be used like any.
  @Test func damagedBytesNeverTrap() throws {
    var random = SeededRandom(2024)
    let whole = try SampleRun.statistics(0..<60, failing: 4)
    let bytes = whole.encode()
    var survivors = 0
    for _ in 0..<4000 {
      var damaged = bytes
      for _ in 0...Int(random.next() % 3) {
        let place = Int(random.next() % UInt64(bytes.count))
        damaged[place] =
          random.next() % 2 == 0 ? damaged[place] ^ (1 << UInt8(random.next() % 8)) : UInt8(random.next() % 256)
      }
      guard var statistics = try? CampaignStatistics(decoding: damaged) else { continue }
      survivors += 1
      #expect(try CampaignStatistics(decoding: statistics.encode()) == statistics)
      statistics.merge(whole)
      statistics.merge(statistics)
      var report = try SampleRun.report(quanta: 0, failing: 0)
      report.statistics = statistics
      if survivors % 20 == 0 { _ = ReportPage(report: report.json).html } else { _ = report.json }
    }
    #expect(survivors > 0)
    for _ in 0..<2000 {
      let noise = (0..<Int(random.next() % 200)).map { _ in UInt8(random.next() % 256) }
      #expect(throws: StatisticsDecodingError.self) { try CampaignStatistics(decoding: Array(bytes.prefix(8)) + noise) }
    }
  }

  @Test func hundredThousandQuanta() throws {
    let records = try (0..<500).map { try SampleRun.record($0, failing: 50) }
    var statistics = CampaignStatistics()
    for _ in 0..<200 { for record in records { statistics.add(record) } }
    #expect(statistics.count == 100_000)
    #expect(statistics.encode().count < 2_000_000)
  }
}
