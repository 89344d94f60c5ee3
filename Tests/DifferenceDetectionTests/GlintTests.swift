// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of points among others.

import DifferenceDetection
import Foundation
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

struct GlintTests {
  private func strewn(_ count: Int, _ random: inout SeededRandom, side: Double = 4096) -> [Point2D] {
    (0..<count).map { _ in Point2D(x: random.uniform(0...side), y: random.uniform(0...side)) }
  }

  /// Points along a line at uneven distances, each `scatter` beside it.
  private func trail(
    _ count: Int, from start: Point2D, angle: Double, spacing: Double, scatter: Double, _ random: inout SeededRandom
  ) -> [Point2D] {
    let (c, s) = (cos(angle * .pi / 180), sin(angle * .pi / 180))
    return (0..<count).map { i in
      let along = spacing * (Double(i) + random.uniform(-0.3...0.3))
      let across = scatter * random.gaussian()
      return Point2D(x: start.x + along * c - across * s, y: start.y + along * s + across * c)
    }
  }

  /// Some fifty lines of five points within 15 pixels are among 500 points by chance.
  @Test(arguments: 0..<20)
  func chanceMakesNoTrail(_ seed: Int) {
    var random = SeededRandom(UInt64(seed))
    let found = findGlintTrails(among: strewn(500, &random))
    #expect(found.trails.isEmpty && !found.isInTrail.contains(true))
    // Nor is one where points are few.
    #expect(findGlintTrails(among: strewn(40, &random)).trails.isEmpty)
  }

  @Test(arguments: [-60.0, 0, 33, 45, 89, 90, 120])
  func aTrailIsFoundAmongOthers(_ angle: Double) throws {
    var random = SeededRandom(UInt64(1000 + angle))
    let scatter = 0.6
    let own = trail(
      14, from: Point2D(x: 2000, y: 1900), angle: angle, spacing: 90, scatter: scatter, &random)
    let points = strewn(500, &random) + own
    let found = findGlintTrails(among: points)
    #expect(found.trails.count == 1)
    let result = try #require(found.trails.first)
    // None is lost; of the others half a one lies within 4 px of the 2200 px where more are looked for.
    #expect(own.indices.allSatisfy { found.isInTrail[500 + $0] })
    #expect(result.members.count <= own.count + 3)
    #expect(result.members == points.indices.filter { found.isInTrail[$0] })
    // 14 points over 1170 px: the angle is known to 0.6 px / (350 px √14) = 0.026°, eight of which are allowed.
    let turn = (result.angle - angle).remainder(dividingBy: 180)
    #expect(abs(turn) < 0.22, "\(result.angle)")
    #expect(result.angle > -90 && result.angle <= 90)
    #expect(result.length > 13 * 90 - 0.7 * 90 && result.length < 13 * 90 + 1000)
    guard abs((angle - 90).remainder(dividingBy: 180)) > 2 else { return }
    #expect(abs(result.slope - tan(angle * .pi / 180)) < 6 * result.stderr)
    #expect(abs(result.slope * own[3].x + result.intercept - own[3].y) < 5 * scatter * (1 + abs(result.slope)))
  }

  /// The scatter about the line gives the error of the slope: its pulls have unit width.
  @Test func theErrorOfTheSlopeIsItsScatter() throws {
    var random = SeededRandom(77)
    let angle = 25.0
    var sum = 0.0
    let count = 200
    for _ in 0..<count {
      let points = trail(9, from: Point2D(x: 500, y: 500), angle: angle, spacing: 60, scatter: 1, &random)
      let result = try #require(findGlintTrails(among: points).trails.first)
      let pull = (result.slope - tan(angle * .pi / 180)) / result.stderr
      sum += pull * pull
    }
    // Student's t with 7 degrees of freedom has variance 7/5, that of its square is 2.8².
    let expected = 7.0 / 5
    #expect(abs(sum / Double(count) - expected) < 4 * 2.8 / Double(count).squareRoot())
  }

  @Test func anExactlyVerticalTrail() throws {
    let points = (0..<8).map { Point2D(x: 100, y: 60 * Double($0)) }
    let result = try #require(findGlintTrails(among: points).trails.first)
    #expect(result.angle == 90 && result.slope == .infinity && result.stderr == .infinity)
    #expect(result.length == 420 && result.members == Array(0..<8))
  }

  /// A trail goes on beyond the radius of any of its points.
  @Test func aLongTrailIsOne() throws {
    var random = SeededRandom(5)
    let own = trail(40, from: Point2D(x: 50, y: 300), angle: 35, spacing: 120, scatter: 1, &random)
    let found = findGlintTrails(among: strewn(200, &random, side: 5000) + own)
    #expect(found.trails.count == 1)
    #expect(own.indices.allSatisfy { found.isInTrail[200 + $0] })
  }

  @Test func twoTrailsCross() throws {
    var random = SeededRandom(6)
    let one = trail(12, from: Point2D(x: 1000, y: 1000), angle: 20, spacing: 70, scatter: 0.7, &random)
    let two = trail(12, from: Point2D(x: 1400, y: 700), angle: 100, spacing: 70, scatter: 0.7, &random)
    let found = findGlintTrails(among: strewn(100, &random) + one + two)
    #expect(found.trails.count == 2)
    #expect((100..<124).allSatisfy { found.isInTrail[$0] })
    #expect(Set(found.trails.flatMap(\.members)).count == found.trails.reduce(0) { $0 + $1.members.count })
  }

  /// Pieces of one source are near each other, however well they lie on a line.
  @Test func aShreddedSourceIsNoTrail() {
    var random = SeededRandom(8)
    let pieces = (0..<12).map { Point2D(x: 2000 + 3 * Double($0), y: 2000 + Double($0)) }
    #expect(findGlintTrails(among: strewn(60, &random) + pieces).trails.isEmpty)
    #expect(findGlintTrails(among: [Point2D](repeating: Point2D(x: 5, y: 5), count: 30)).trails.isEmpty)
  }

  @Test func theOrderOfThePointsDoesNotMatter() {
    var random = SeededRandom(9)
    let own = trail(10, from: Point2D(x: 1000, y: 2000), angle: -40, spacing: 80, scatter: 1, &random)
    let points = strewn(300, &random) + own
    let order = points.indices.shuffled(using: &random)
    let (a, b) = (findGlintTrails(among: points), findGlintTrails(among: order.map { points[$0] }))
    #expect(!a.trails.isEmpty && a.trails.count == b.trails.count)
    for (one, two) in zip(a.trails, b.trails) {
      // Bit for bit.
      #expect(one.slope == two.slope && one.intercept == two.intercept && one.stderr == two.stderr)
      #expect(one.length == two.length && one.angle == two.angle)
      #expect(one.members == two.members.map { order[$0] }.sorted())
    }
    #expect(order.indices.allSatisfy { b.isInTrail[$0] == a.isInTrail[order[$0]] })
  }

  @Test func moreOfTheOptions() throws {
    var random = SeededRandom(10)
    let own = trail(6, from: Point2D(x: 1000, y: 2000), angle: 10, spacing: 80, scatter: 0.3, &random)
    var config = GlintConfig()
    #expect(findGlintTrails(among: own, config).trails.count == 1)
    config.minPoints = 7
    #expect(findGlintTrails(among: own, config).trails.isEmpty)
    config = GlintConfig()
    config.radius = 50
    #expect(findGlintTrails(among: own, config).trails.isEmpty)
    // Whatever lies on a line, as in the reference.
    config = GlintConfig()
    config.falseTrails = 1e300
    #expect(findGlintTrails(among: strewn(500, &random), config).trails.count > 10)
    #expect(throws: ConfigProblem.self) { try config.set("min_points", to: .integer(2)) }
    try config.set("bad_flags", to: .list([.string("is_negative")]))
    #expect(config.badFlags == ["is_negative"])
  }

  @Test func oddPointsAreNoTrap() {
    let odd = [
      Point2D(x: .nan, y: 3), Point2D(x: .infinity, y: 3), Point2D(x: 1e300, y: -1e300), Point2D(x: 1e9, y: 1e9),
      Point2D(x: -1e308, y: 1e308), Point2D(x: 0, y: 0), Point2D(x: 0, y: 0),
      Point2D(x: Double.leastNonzeroMagnitude, y: 0),
    ]
    for count in 0...odd.count {
      let found = findGlintTrails(among: Array(odd[..<count]))
      #expect(found.trails.isEmpty && found.isInTrail == [Bool](repeating: false, count: count))
    }
    // Those that are no positions are in no trail, and the others are found beside them.
    let trail = (0..<9).map { Point2D(x: 60 * Double($0), y: 0) }
    let found = findGlintTrails(among: odd + trail)
    #expect((odd.count..<odd.count + 9).allSatisfy { found.isInTrail[$0] })
    #expect(!found.isInTrail[0] && !found.isInTrail[1])
  }
}
