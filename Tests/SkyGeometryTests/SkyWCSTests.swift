// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import SkyGeometry
import TestSupport
import Testing

@Suite struct SkyWCSTests {
  static let scale = 0.2 / 3600
  static func tangent(at reference: SpherePoint = SpherePoint(raDegrees: 150, decDegrees: 2)) throws -> SkyWCS {
    try SkyWCS(
      referencePixel: Point2D(x: 255.5, y: 255.5), reference: reference, cd: AffineTransform(xx: -scale, yy: scale))
  }

  @Test func gnomonicFormula() throws {
    // tan ξ and tan η of a point by the textbook formula, independent of WCSLIB.
    let wcs = try Self.tangent()
    let (x, y) = (1000.0, -300.0)
    let sky = try wcs.pixelToSky(Point2D(x: x, y: y))
    let (xi, eta) = (-(x - 255.5) * Self.scale * .pi / 180, (y - 255.5) * Self.scale * .pi / 180)
    let (ra0, dec0) = (150 * Double.pi / 180, 2 * Double.pi / 180)
    let ra = ra0 + atan2(xi, cos(dec0) - eta * sin(dec0))
    let dec = atan2((sin(dec0) + eta * cos(dec0)) * cos(ra - ra0), cos(dec0) - eta * sin(dec0))
    #expect(sky.separation(from: SpherePoint(ra: .radians(ra), dec: .radians(dec))).degrees < 1e-12)
  }

  @Test func pixelCentresStartAtZero() throws {
    let wcs = try Self.tangent()
    let center = try wcs.pixelToSky(Point2D(x: 255.5, y: 255.5))
    #expect(center.separation(from: SpherePoint(raDegrees: 150, decDegrees: 2)).degrees < 1e-12)
    #expect(wcs.cards.number("CRPIX1") == 256.5)
  }

  @Test func cardsMakeTheSameMap() throws {
    let wcs = try Self.tangent()
    let again = try SkyWCS(header: wcs.cards.cards)
    #expect(again == wcs)
    let p = Point2D(x: 17.25, y: 411.5)
    #expect(try again.pixelToSky(p) == wcs.pixelToSky(p))
  }

  @Test func shiftMovesPositions() throws {
    let wcs = try Self.tangent()
    let moved = try wcs.shifted(by: Point2D(x: -100, y: 12345))
    let sky = try wcs.pixelToSky(Point2D(x: 40, y: 50))
    let pixel = try moved.skyToPixel(sky)
    #expect(pixel.distance(to: Point2D(x: -60, y: 12395)) < 1e-8)
  }

  @Test func linearizationGivesScaleAndOrientation() throws {
    let wcs = try Self.tangent()
    let p = Point2D(x: 255.5, y: 255.5)
    let linear = try wcs.linearizePixelToSky(at: p)
    let side = Self.scale * .pi / 180
    #expect(abs(linear.xx + side) < 1e-9 * side)
    #expect(abs(linear.yy - side) < 1e-9 * side)
    #expect(abs(linear.xy) < 1e-9 * side)
    #expect(abs(try wcs.pixelScale(at: p).arcseconds - 0.2) < 1e-9)
    let origin = linear(p)
    #expect(abs(origin.x) < 1e-15 && abs(origin.y) < 1e-15)
  }

  @Test func undefinedPositionsAreNaNInBatchesAndErrorsAlone() throws {
    let wcs = try Self.tangent()
    let farSide = SpherePoint(raDegrees: 330, decDegrees: -2)
    let batch = wcs.skyToPixel([farSide, SpherePoint(raDegrees: 150, decDegrees: 2)])
    #expect(!batch[0].isFinite && batch[1].isFinite)
    #expect(throws: WCSError.undefinedPosition(x: farSide.ra.degrees, y: farSide.dec.degrees)) {
      try wcs.skyToPixel(farSide)
    }
    #expect(wcs.pixelToSky([Point2D(x: .nan, y: 0), Point2D(x: .infinity, y: 0)]).allSatisfy { !$0.isFinite })
    #expect(!wcs.skyToPixel([SpherePoint(raDegrees: 0, decDegrees: 95)])[0].isFinite)
    #expect(!wcs.skyToPixel([SpherePoint(raDegrees: .nan, decDegrees: 0)])[0].isFinite)
    #expect(wcs.pixelToSky([]).isEmpty && wcs.skyToPixel([]).isEmpty)
  }

  /// WCSLIB stops at the first position whose distortion it cannot invert; the others must not suffer.
  @Test func oneBadPositionDoesNotSpoilABatch() throws {
    let cards = try header([
      "CTYPE1": "CTYPE1  = 'RA---TAN-SIP'", "CTYPE2": "CTYPE2  = 'DEC--TAN-SIP'", "A_ORDER": "A_ORDER = 2",
      "B_ORDER": "B_ORDER = 2", "A_2_0": "A_2_0   = 1.0E-3", "B_0_2": "B_0_2   = 1.0E-3",
    ])
    let wcs = try SkyWCS(header: cards)
    let good = (0..<50).map { Point2D(x: 200 + Double($0), y: 250) }
    let sky = wcs.pixelToSky(good)
    // Left of the parabola's vertex no pixel maps there.
    let bad = SpherePoint(raDegrees: 150 + 2000 * Self.scale, decDegrees: 2 - 2000 * Self.scale)
    let far = SpherePoint(raDegrees: 330, decDegrees: -2)
    let undefined = SpherePoint(raDegrees: .nan, decDegrees: 0)
    let batch = wcs.skyToPixel([bad, far, undefined] + sky + [bad])
    for (a, b) in zip(batch.dropFirst(3), good) { #expect(a.distance(to: b) < 1e-6) }
    #expect(!batch[1].isFinite && !batch[2].isFinite)
  }

  private func header(_ changes: [String: String?]) throws -> [String] {
    var cards = try Self.tangent().cards.cards
    for (keyword, card) in changes {
      cards.removeAll { $0.hasPrefix(keyword) }
      if let card { cards.append(card) }
    }
    return cards
  }

  @Test func badHeadersAreTypedErrors() throws {
    #expect(throws: WCSError.missingKeyword("CTYPE1")) { try SkyWCS(header: [String]()) }
    #expect(throws: WCSError.missingKeyword("CRVAL2")) { try SkyWCS(header: header(["CRVAL2": nil])) }
    #expect(throws: WCSError.missingKeyword("CRPIX1")) { try SkyWCS(header: header(["CRPIX1": nil])) }
    let error = #expect(throws: WCSError.self) {
      try SkyWCS(header: header(["CRPIX1": "CRPIX1  = 'not a number'"]))
    }
    #expect(error?.description.contains("CRPIX1 cannot be \"not a number\"") == true)
    #expect(throws: WCSError.singularMatrix) {
      try SkyWCS(
        referencePixel: Point2D(x: 0, y: 0), reference: SpherePoint(raDegrees: 0, decDegrees: 0),
        cd: AffineTransform(xx: 1e-5, xy: 2e-5, yx: 2e-5, yy: 4e-5))
    }
    #expect(throws: WCSError.notEquatorial(axes: ["GLON", "GLAT"])) {
      try SkyWCS(header: header(["CTYPE1": "CTYPE1  = 'GLON-TAN'", "CTYPE2": "CTYPE2  = 'GLAT-TAN'"]))
    }
    #expect(throws: WCSError.unsupportedDistortion(keyword: "CPDIS1")) {
      try SkyWCS(header: header(["CPDIS1": "CPDIS1  = 'LOOKUP'"]))
    }
    #expect(throws: WCSError.self) { try SkyWCS(header: header(["CTYPE1": "CTYPE1  = 'RA---XYZ'"])) }
    #expect(throws: WCSError.self) { try SkyWCS(header: header(["CTYPE2": "CTYPE2  = 'FREQ'"])) }
    #expect(throws: WCSError.self) { try SkyWCS(header: header(["CD1_1": "CD1_1   = 1E400"])) }
    #expect(throws: WCSError.self) {
      try SkyWCS(
        projection: "tan", referencePixel: Point2D(x: 0, y: 0), reference: SpherePoint(raDegrees: 0, decDegrees: 0),
        cd: AffineTransform())
    }
  }

  /// Cards with bits of them replaced never do worse than throw.
  @Test func damagedHeadersNeverTrap() throws {
    let good = try Self.tangent().cards.cards + ["A_ORDER = 2", "B_ORDER = 2", "A_2_0   = 1E-7", "PV2_1   = 0.5"]
    var random = SeededRandom(7)
    var outcomes = (made: 0, refused: 0)
    for _ in 0..<5000 {
      var cards = good
      let victim = Int(random.next() % UInt64(cards.count))
      var bytes = Array(cards[victim].utf8)
      for _ in 0...random.next() % 3 { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() % 128) }
      cards[victim] = String(decoding: bytes, as: UTF8.self)
      do {
        let wcs = try SkyWCS(header: cards)
        _ = wcs.skyToPixel(wcs.pixelToSky([Point2D(x: 3, y: 4), Point2D(x: 1e9, y: -1e9)]))
        outcomes.made += 1
      } catch {
        outcomes.refused += 1
      }
    }
    #expect(outcomes.made > 0 && outcomes.refused > 0)
  }

  @Test func threadsMayShareASystem() async throws {
    let wcs = try Self.tangent()
    let pixels = (0..<1000).map { Point2D(x: Double($0), y: Double($0 % 37)) }
    let alone = wcs.pixelToSky(pixels)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { wcs.pixelToSky(pixels) == alone } }
      for await isSame in group { #expect(isSame) }
    }
  }
}
