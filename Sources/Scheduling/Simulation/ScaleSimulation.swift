// SPDX-License-Identifier: GPL-3.0-or-later
// A campaign of a size that no machine here has.

internal import HeapModule

/// The real coordinator with very many ranks and units, in virtual time: how fast it has to be, and how fast it is.
package struct ScaleSimulation {
  package let rankCount: Int
  package let unitCount: Int
  /// Mean seconds of a unit.
  package let meanSeconds: Double
  /// Ranks that die in the course of it.
  package let deathCount: Int

  package struct Outcome: Sendable {
    /// Virtual seconds from the first unit to the last.
    package var virtualSeconds = 0.0
    /// Virtual seconds below which no schedule could be: all work, divided by all ranks.
    package var idealSeconds = 0.0
    package var events = 0
    package var doneCount = 0
    package var lossCount = 0

    package init() {}
  }

  package init(rankCount: Int, unitCount: Int, meanSeconds: Double = 60, deathCount: Int = 100) {
    self.rankCount = rankCount
    self.unitCount = unitCount
    self.meanSeconds = meanSeconds
    self.deathCount = deathCount
  }

  /// Units an average rank finishes in a second, times ranks: what the coordinator must keep up with.
  package var neededRate: Double { Double(rankCount) / meanSeconds }

  private struct Scheduled: Comparable {
    let time: Double
    let rank: Int
    let assignment: Assignment?

    static func < (a: Scheduled, b: Scheduled) -> Bool { (a.time, a.rank) < (b.time, b.rank) }
  }

  /// A graph as campaigns have it: patches that gather visits, visits that wait for patches.
  ///
  /// - Throws: ``WorkGraphError``.
  package func makeGraph() throws(WorkGraphError) -> WorkGraph {
    var random = SeededGenerator(seed: 1)
    let first = unitCount / 2
    var offsets: [Int32] = [0]
    offsets.reserveCapacity(unitCount + 1)
    var upstream: [Int32] = []
    var traits: [WorkUnitTraits] = []
    traits.reserveCapacity(unitCount)
    for unit in 0..<unitCount {
      let isSecond = unit >= first && first > 0
      if isSecond { for _ in 0..<2 { upstream.append(Int32(Int.random(in: 0..<first, using: &random))) } }
      offsets.append(Int32(upstream.count))
      traits.append(
        WorkUnitTraits(
          stage: isSecond ? 1 : 0, cost: 0.5 + random.unit(),
          affinity: isSecond ? Int(upstream[upstream.count - 1]) / 64 : nil))
    }
    return try WorkGraph(traits, upstreamOffsets: offsets, upstreamList: upstream)
  }

  /// Runs all units.
  package func run(_ graph: WorkGraph) -> Outcome {
    var random = SeededGenerator(seed: 2)
    var outcome = Outcome()
    var coordinator = Coordinator(graph)
    var queue = Heap<Scheduled>()
    var effects: [CoordinatorEffect] = []
    var now = 0.0
    var recordCount = 0
    var work = 0.0
    func carryOut() -> Bool {
      for effect in effects {
        switch effect {
        case .assign(let rank, let assignments):
          var time = now
          for assignment in assignments {
            let seconds = meanSeconds * Double(graph.costs[assignment.unit]) * (0.8 + 0.4 * random.unit())
            work += seconds
            time += seconds
            queue.insert(Scheduled(time: time, rank: rank, assignment: assignment))
          }
        case .record: recordCount += 1
        case .recordStrike: outcome.lossCount += 1
        case .end: return true
        default: break
        }
      }
      effects.removeAll(keepingCapacity: true)
      return false
    }
    for rank in 0..<rankCount {
      coordinator.handle(.joined(rank: rank), at: 0, &effects)
      _ = carryOut()
    }
    for death in 0..<deathCount {
      queue.insert(
        Scheduled(
          time: meanSeconds * (1 + Double(death)), rank: Int.random(in: 0..<rankCount, using: &random), assignment: nil)
      )
    }
    while let next = queue.popMin() {
      now = next.time
      outcome.events += 1
      if let assignment = next.assignment {
        coordinator.handle(
          .finished(
            rank: next.rank, unit: assignment.unit, attempt: assignment.attempt, .succeeded, seconds: meanSeconds,
            blocked: []),
          at: now, &effects)
      } else {
        coordinator.handle(.lost(rank: next.rank), at: now, &effects)
      }
      if carryOut() { break }
      // Groups of results become safe together.
      if outcome.events % 1000 == 0 || coordinator.count(.running) == 0 {
        coordinator.handle(.durable(recordCount: recordCount), at: now, &effects)
        if carryOut() { break }
      }
    }
    outcome.virtualSeconds = now
    outcome.idealSeconds = work / Double(rankCount)
    outcome.doneCount = coordinator.count(.done)
    return outcome
  }
}
