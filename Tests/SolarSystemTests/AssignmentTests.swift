// SPDX-License-Identifier: GPL-3.0-or-later
// Which pairs are chosen, against all choices that there are and against SciPy.

import Foundation
import SkyGeometry
import SolarSystem
import TestSupport
import Testing

@Suite struct AssignmentTests {
  private func choose(_ rule: AssociationRule, _ pairs: [CandidatePair], objects: Int, sources: Int) -> [CandidatePair]
  {
    Assignment(rule: rule, objectIDs: (0..<objects).map { Int64($0) }, sourceIDs: (0..<sources).map { Int64($0) })
      .choose(pairs).map { pairs[$0] }
  }

  private func pair(_ object: Int, _ source: Int, _ separation: Double) -> CandidatePair {
    CandidatePair(object: object, source: source, separation: separation, cost: separation * separation - 1)
  }

  private func randomPairs(_ objects: Int, _ sources: Int, _ share: Double, _ random: inout SeededRandom)
    -> [CandidatePair]
  {
    (0..<objects).flatMap { o in
      (0..<sources).compactMap { s in random.uniform() < share ? pair(o, s, random.uniform()) : nil }
    }
  }

  /// The smallest sum of costs, by trying everything.
  private func smallestSum(_ pairs: [CandidatePair], from object: Int, to count: Int, taken: Set<Int> = []) -> Double {
    guard object < count else { return 0 }
    var best = smallestSum(pairs, from: object + 1, to: count, taken: taken)
    for pair in pairs where pair.object == object && !taken.contains(pair.source) {
      let rest = smallestSum(pairs, from: object + 1, to: count, taken: taken.union([pair.source]))
      best = min(best, pair.cost + rest)
    }
    return best
  }

  @Test func noOtherChoiceIsCheaper() {
    var random = SeededRandom(3)
    for round in 0..<300 {
      let (objects, sources) = (1 + round % 5, 1 + (round / 5) % 6)
      let pairs = randomPairs(objects, sources, 0.6, &random)
      let chosen = choose(.optimal, pairs, objects: objects, sources: sources)
      #expect(Set(chosen.map(\.object)).count == chosen.count && Set(chosen.map(\.source)).count == chosen.count)
      let sum = chosen.reduce(0) { $0 + $1.cost }
      #expect(abs(sum - smallestSum(pairs, from: 0, to: objects)) < 1e-12)
    }
  }

  @Test(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
  func sumsAreThoseOfSciPy() throws {
    var random = SeededRandom(4)
    var problems: [[[Double]]] = []
    var sums: [Double] = []
    for round in 0..<8 {
      let (objects, sources) = (20 + 10 * round, 90 - 8 * round)
      let pairs = randomPairs(objects, sources, 0.1, &random)
      sums.append(choose(.optimal, pairs, objects: objects, sources: sources).reduce(0) { $0 + $1.cost })
      // Objects that are left alone have a column of their own.
      var matrix = Array(repeating: Array(repeating: 1e3, count: sources + objects), count: objects)
      for pair in pairs { matrix[pair.object][pair.source] = pair.cost }
      for object in 0..<objects { matrix[object][sources + object] = 0 }
      problems.append(matrix)
    }
    let file = FileManager.default.temporaryDirectory.appending(path: "skydiff-assignment-\(UUID().uuidString).json")
    try JSONEncoder().encode(problems).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let answer = try JSONDecoder().decode([Double].self, from: Peers.run("assignment.py", [file.path]))
    for (own, other) in zip(sums, answer) { #expect(abs(own - other) < 1e-9 && own < -5) }
    #expect(answer.count == sums.count)
  }

  @Test func rulesDifferWhereTheyShould() {
    // Object 0 is nearest to source 0, and so is object 1, which has no other.
    let pairs = [pair(0, 0, 0.1), pair(0, 1, 0.5), pair(1, 0, 0.3)]
    func sources(_ rule: AssociationRule) -> [[Int]] {
      choose(rule, pairs, objects: 2, sources: 2).map { [$0.object, $0.source] }
    }
    #expect(sources(.optimal) == [[0, 1], [1, 0]])
    #expect(sources(.greedy) == [[0, 0]])
    #expect(sources(.nearest) == [[0, 0], [1, 0]])
  }

  @Test(arguments: AssociationRule.allCases)
  func theOrderOfPairsDoesNotMatter(rule: AssociationRule) {
    var random = SeededRandom(8)
    for _ in 0..<50 {
      // Ties: separations have few values.
      var pairs = randomPairs(6, 6, 0.5, &random).map { pair($0.object, $0.source, ($0.separation * 4).rounded() / 8) }
      let first = choose(rule, pairs, objects: 6, sources: 6)
      pairs.shuffle(using: &random)
      #expect(choose(rule, pairs, objects: 6, sources: 6) == first)
    }
  }

  @Test func withoutPairsNothingIsChosen() {
    for rule in AssociationRule.allCases { #expect(choose(rule, [], objects: 3, sources: 0).isEmpty) }
  }

  // MARK: - Near positions

  /// All over the sky, at the poles, about right ascension 0, and all at one place.
  @Test(arguments: [(0.0, 90.0, 0.01), (0, -90, 0.01), (0, 0, 0.01), (210, 35, 60), (210, 35, 0)])
  func everyPairWithinTheRadiusIsFound(ra: Double, dec: Double, spread: Double) {
    var random = SeededRandom(12)
    let center = SpherePoint(raDegrees: ra, decDegrees: dec)
    func places(_ count: Int) -> [SIMD3<Double>] {
      (0..<count).map { _ in
        center.offset(bearing: .degrees(360 * random.uniform()), distance: .degrees(spread * random.uniform()))
          .unitVector
      }
    }
    let (sources, objects) = (places(400), places(300))
    let radius = max(Angle(degrees: spread / 15).radians, 1e-6)
    let search = CandidateSearch(sources, radius: radius)
    var (found, count): (Set<[Int]>, Int) = ([], 0)
    for (o, direction) in objects.enumerated() {
      search.near(direction) { source, separation in
        found.insert([o, source])
        count += 1
        #expect(separation < radius)
      }
    }
    var expected: Set<[Int]> = []
    for o in objects.indices {
      for s in sources.indices {
        let offset = objects[o] - sources[s]
        if (offset * offset).sum().squareRoot() < radius { expected.insert([o, s]) }
      }
    }
    #expect(found == expected && count == found.count && count > 100)
  }

  @Test func aSearchAmongNoneFindsNone() {
    var count = 0
    CandidateSearch([], radius: 1e-5).near(SIMD3(1, 0, 0)) { _, _ in count += 1 }
    #expect(count == 0)
  }
}
