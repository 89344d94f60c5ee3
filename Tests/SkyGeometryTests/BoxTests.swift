// SPDX-License-Identifier: GPL-3.0-or-later

import SkyGeometry
import TestSupport
import Testing

@Suite struct BoxTests {
  private func randomBox(_ random: inout SeededRandom) -> Box2I {
    Box2I(
      minX: Int(random.next() % 20) - 10, minY: Int(random.next() % 20) - 10, width: Int(random.next() % 12),
      height: Int(random.next() % 12))
  }

  private func pixels(_ box: Box2I) -> Set<Point2I> {
    var all: Set<Point2I> = []
    for y in -40..<40 { for x in -40..<40 where box.contains(x: x, y: y) { all.insert(Point2I(x: x, y: y)) } }
    return all
  }

  @Test func setAlgebraAgreesWithSetsOfPixels() {
    var random = SeededRandom(1)
    for _ in 0..<300 {
      let (a, b) = (randomBox(&random), randomBox(&random))
      #expect(pixels(a).count == a.area)
      #expect(pixels(a.intersection(b)) == pixels(a).intersection(pixels(b)))
      #expect(pixels(a.union(b)).isSuperset(of: pixels(a).union(pixels(b))))
      #expect(a.contains(b) == pixels(a).isSuperset(of: pixels(b)))
      #expect(a.overlaps(b) == !pixels(a).isDisjoint(with: pixels(b)))
      #expect(a.isEmpty || a.grown(by: 3).grown(by: -3) == a)
      #expect(a.shifted(x: 2, y: -5).shifted(x: -2, y: 5) == a)
    }
  }

  @Test func realBoxesCoverPixelAreas() throws {
    let box = Box2I(minX: 3, minY: -4, width: 5, height: 2)
    let real = Box2D(box)
    #expect(real == Box2D(minX: 2.5, minY: -4.5, maxX: 7.5, maxY: -2.5))
    #expect(real.center == box.center)
    #expect(try Box2I(covering: real) == box)
    #expect(try Box2I(covering: real.grown(by: 0.01)) == box.grown(by: 1))
    #expect(try Box2I(covering: real.grown(by: -0.01)) == box)
    #expect(try Box2I(covering: Box2D(minX: 0, minY: 0, maxX: 0, maxY: 5)).isEmpty)
  }

  @Test func positionsRoundToTheirPixel() {
    #expect(Point2D(x: 0.5, y: -0.5).pixel == Point2I(x: 1, y: 0))
    #expect(Point2D(x: 0.49, y: -0.51).pixel == Point2I(x: 0, y: -1))
    #expect(Point2D(x: .nan, y: 0).pixel == nil)
    #expect(Point2D(x: 0, y: 1e300).pixel == nil)
    #expect(Box2I(centeredAt: Point2D(x: 10.5, y: 10.4), side: 5) == Box2I(minX: 9, minY: 8, width: 5, height: 5))
    #expect(Box2I(centeredAt: Point2D(x: .infinity, y: 0), side: 5) == nil)
  }

  @Test func impossibleBoxesAreErrors() {
    #expect(throws: GeometryError.self) { try Box2I(checkingMinX: 0, minY: 0, width: -1, height: 1) }
    #expect(throws: GeometryError.self) { try Box2I(checkingMinX: .max, minY: 0, width: 1, height: 1) }
    #expect(throws: GeometryError.self) { try Box2I(checkingMinX: 1 << 30, minY: 0, width: .max, height: 1) }
    #expect(throws: GeometryError.self) { try Box2I(covering: Box2D(minX: 0, minY: 0, maxX: 1e300, maxY: 1)) }
    #expect(throws: GeometryError.self) { try Box2I(covering: Box2D(minX: 0, minY: 0, maxX: .nan, maxY: 1)) }
  }

  @Test func affineInverse() throws {
    let map = AffineTransform(xx: 1.2, xy: -0.3, yx: 0.4, yy: 0.9, x0: 12, y0: -7)
    let p = Point2D(x: 3.5, y: -8.25)
    let inverse = try #require(map.inverse)
    let back = inverse(map(p))
    #expect(back.distance(to: p) < 1e-12)
    #expect(AffineTransform(xx: 1, xy: 2, yx: 2, yy: 4).inverse == nil)
    #expect(AffineTransform(xx: .nan).inverse == nil)
  }

  @Test func boundsAroundPositionsLeaveOutWhatIsNotFinite() {
    let points = [Point2D(x: .nan, y: 0), Point2D(x: 3, y: 9), Point2D(x: -1, y: 10)]
    #expect(Box2D(around: points) == Box2D(minX: -1, minY: 9, maxX: 3, maxY: 10))
    #expect(Box2D(around: [Point2D(x: .nan, y: .nan)]) == nil)
  }
}
