// SPDX-License-Identifier: GPL-3.0-or-later

import Scheduling
import Testing

@Suite struct WorkerTests {
  struct Bench {
    var worker = Worker(startingAt: 0, heartbeatSeconds: 1, coordinatorLostAfter: 30)

    mutating func tell(_ event: WorkerEvent, at now: Double) -> [WorkerEffect] {
      var effects: [WorkerEffect] = []
      worker.handle(event, at: now, &effects)
      return effects
    }
  }

  private let a = Assignment(unit: 4, attempt: 1)
  private let b = Assignment(unit: 5, attempt: 2)

  @Test func unitsAreDoneInTheirOrder() {
    var bench = Bench()
    #expect(bench.tell(.assigned([a, b]), at: 0) == [.start(a)])
    #expect(bench.worker.running == a)
    #expect(bench.tell(.unitEnded(unit: 4, .succeeded), at: 2) == [.report(a, .succeeded, seconds: 2), .start(b)])
    #expect(bench.tell(.unitEnded(unit: 5, .failed), at: 3) == [.report(b, .failed, seconds: 1)])
    #expect(bench.worker.running == nil)
  }

  @Test func theEndOfWhatDoesNotRunIsIgnored() {
    var bench = Bench()
    #expect(bench.tell(.unitEnded(unit: 4, .succeeded), at: 0).isEmpty)
    _ = bench.tell(.assigned([a]), at: 0)
    #expect(bench.tell(.unitEnded(unit: 5, .succeeded), at: 1).isEmpty)
    #expect(bench.worker.running == a)
  }

  @Test func aQuantumIsAskedToEndAtItsTimeoutAndGivenUpAtOneAndAHalf() {
    var bench = Bench()
    _ = bench.tell(.assigned([a, b]), at: 0)
    _ = bench.tell(.quantumStarted(timeout: 10), at: 5)
    func ticks(_ time: Double) -> [WorkerEffect] { bench.tell(.tick, at: time).filter { $0 != .heartbeat } }
    #expect(ticks(15).isEmpty)
    #expect(ticks(15.1) == [.cancel])
    // Once is enough.
    #expect(ticks(19).isEmpty)
    #expect(ticks(20).isEmpty)
    #expect(
      ticks(20.1) == [.abandonThread, .report(a, .timedOut(isStuck: true), seconds: 20.1), .leave(.threadAbandoned)])
    #expect(bench.worker.isGone && bench.worker.running == nil)
    // It takes no more work, and says nothing more.
    #expect(bench.tell(.unitEnded(unit: 4, .succeeded), at: 21).isEmpty)
    #expect(bench.tell(.assigned([b]), at: 22).isEmpty)
    #expect(bench.tell(.tick, at: 99).isEmpty)
  }

  @Test func eachQuantumHasTimeOfItsOwn() {
    var bench = Bench()
    _ = bench.tell(.assigned([a]), at: 0)
    for start in stride(from: 0.0, to: 27, by: 9) {
      _ = bench.tell(.quantumStarted(timeout: 10), at: start)
      #expect(!bench.tell(.tick, at: start + 9).contains(.cancel))
    }
  }

  @Test func aQuantumThatListensReportsItself() {
    var bench = Bench()
    _ = bench.tell(.assigned([a, b]), at: 0)
    _ = bench.tell(.quantumStarted(timeout: 10), at: 0)
    #expect(bench.tell(.tick, at: 11).contains(.cancel))
    let ended = bench.tell(.unitEnded(unit: 4, .timedOut(isStuck: false)), at: 12)
    #expect(ended == [.report(a, .timedOut(isStuck: false), seconds: 12), .start(b)])
    // The flag of the last unit is not that of the next.
    _ = bench.tell(.heard, at: 12)
    #expect(!bench.tell(.tick, at: 30).contains(.cancel))
    _ = bench.tell(.quantumStarted(timeout: 1), at: 30)
    #expect(bench.tell(.tick, at: 31.2).contains(.cancel))
  }

  @Test func withoutATimeoutNothingIsCancelled() {
    var bench = Bench()
    _ = bench.tell(.assigned([a]), at: 0)
    _ = bench.tell(.quantumStarted(timeout: nil), at: 0)
    for time in stride(from: 1.0, to: 1000, by: 10) {
      _ = bench.tell(.heard, at: time)
      #expect(bench.tell(.tick, at: time) == [.heartbeat])
    }
  }

  @Test func signsOfLifeAreAsRareAsTheyMayBe() {
    var bench = Bench()
    var beats = 0
    for step in 1...50 {
      if bench.tell(.tick, at: Double(step) * 0.125).contains(.heartbeat) { beats += 1 }
    }
    #expect(beats == 6)
  }

  @Test func silenceOfTheCoordinatorEndsTheRank() {
    var bench = Bench()
    _ = bench.tell(.heard, at: 10)
    #expect(!bench.tell(.tick, at: 40).contains(.leave(.coordinatorLost)))
    #expect(bench.tell(.assigned([a]), at: 40) == [.start(a)])
    #expect(!bench.tell(.tick, at: 70).contains(.leave(.coordinatorLost)))
    #expect(bench.tell(.tick, at: 70.1).contains(.leave(.coordinatorLost)))
    #expect(bench.worker.isGone)
  }

  @Test func theCoordinatorsOwnRankNeverMissesIt() {
    var worker = Worker(startingAt: 0, heartbeatSeconds: 1, coordinatorLostAfter: nil)
    var effects: [WorkerEffect] = []
    worker.handle(.tick, at: 1e6, &effects)
    #expect(effects == [.heartbeat])
  }

  @Test func aReleasedRankLeaves() {
    var bench = Bench()
    _ = bench.tell(.assigned([a, b]), at: 0)
    #expect(bench.tell(.released, at: 1) == [.leave(.released)])
    #expect(bench.tell(.unitEnded(unit: 4, .succeeded), at: 2).isEmpty)
    #expect(bench.tell(.released, at: 3).isEmpty)
  }
}
