// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import Testing

@Suite struct SkyTests {
  @Test func numberCountsHaveTheirSlope() throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        emptySky(&config)
        config.stars.density = 2e6
        (config.camera.width, config.camera.height) = (2000, 2000)
      })
    let magnitudes = survey.objects.map { -2.5 * log10($0.fluxes[0] / 3631e9) }
    #expect(magnitudes.allSatisfy { $0 > 13.99 && $0 < 24.01 })
    let counts = [21.0, 22, 23].map { low in Double(magnitudes.filter { $0 >= low && $0 < low + 1 }.count) }
    for (a, b) in zip(counts, counts.dropFirst()) {
      let error = (1 / a + 1 / b).squareRoot() / log(10)
      #expect(abs(log10(b / a) - 0.3) < 4 * error, "\(counts)")
    }
    let density = Double(survey.objects.count) / 2e6
    // A disk about the detector, with what the dither and the light of objects beyond it need.
    #expect(density > 0.0193 && density < 0.05)
    // Bluer than the first band at no star, redder at most.
    let colours = survey.objects.map { 2.5 * log10($0.fluxes[1] / $0.fluxes[0]) }
    #expect(abs(moments(colours).mean - 0.6) < 0.01)
  }

  @Test func gradientsHaveTheirAmplitude() throws {
    var planes: [Double] = []
    for seed in 0..<6 {
      let survey = try SyntheticSurvey(
        tinyConfig { config in
          emptySky(&config)
          config.seed = seed
          config.visits.count = 20
          config.camera.width = 64
          config.camera.height = 64
          (config.sky.offset, config.sky.plane, config.sky.curvature, config.sky.wave) = (0, 30, 0, 0)
        })
      for (visit, made) in zip(survey.visits, try survey.allExposures()) {
        let image = made.background
        let counts = PhotoCalib.zeroMagnitudeNanojansky * pow(10, -0.4 * visit.zeroPoint)
        // Between opposite corners the plane's height along one diagonal; both make its whole slope.
        let (d1, d2) = (
          Double(image[63, 63] - image[0, 0]) * counts / 2, Double(image[63, 0] - image[0, 63]) * counts / 2
        )
        planes.append((d1 * d1 + d2 * d2).squareRoot() * 64 / 63)
        #expect(abs(image.sum / Double(image.box.area)) * counts < 1e-4)
      }
    }
    let rms = (planes.reduce(0) { $0 + $1 * $1 } / Double(planes.count)).squareRoot()
    // 120 normal numbers, cut at 2.5: the standard error of their width is 6.5 %.
    #expect(abs(rms / 30 - 0.98) < 0.2, "\(rms)")
    #expect(planes.max() ?? 0 < 75.1)
  }

  /// Detectors are where the camera says, with the gap between them.
  @Test func detectorsHaveGaps() throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        emptySky(&config)
        (config.camera.columns, config.camera.rows) = (2, 2)
        (config.camera.gapX, config.camera.gapY) = (20, 30)
      })
    let wcs = try (0..<4).map { try #require(try survey.makeExposure(visit: 100, detector: $0).exposure.wcs) }
    func seen(_ x: Double, _ y: Double, from detector: Int, by other: Int) throws -> Point2D {
      try wcs[other].skyToPixel(try wcs[detector].pixelToSky(Point2D(x: x, y: y)))
    }
    #expect(try seen(0, 0, from: 1, by: 0).distance(to: Point2D(x: 180, y: 0)) < 1e-4)
    #expect(try seen(0, 0, from: 2, by: 0).distance(to: Point2D(x: 0, y: 158)) < 1e-4)
    #expect(try seen(5, 7, from: 3, by: 0).distance(to: Point2D(x: 185, y: 165)) < 1e-4)
    // The gradient goes on from one to the next.
    let parts = try (0..<2).map { try survey.makeExposure(visit: 100, detector: $0).background }
    let step = parts[0][159, 50] - parts[0][139, 50]
    #expect(abs(parts[1][0, 50] - parts[0][159, 50] - step * 21 / 20) < 0.1 * abs(step) + 0.05)
  }

  @Test func ephemeridesAgreeWithTheTruth() throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        config.visits.count = 12
        config.solarSystem.count = 24
        config.camera.width = 400
        config.camera.height = 400
        config.visits.visitsPerNight = 3
      })
    var matched = Set<Int64>()
    for visit in survey.visits {
      let table = try survey.ephemerides(visit: visit.number)
      let made = try survey.makeExposure(visit: visit.number, detector: 0)
      let wcs = try #require(made.exposure.wcs)
      let (ids, kinds): ([Int64], [String]) = (try made.truth.column("objectId"), try made.truth.column("kind"))
      let coord = try CoordKey("coord", in: made.truth.schema)
      let known: [Int64] = try table.column("objectId")
      let tmin: [Double] = try table.column("tmin")
      func value(_ name: String, _ row: Int) throws -> Double {
        let coefficients: [Double] = try table.column(name)[row]
        // Clenshaw's recurrence as the specification has it, in days since tmin.
        let t = visit.mjd - tmin[0]
        var (b1, b2) = (0.0, 0.0)
        for c in coefficients.dropFirst().reversed() { (b1, b2) = (2 * t * b1 - b2 + c, b1) }
        return coefficients[0] + t * b1 - b2
      }
      for (row, id) in ids.enumerated() where kinds[row] == "solarSystem" {
        let line = try #require(known.firstIndex(of: id), "an object in the image is in the ephemerides")
        let topo = SIMD3(
          try value("obj_x_poly", line) - value("obs_x_poly", line),
          try value("obj_y_poly", line) - value("obs_y_poly", line),
          try value("obj_z_poly", line) - value("obs_z_poly", line))
        let sky = SpherePoint(topo)
        #expect(sky.separation(from: made.truth[coord, row]).arcseconds < 1e-5)
        let (ra, dec): (Double, Double) = (try table.column("ra")[line], try table.column("dec")[line])
        #expect(SpherePoint(raDegrees: ra, decDegrees: dec).separation(from: sky).arcseconds < 1e-5)
        if try made.exposure.box.contains(#require(wcs.skyToPixel(sky).pixel)) { matched.insert(id) }
      }
    }
    // Each is placed so that it is in the field at one visit.
    #expect(matched.count == 24)
  }

  @Test func designationsAreThoseOfTheMinorPlanetCenter() throws {
    let survey = try SyntheticSurvey(tinyConfig { $0.solarSystem.count = 30 })
    var names: [String: (String, Int64)] = [:]
    for visit in survey.visits {
      let table = try survey.ephemerides(visit: visit.number)
      let (packed, ids): ([String], [Int64]) = (try table.column("ObjID"), try table.column("ssObjectId"))
      let long: [String] = try table.column("MPCORB_unpacked_primary_provisional_designation")
      for row in packed.indices { names[packed[row]] = (long[row], ids[row]) }
    }
    #expect(names["K99A00A"]?.0 == "2099 AA" && names["K99A01A"]?.0 == "2099 AA1")
    // The bytes of the text, the first one highest.
    #expect(names["K99A00A"]?.1 == 0x4B_39_39_41_30_30_41)
  }

  @Test func transientsOfBothSignsChangeBetweenTemplateAndScience() throws {
    let survey = try SyntheticSurvey(
      tinyConfig { config in
        config.visits.count = 16
        config.transients.count = 20
      })
    let transients = survey.objects.filter { $0.kind == .transient }
    #expect(transients.count == 20)
    var (appeared, disappeared) = (0, 0)
    for object in transients {
      for visit in survey.visits.prefix(8) {
        #expect(object.flux(band: visit.bandIndex, mjd: visit.mjd) == object.staticFlux(band: visit.bandIndex))
      }
      let changes = survey.visits.suffix(8).map {
        object.flux(band: $0.bandIndex, mjd: $0.mjd) - object.staticFlux(band: $0.bandIndex)
      }
      if changes.contains(where: { $0 > 0 }) { appeared += 1 }
      if changes.contains(where: { $0 < 0 }) { disappeared += 1 }
    }
    #expect(appeared == 10 && disappeared == 10)
  }

  @Test func properMotionsMove() throws {
    let survey = try SyntheticSurvey(tinyConfig { $0.properMotion.count = 5 })
    for object in survey.objects where object.kind == .properMotion {
      let start = survey.visits[0].mjd
      #expect(object.position(mjd: start).separation(from: object.position).arcseconds < 1e-6)
      let year = object.position(mjd: start + 365.25).separation(from: object.position).arcseconds
      #expect(year >= 2 && year <= 20)
      let half = object.position(mjd: start + 365.25 / 2).separation(from: object.position).arcseconds
      #expect(abs(half - year / 2) < 1e-5)
    }
  }

  @Test func chebyshevSeriesAreThePowerSeries() {
    let powers = [1.5, -2, 0.25, 3, -0.125]
    let series = ChebyshevSeries(powers: powers)
    for t in [-1.0, 0, 0.3, 1, 2.5] {
      let expected = powers.reversed().reduce(0) { $0 * t + $1 }
      #expect(abs(series(t) - expected) < 1e-12 * max(1, abs(expected)))
    }
    #expect(ChebyshevSeries(coefficients: [])(2) == 0 && ChebyshevSeries(powers: [4]).coefficients == [4])
  }

  @Test func theTractHoldsAllDetectors() throws {
    for (rotation, radius) in [(0.0, nil), (45, nil), (180, nil), (3, Optional<Double>.none)] {
      let survey = try SyntheticSurvey(
        tinyConfig { config in
          emptySky(&config)
          config.visits.count = 6
          config.visits.rotation = rotation
          config.visits.dither = 8
          config.skyMap.tractRadius = radius
          config.skyMap.patchInnerDimensions = 100
        })
      let tract = try survey.tracts.skyMap().tract(0)
      for made in try survey.allExposures() {
        let wcs = try #require(made.exposure.wcs)
        for corner in wcs.pixelToSky(Box2D(made.exposure.box).corners) { #expect(tract.contains(corner)) }
      }
    }
  }
}
