// SPDX-License-Identifier: GPL-3.0-or-later
// A campaign that a seed makes up.

/// A made-up campaign: units, what becomes of each, ranks, and what goes wrong.
struct SimulationPlan {
  /// What happens when a unit is run.
  enum Nature {
    case sound
    /// Its data are bad: it fails whenever it runs.
    case bad
    /// It kills its rank.
    case poison
    /// It never ends, and does not listen.
    case endless
    /// It never ends, but looks at the flag.
    case slow
    /// Its first runs find no file, then it is well.
    case flaky(failures: Int)
    /// There is no space for what it writes, whatever is tried.
    case homeless
  }

  let rankCount: Int
  let graph: WorkGraph
  let upstream: [[Int]]
  /// Of each unit, those of its upstream without which it cannot run.
  let required: [[Int]]
  let natures: [Nature]
  let seconds: [Double]
  /// Whether the launcher lets the others live when a rank dies.
  let survivesDeaths: Bool
  /// Expected faults of each kind in a second of a session.
  let deathRate: Double
  let stopRate: Double
  let crashRate: Double
  let drainRate: Double
  let policy: SchedulingPolicy
  let timeout = 40.0

  init(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    rankCount = random.chance(0.3) ? Int.random(in: 1...64, using: &random) : Int.random(in: 1...8, using: &random)
    let unitCount =
      random.chance(0.2) ? Int.random(in: 0...500, using: &random) : Int.random(in: 0...50, using: &random)
    let isTroubled = random.chance(0.7)
    let stageCount = Int.random(in: 1...5, using: &random)
    let hasGroup = random.chance(0.3)
    var units: [WorkUnitTraits] = []
    var upstream: [[Int]] = []
    var required: [[Int]] = []
    var natures: [Nature] = []
    var seconds: [Double] = []
    for unit in 0..<unitCount {
      let stage = Int.random(in: 0..<stageCount, using: &random)
      units.append(
        WorkUnitTraits(
          stage: stage, cost: random.unit() * 10,
          affinity: random.chance(0.5) ? Int.random(in: 0..<6, using: &random) : nil,
          exclusiveGroup: hasGroup && stage == 0 ? 7 : nil))
      var sources: Set<Int> = []
      if unit > 0, random.chance(0.7) {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          sources.insert(Int.random(in: max(0, unit - 20)..<unit, using: &random))
        }
      }
      upstream.append(sources.sorted())
      required.append(sources.sorted().filter { _ in random.chance(0.8) })
      natures.append(isTroubled ? Self.nature(&random) : .sound)
      seconds.append(random.chance(0.02) ? 30 : 0.01 + 2 * random.unit())
    }
    do {
      graph = try WorkGraph(units, upstream: upstream)
    } catch {
      preconditionFailure("units only wait for earlier ones: \(error)")
    }
    self.upstream = upstream
    self.required = required
    self.natures = natures
    self.seconds = seconds
    survivesDeaths = random.chance(0.5)
    deathRate = random.chance(0.3) ? 0.02 : 0
    stopRate = random.chance(0.2) ? 0.02 : 0
    crashRate = random.chance(0.3) ? 0.01 : 0
    drainRate = random.chance(0.2) ? 0.02 : 0
    var policy = SchedulingPolicy()
    policy.failsFast = random.chance(0.03)
    if random.chance(0.1) { policy.largestFailureFraction = 0.01 }
    policy.prefetchSeconds = random.chance(0.5) ? 0.02 : 3
    self.policy = policy
  }

  private static func nature(_ random: inout SeededGenerator) -> Nature {
    switch random.unit() {
    case ..<0.90: .sound
    case ..<0.93: .bad
    case ..<0.945: .poison
    case ..<0.955: .endless
    case ..<0.965: .slow
    case ..<0.995: .flaky(failures: Int.random(in: 1...5, using: &random))
    default: .homeless
    }
  }

  /// Units that cannot run once some have failed.
  func blocked(by failed: Set<Int>) -> [Int] {
    var lost = failed
    var blocked: [Int] = []
    for unit in required.indices where !failed.contains(unit) && required[unit].contains(where: lost.contains) {
      lost.insert(unit)
      blocked.append(unit)
    }
    return blocked
  }
}
