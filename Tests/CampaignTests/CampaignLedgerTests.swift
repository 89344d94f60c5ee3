// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Digests
import Foundation
import MockTasks
import Repository
import TaskFramework
import Testing

@Suite struct CampaignLedgerTests {
  /// Feeds a ledger with what units say.
  private struct Bench {
    let plan: RunPlan
    var ledger: CampaignLedger

    init(_ plan: RunPlan) {
      self.plan = plan
      ledger = CampaignLedger(plan, run: "micro")
    }

    func unit(_ name: String) throws -> Int {
      try #require(plan.units.indices.first { plan.name(ofUnit: $0) == name }, "\(name)")
    }

    /// - Returns: the units that can no longer run, and the datasets that may go, by name.
    mutating func end(_ name: String, _ ends: [UnitSummary.End]) throws -> (blocked: Set<String>, done: [String]) {
      let unit = try unit(name)
      let order = ledger.order(for: unit)
      let summary = UnitSummary(
        quanta: zip(order.quanta, ends).map { quantum, end in
          let places = quantum.outputs.indices.filter { end == .succeeded && quantum.outputs[$0].isStored }
          return .init(
            end: end,
            files: Dictionary(
              uniqueKeysWithValues: places.map { ($0, FileDigest(size: 1, sha256: SHA256.hex("\($0)"))) }))
        })
      let consequences = try #require(ledger.consequences(of: unit, summary))
      let done = ledger.accept(consequences)
      return (Set(consequences.blockedUnits.map { plan.name(ofUnit: $0) }), done.map { "\($0)" })
    }

    func ends(_ name: String) -> UnitSummary.End? {
      plan.graph.quanta.indices.first { plan.graph.name($0) == name }.flatMap { ledger.end(of: $0) }
    }
  }

  private let survey: MockSurvey
  private var bench: Bench
  private var coadds: [Int64: String] = [:]

  init() throws {
    survey = try MockSurvey()
    let plan = try survey.plan(try survey.job())
    bench = Bench(plan)
    for detector: Int64 in 0...1 {
      let difference = try #require(
        plan.quantum("mockDifference", [.visit: .number(102), .detector: .number(detector)]))
      coadds[detector] = "mockCoadd of \(try #require(plan.graph.quantum(difference).inputs["coadds"]?.first).dataID)"
    }
  }

  private func measured(_ visit: Int, _ detector: Int) -> String {
    "mockCalibrate+mockMeasure of visit \(visit), detector \(detector)"
  }

  @Test mutating func aFailureBlocksAllThatNeedsIt() throws {
    let (blocked, _) = try bench.end(measured(100, 0), [.failed, .blocked])
    // Its coadd, the difference with that, and the summary of the visit, which has another difference to read, but needs each.
    #expect(blocked == [coadds[0] ?? "", "mockDifference of visit 102, detector 0", "mockSummary of visit 102"])
    #expect(bench.ends("mockMeasure of visit 100, detector 0") == .blocked)
    #expect(bench.ledger.endCounts == [0, 1, 4])
    // What cannot run is written down by rank 0, of what ran the unit speaks itself.
    #expect(bench.ledger.unrecordedBlocked.count == 3)
  }

  @Test mutating func theSecondHalfOfAChainMayFailAlone() throws {
    let (blocked, done) = try bench.end(measured(102, 1), [.succeeded, .failed])
    #expect(blocked == ["mockDifference of visit 102, detector 1", "mockSummary of visit 102"])
    #expect(done.isEmpty)
    #expect(bench.ledger.endCounts == [1, 1, 2])
  }

  @Test mutating func theConsequencesOfTwoFailuresAddUp() throws {
    #expect(try bench.end(measured(100, 0), [.failed, .blocked]).blocked.count == 3)
    // All that needs this one is blocked already but its own coadd of r, which nobody reads.
    let (blocked, _) = try bench.end(measured(101, 0), [.failed, .blocked])
    #expect(blocked.count == 1 && blocked.first?.hasSuffix("band r") == true)
  }

  @Test mutating func whatDoesNotFitItsUnitIsRefused() throws {
    let unit = try bench.unit(measured(100, 0))
    let one = UnitSummary(quanta: [.init(end: .succeeded, files: [:])])
    #expect(bench.ledger.consequences(of: unit, one) == nil)
    #expect(bench.ledger.consequences(of: -1, one) == nil && bench.ledger.consequences(of: 999, one) == nil)
    // A file of an output that there is not is none.
    let digest = FileDigest(size: 1, sha256: SHA256.hex("x"))
    let odd = UnitSummary(quanta: [
      .init(end: .succeeded, files: [-1: digest, 99: digest]), .init(end: .succeeded, files: [:]),
    ])
    let consequences = try #require(bench.ledger.consequences(of: unit, odd))
    #expect(bench.ledger.accept(consequences).isEmpty)
  }

  // MARK: - Orders

  @Test mutating func anOrderSaysWhereTheInputsAre() throws {
    let first = bench.ledger.order(for: try bench.unit(measured(100, 0)))
    #expect(first.name == measured(100, 0) && first.quanta.count == 2)
    #expect(first.quanta[0].inputs.map(\.source?.path) == ["calexp/visit100/calexp-visit100-detector0.h5"])
    #expect(first.quanta[0].inputs[0].recipe == nil)
    // What the unit makes itself has no place, and no file of its own.
    #expect(first.quanta[1].inputs.map(\.source) == [nil])
    #expect(first.quanta[1].inputs[0].recipe == first.quanta[0].recipe)
    #expect(first.quanta.map { $0.outputs.map(\.isStored) } == [[false], [true]])
    _ = try bench.end(measured(100, 0), [.succeeded, .succeeded])
    let coadd = bench.ledger.order(for: try bench.unit(coadds[0] ?? ""))
    #expect(
      coadd.quanta[0].inputs.map(\.source?.path) == [
        "runs/micro/mock_measured/visit100/mock_measured-visit100-detector0.h5"
      ])
  }

  // MARK: - What may go

  @Test mutating func anIntermediateGoesAfterAllItsReaders() throws {
    for visit in 100...102 {
      for detector in 0...1 {
        #expect(try bench.end(measured(visit, detector), [.succeeded, .succeeded]).done.isEmpty)
      }
    }
    let coadd = try #require(coadds[0])
    #expect(try bench.end(coadd, [.succeeded]).done.isEmpty)
    let (_, done) = try bench.end("mockDifference of visit 102, detector 0", [.succeeded])
    #expect(done == [coadd.replacingOccurrences(of: "mockCoadd", with: "mock_coadd")])
    // What is retained stays.
    #expect(try bench.end("mockSummary of visit 102", [.succeeded]).done.isEmpty)
  }

  @Test mutating func anIntermediateThatNobodyReadsGoesAtOnce() throws {
    _ = try bench.end(measured(101, 0), [.succeeded, .succeeded])
    let name = try #require(
      bench.plan.graph.quanta.indices.map { bench.plan.graph.name($0) }.first {
        $0.hasPrefix("mockCoadd") && $0.hasSuffix("band r")
      })
    #expect(try bench.end(name, [.succeeded]).done.count == 1)
  }

  @Test mutating func whatAFailedReaderNeedsStays() throws {
    let coadd = try #require(coadds[0])
    #expect(try bench.end(coadd, [.succeeded]).done.isEmpty)
    #expect(try bench.end("mockDifference of visit 102, detector 0", [.failed]).done.isEmpty)
    // Neither when the reader is blocked, since it is tried again with what blocked it.
    _ = try bench.end(measured(102, 1), [.failed, .blocked])
    #expect(try bench.end(try #require(coadds[1]), [.succeeded]).done.isEmpty)
  }

  // MARK: - Parts of units, and optional inputs

  enum Make: Wiring { static var wires: [Connection] { [wire(.prerequisiteInput, "calexp"), wire(.output, "a")] } }
  /// Units are whole visits, quanta are detectors.
  enum ByVisit: Wiring {
    static var unitDimensions: Set<TaskFramework.Dimension>? { [.visit] }
    static var wires: [Connection] { [wire(.input, "a"), wire(.output, "v")] }
  }
  /// Takes what there is.
  enum Gather: Wiring {
    static var canMultiprocess: Bool { false }
    static var dimensions: Set<TaskFramework.Dimension> { [.visit] }
    static var wires: [Connection] {
      [wire(.input, "v", multiple: true, minimum: 0), wire(.output, "g", by: [.visit])]
    }
  }

  private func wired() throws -> Bench {
    let job = Job(
      tasks: [WiredTask<Make>.self, WiredTask<ByVisit>.self, WiredTask<Gather>.self], repository: survey.repository)
    return Bench(try survey.plan(job))
  }

  @Test func aUnitOfWhichAPartIsBlockedStillRuns() throws {
    var bench = try wired()
    let (blocked, _) = try bench.end("Make of visit 100, detector 0", [.failed])
    #expect(blocked.isEmpty)
    #expect(
      bench.ends("ByVisit of visit 100, detector 0") == .blocked
        && bench.ends("ByVisit of visit 100, detector 1") == nil)
    let order = bench.ledger.order(for: try bench.unit("ByVisit of visit 100"))
    #expect(order.quanta.map(\.isBlocked) == [true, false])
    // What is not there is no input.
    #expect(order.quanta.map(\.inputs.count) == [0, 0])
    // It says itself what of it was blocked.
    #expect(bench.ledger.unrecordedBlocked.isEmpty)
    // Once nothing of it can run it is blocked as a whole; what may do without runs all the same.
    #expect(try bench.end("Make of visit 100, detector 1", [.failed]).blocked == ["ByVisit of visit 100"])
    #expect(bench.ends("Gather of visit 100") == nil)
    #expect(bench.ledger.unrecordedBlocked.count == 2)
    let gather = bench.ledger.order(for: try bench.unit("Gather of visit 100"))
    #expect(gather.quanta[0].inputs.isEmpty && !gather.quanta[0].isBlocked)
  }

  @Test func optionalInputsDoNotBlock() throws {
    var bench = try wired()
    _ = try bench.end("Make of visit 100, detector 0", [.succeeded])
    _ = try bench.end("Make of visit 100, detector 1", [.succeeded])
    let (blocked, _) = try bench.end("ByVisit of visit 100", [.failed, .succeeded])
    #expect(blocked.isEmpty)
    let order = bench.ledger.order(for: try bench.unit("Gather of visit 100"))
    #expect(order.quanta[0].inputs.map { "\($0.reference)" } == ["v of visit 100, detector 1"])
  }

  @Test func whatWasDoneBeforeCounts() throws {
    let job = try survey.job()
    var run = FakeRun(job)
    try run.execute(try survey.plan(job))
    let ledger = CampaignLedger(try survey.plan(job, try run.history()), run: "micro")
    #expect(ledger.endCounts == [19, 0, 0] && ledger.unrecordedBlocked.isEmpty)
  }
}
