// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import SkyGeometry
import TestSupport
import Testing

@Suite struct SphereTests {
  @Test func wrapping() {
    #expect(abs(Angle(degrees: -10).wrapped.degrees - 350) < 1e-12)
    #expect(abs(Angle(degrees: 725).wrapped.degrees - 5) < 1e-9)
    #expect(abs(Angle(degrees: 190).wrappedAroundZero.degrees + 170) < 1e-12)
    #expect(Angle(radians: -1e-300).wrapped.radians < 2 * .pi)
    #expect(Angle(radians: .infinity).wrapped.radians.isNaN)
    #expect(abs(Angle(arcseconds: 3600).degrees - 1) < 1e-15)
  }

  @Test func unitVectorsComeBack() {
    var random = SeededRandom(5)
    for _ in 0..<1000 {
      let p = SkyMapTests.randomDirection(&random)
      let v = p.unitVector
      #expect(abs((v * v).sum() - 1) < 1e-12)
      #expect(SpherePoint(v).separation(from: p).degrees < 1e-12)
    }
    #expect(!SpherePoint(SIMD3<Double>.zero).isFinite)
    #expect(SpherePoint(SIMD3(0, 0, -2)).dec.degrees == -90)
  }

  @Test func separationIsAccurateAtAllDistances() {
    let p = SpherePoint(raDegrees: 0, decDegrees: 0)
    for degrees in [1e-9, 1e-4, 1, 90, 179.999999, 180] {
      let q = p.offset(bearing: .degrees(0), distance: .degrees(degrees))
      #expect(abs(p.separation(from: q).degrees - degrees) < 1e-12 * max(1, degrees) + 1e-13)
    }
    #expect(
      SpherePoint(raDegrees: 0.00001, decDegrees: 0).separation(from: SpherePoint(raDegrees: 359.99999, decDegrees: 0))
        .degrees < 2.1e-5)
  }

  @Test func offsetsHaveTheirBearingAndDistance() {
    var random = SeededRandom(6)
    for _ in 0..<500 {
      let p = SkyMapTests.randomDirection(&random)
      let bearing = Angle(degrees: random.uniform(0...360))
      let distance = Angle(degrees: random.uniform(0.01...100))
      let q = p.offset(bearing: bearing, distance: distance)
      #expect(abs(p.separation(from: q).degrees - distance.degrees) < 1e-10)
      #expect(abs((p.bearing(to: q) - bearing).wrappedAroundZero.degrees) < 1e-7)
    }
    let north = SpherePoint(raDegrees: 30, decDegrees: 10).offset(bearing: .degrees(90), distance: .degrees(5))
    #expect(abs(north.dec.degrees - 15) < 1e-12)
  }
}
