// SPDX-License-Identifier: GPL-3.0-or-later
// Which objects are on a detector (framework E.3).

import Imaging
import SkyGeometry
import SolarSystem
import Testing

@Suite struct RegionTests {
  private func region(
    _ exposure: Exposure, margin: Angle = .arcseconds(1), limit: Int = 100, padsPixels: Bool = true
  ) throws -> DetectorRegion {
    try DetectorRegion(
      box: exposure.box, wcs: try #require(exposure.wcs), margin: margin, limit: limit, padsPixels: padsPixels)
  }

  @Test func farObjectsAreOutside() throws {
    let positions = [(45.0, 45.0), (150, 80), (150, -80), (225, -45), (.nan, 45)].map {
      SpherePoint(raDegrees: $0.0, decDegrees: $0.1)
    }
    #expect(try region(try makeExposure()).indices(of: positions) == [0])
  }

  /// The margin is the positions' error in pixels, up to the limit; the reference's does not let anything in.
  @Test func theMarginLetsInWhatMayBeOnTheDetector() throws {
    let exposure = try makeExposure()
    let wcs = try #require(exposure.wcs)
    let positions = try [1002.0, 1004, 1006, 1011].map { try wcs.pixelToSky(Point2D(x: $0, y: 500)) }
    let one = try region(exposure)
    #expect(one.padding == 5 && one.indices(of: positions) == [0, 1])
    #expect(try region(exposure, limit: 3).indices(of: positions) == [0])
    #expect(try region(exposure, margin: .arcseconds(2)).indices(of: positions) == [0, 1, 2])
    #expect(try region(exposure, padsPixels: false).indices(of: positions).isEmpty)
    #expect(try region(exposure, margin: Angle(degrees: .nan)).padding == 100)
    #expect(try region(exposure, margin: Angle(degrees: 1e300)).padding == 100)
  }

  /// A distortion that turns back beyond the detector: no place but those of the detector's pixels is on it, whatever the inverse says.
  @Test func whatADistortionBringsInIsOutside() throws {
    let cards = [
      "CTYPE1  = 'RA---TAN-SIP'", "CTYPE2  = 'DEC--TAN-SIP'", "CRPIX1  = 501.0", "CRPIX2  = 501.0",
      "CRVAL1  = 45.0", "CRVAL2  = 45.0", "CD1_1   = -5.5555555556E-5", "CD1_2   = 0.0", "CD2_1   = 0.0",
      "CD2_2   = 5.5555555556E-5", "RADESYS = 'ICRS'", "A_ORDER = 3", "B_ORDER = 2", "A_3_0   = -4.0E-7",
      "B_0_2   = 0.0",
    ]
    let wcs = try SkyWCS(header: cards)
    let straight = try #require(try makeExposure().wcs)
    var exposure = try makeExposure()
    exposure.wcs = wcs
    // u − 4e-7 u³ is 450 at the detector's edge, u = 500, and turns back at u = 913.
    let offsets = stride(from: 5.0, to: 4000, by: 10).flatMap { [$0, -$0] }
    let positions = straight.pixelToSky(offsets.map { Point2D(x: 500 + $0, y: 600) })
    let found = try region(exposure, margin: .zero).indices(of: positions)
    #expect(found == offsets.indices.filter { abs(offsets[$0]) < 450 })
  }

  @Test(arguments: [(0.0, 90.0), (0, -90), (0.0001, 20), (359.9999, -60)])
  func polesAndTheOriginOfRightAscensionAreNothingSpecial(ra: Double, dec: Double) throws {
    let exposure = try makeExposure(ra: ra, dec: dec)
    let wcs = try #require(exposure.wcs)
    let pixels = [(0.0, 0.0), (999, 999), (500, 500), (3, 980), (-100, 500), (500, 1100)].map {
      Point2D(x: $0.0, y: $0.1)
    }
    #expect(try region(exposure).indices(of: pixels.map { try wcs.pixelToSky($0) }) == [0, 1, 2, 3])
  }
}
