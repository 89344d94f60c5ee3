// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import SkyGeometry
import TestSupport
import Testing

/// Spans against sets of pixels, the obvious form of a region.
@Suite struct SpanSetTests {
  private struct Pixel: Hashable {
    let x: Int
    let y: Int
  }

  private let box = Box2I(minX: -8, minY: -6, width: 16, height: 12)

  private func pixels(_ set: SpanSet) -> Set<Pixel> {
    Set(set.spans.flatMap { span in (span.x0...span.x1).map { Pixel(x: $0, y: span.y) } })
  }

  private func random(_ random: inout SeededRandom, density: Double = 0.4) -> SpanSet {
    SpanSet(of: box) { _, _ in random.uniform() < density }
  }

  /// Sorted, apart and not empty, as equal regions must be to have equal runs.
  private func isNormal(_ set: SpanSet) -> Bool {
    zip(set.spans, set.spans.dropFirst()).allSatisfy { ($0.y, $0.x1 + 1) < ($1.y, $1.x0) }
  }

  @Test func runsInAnyOrderMakeTheSameRegion() {
    var generator = SeededRandom(1)
    for _ in 0..<200 {
      let set = random(&generator)
      var runs = set.spans.flatMap { span in
        (span.x0...span.x1).map { Span(y: span.y, x0: $0, x1: min($0 + 1, span.x1)) }
      }
      runs.shuffle(using: &generator)
      #expect(SpanSet(runs) == set && isNormal(set))
      #expect(set.area == pixels(set).count)
    }
  }

  @Test func algebraIsThatOfSets() {
    var generator = SeededRandom(2)
    for _ in 0..<300 {
      let (a, b) = (random(&generator), random(&generator, density: 0.2))
      let (union, common, rest) = (a.union(b), a.intersection(b), a.subtracting(b))
      #expect(isNormal(union) && isNormal(common) && isNormal(rest))
      #expect(pixels(union) == pixels(a).union(pixels(b)))
      #expect(pixels(common) == pixels(a).intersection(pixels(b)))
      #expect(pixels(rest) == pixels(a).subtracting(pixels(b)))
      #expect(a.overlaps(b) == !common.isEmpty)
      let part = Box2I(minX: -3, minY: -2, width: 5, height: 4)
      #expect(pixels(a.clipped(to: part)) == pixels(a).filter { part.contains(x: $0.x, y: $0.y) })
      for y in -8..<8 { for x in -9..<9 { #expect(a.contains(x: x, y: y) == pixels(a).contains(Pixel(x: x, y: y))) } }
      #expect(a.shifted(x: 3, y: -2).shifted(x: -3, y: 2) == a)
    }
  }

  @Test func growthAndShrinkingFollowTheirStencils() {
    var generator = SeededRandom(3)
    func isInside(_ dx: Int, _ dy: Int, _ radius: Double, _ stencil: Stencil) -> Bool {
      switch stencil {
      case .disk: Double(dx * dx + dy * dy) <= radius * radius
      case .diamond: Double(abs(dx) + abs(dy)) <= radius
      case .box: Double(max(abs(dx), abs(dy))) <= radius
      }
    }
    for stencil in Stencil.allCases {
      for radius in [0.0, 1, 2, 2.4, 3] {
        for _ in 0..<10 {
          let set = random(&generator, density: 0.15)
          let original = pixels(set)
          var grown: Set<Pixel> = []
          for pixel in original {
            for dy in -3...3 {
              for dx in -3...3 where isInside(dx, dy, radius, stencil) {
                grown.insert(Pixel(x: pixel.x + dx, y: pixel.y + dy))
              }
            }
          }
          #expect(pixels(set.dilated(by: radius, stencil)) == grown, "\(stencil) \(radius)")
          // Growth then shrinking by the same stencil closes: nothing of the region is lost.
          #expect(original.isSubset(of: pixels(set.dilated(by: radius, stencil).eroded(by: radius, stencil))))
          let solid = SpanSet(of: box) { _, _ in generator.uniform() < 0.9 }
          let all = pixels(solid)
          let shrunk = all.filter { pixel in
            (-3...3).allSatisfy { dy in
              (-3...3).allSatisfy { dx in
                !isInside(dx, dy, radius, stencil) || all.contains(Pixel(x: pixel.x + dx, y: pixel.y + dy))
              }
            }
          }
          #expect(pixels(solid.eroded(by: radius, stencil)) == shrunk, "\(stencil) \(radius)")
        }
      }
    }
  }

  @Test func connectedPartsAreThoseOfAFloodFill() {
    var generator = SeededRandom(4)
    for corners in [true, false] {
      for _ in 0..<200 {
        let set = random(&generator, density: 0.45)
        var rest = pixels(set)
        var parts: Set<Set<Pixel>> = []
        while let start = rest.first {
          var part: Set<Pixel> = []
          var open = [start]
          while let pixel = open.popLast() {
            guard rest.remove(pixel) != nil else { continue }
            part.insert(pixel)
            for dy in -1...1 {
              for dx in -1...1 where corners || dx == 0 || dy == 0 {
                open.append(Pixel(x: pixel.x + dx, y: pixel.y + dy))
              }
            }
          }
          parts.insert(part)
        }
        let found = set.connectedParts(byCorners: corners)
        #expect(Set(found.map(pixels)) == parts && found.count == parts.count)
        #expect(found.allSatisfy(isNormal))
      }
    }
  }

  @Test func momentsAreThoseOfThePixels() throws {
    let set = SpanSet(Box2I(minX: 10, minY: 20, width: 5, height: 3))
    #expect(set.centroid == Point2D(x: 12, y: 21))
    // (n² − 1) / 12 for n equally spaced points.
    #expect(abs(set.moments.x - 2) < 1e-12 && abs(set.moments.y - 2.0 / 3) < 1e-12 && abs(set.moments.z) < 1e-12)
    #expect(set.box == Box2I(minX: 10, minY: 20, width: 5, height: 3))
    #expect(SpanSet.empty.centroid == nil && SpanSet.empty.area == 0)
  }

  @Test func ellipsesHoldThePixelsInsideThem() throws {
    var generator = SeededRandom(6)
    for _ in 0..<200 {
      let (a, b) = (generator.uniform(1...9), generator.uniform(-0.8...0.8))
      let moments = SIMD3(a * a, 4, b * a * 2)
      let center = Point2D(x: generator.uniform(-5...5), y: generator.uniform(-5...5))
      let set = try #require(SpanSet(ellipseAt: center, moments: moments, scale: 2))
      let determinant = moments.x * moments.y - moments.z * moments.z
      for y in -20...20 {
        for x in -30...30 {
          let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
          let radius = (moments.y * dx * dx - 2 * moments.z * dx * dy + moments.x * dy * dy) / determinant
          // Not where rounding decides.
          if abs(radius - 4) > 1e-9 { #expect(set.contains(x: x, y: y) == (radius < 4)) }
        }
      }
    }
    #expect(SpanSet(ellipseAt: Point2D(x: .nan, y: 0), moments: SIMD3(1, 1, 0)) == nil)
    #expect(SpanSet(ellipseAt: Point2D(x: 0, y: 0), moments: SIMD3(1, 1, 2)) == nil)
    #expect(SpanSet(ellipseAt: Point2D(x: 0, y: 0), moments: SIMD3(1e300, 1e300, 0)) == nil)
  }

  @Test func runsOfAFileAreChecked() throws {
    let right: [(y: Int, x0: Int, x1: Int)] = [(1, 2, 3), (1, 5, 5), (2, 0, 9)]
    #expect(try SpanSet(checking: right).area == 13)
    let wrong: [[(y: Int, x0: Int, x1: Int)]] = [
      [(1, 3, 2)], [(1, 2, 3), (1, 4, 5)], [(1, 2, 3), (0, 0, 1)], [(1 << 40, 0, 1)], [(0, 0, 1 << 40)],
    ]
    for runs in wrong {
      #expect(throws: CatalogError.self) { try SpanSet(checking: runs) }
    }
    let spans = SpanSet(Box2I(width: 3, height: 1))
    let heavy = HeavyPixels(image: [1, 2], mask: [0, 0, 0], variance: [1, 1, 1])
    #expect(throws: CatalogError.self) {
      try Footprint(spans, peaks: [], region: Box2I(width: 3, height: 1), heavy: heavy)
    }
  }
}
