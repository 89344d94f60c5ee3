// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring where other sources are.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct ForcedMeasurementTests {
  @Test func fluxesAreThoseOfTheTruth() throws {
    let field = try StarField(count: 49, flux: 800, noise: 2, seed: 6)
    var reference = try makeReference(at: field.positions, parents: field.positions.map { _ in 7 })
    let bad: Key<Bool> = try reference.schema.key("given_flag")
    reference[bad, 1] = true
    let measured = try makeForced().run(reference, on: field.exposure)
    let slot = try PointKey("base_TransformedCentroid", in: measured.schema)
    var pulls: [Double] = []
    for (row, position) in field.positions.enumerated() {
      // E.3: positions to 1e-7.
      #expect(measured[slot, row].distance(to: position) < 1e-7)
      let flux: Double = try measured.column("base_PsfFlux_instFlux")[row]
      pulls.append((flux - 800) / (try measured.column("base_PsfFlux_instFluxErr", as: Double.self)[row]))
    }
    // 49 of them know their scatter to 10 %.
    #expect(abs(spread(pulls).deviation - 1) < 0.3 && abs(spread(pulls).mean) < 0.5)
    #expect(try measured.column("objectId", as: Int64.self) == (0..<49).map { Int64(100 + $0) })
    #expect(try measured.column("parentObjectId", as: Int64.self).allSatisfy { $0 == 7 })
    #expect(try measured.column("coord_ra", as: Angle.self)[3].degrees.rounded() == 13)
    let flags: [Bool] = try measured.column("base_TransformedCentroid_flag")
    #expect(flags[1] && flags.count { $0 } == 1)
    // A flagged position flags what is measured there.
    #expect(try measured.column("base_PsfFlux_flag", as: Bool.self)[1])
  }

  /// Under a WCS that is turned, scaled and shifted from the reference's all is measured where the sky is (E.4).
  @Test func positionsGoThroughTheSky() throws {
    var field = try StarField(count: 36, flux: 5000, noise: 1, seed: 2)
    let center = Point2D(x: 72, y: 72)
    // The same point of the sky, elsewhere in the pixels: what lies between is linear, for both planes touch the sky there.
    let (theirs, own) = (try tangentWCS(at: center), try tangentWCS(at: center + Point2D(x: 0.4, y: -0.3), turned: 0.2))
    field.exposure.wcs = own
    let (s, c) = (sin(0.2 * .pi / 180), cos(0.2 * .pi / 180))
    let expected = field.positions.map { position in
      let d = position - center
      return center + Point2D(x: 0.4 + c * d.x + s * d.y, y: -0.3 - s * d.x + c * d.y)
    }
    let reference = try makeReference(at: field.positions)
    let measured = try makeForced().run(reference, on: field.exposure, referenceWCS: theirs)
    let slot = try PointKey("base_TransformedCentroid", in: measured.schema)
    let flux: [Double] = try measured.column("base_PsfFlux_instFlux")
    for (row, position) in expected.enumerated() {
      #expect(measured[slot, row].distance(to: position) < 1e-6, "\(measured[slot, row]) \(position)")
      // Off by r the PSF sees exp(−r²/4σ²) of a star of σ = 2; 7 counts of noise.
      let r = position.distance(to: field.positions[row])
      #expect(abs(flux[row] - 5000 * exp(-r * r / 16)) < 40)
    }
    #expect(try !measured.column("base_TransformedCentroid_flag", as: Bool.self).contains(true))
    // Where there is one WCS only, or both are one, positions are as they are.
    for wcs in [nil, own] {
      let plain = try makeForced().run(reference, on: field.exposure, referenceWCS: wcs)
      #expect(field.positions.indices.allSatisfy { plain[slot, $0] == field.positions[$0] })
    }
  }

  /// LMLᵀ of a turn by 30° and a scale of 1/2.
  @Test func shapesGoThroughTheSky() throws {
    var exposure = try makeExposure(noiseImage(Box2I(width: 100, height: 100), seed: 4), variance: 1)
    let center = Point2D(x: 50, y: 50)
    exposure.wcs = try tangentWCS(at: center, scale: 2, turned: 30)
    var reference = try makeReference(
      at: [center, Point2D(x: 70, y: 20), center, center], shape: .init(xx: 9, yy: 4, xy: 0))
    let (moments, bad) = (
      try QuadrupoleKey("given", in: reference.schema), try reference.schema.key("given_flag", as: Bool.self)
    )
    reference[bad, 2] = true
    reference[moments, 3] = SIMD3(.nan, 4, 0)
    func shapes(_ referenceWCS: SkyWCS?) throws -> (moments: [SIMD3<Double>], flags: [Bool]) {
      let measured = try makeForced(["base_TransformedCentroid", "base_TransformedShape"])
        .run(reference, on: exposure, referenceWCS: referenceWCS)
      let key = try QuadrupoleKey("base_TransformedShape", in: measured.schema)
      return (reference.rows.map { measured[key, $0] }, try measured.column("base_TransformedShape_flag"))
    }
    // Axes of 3 and 2 px, halved, the long one at ±30°: a turn of the sky by 30° turns pixels the other way round.
    let (c, s) = (cos(Double.pi / 6), sin(Double.pi / 6))
    let turned = try shapes(try tangentWCS(at: center))
    for row in 0..<3 {
      // The maps are differences over a pixel: 1e-9.
      let found = turned.moments[row]
      #expect(abs(found.x - (9 * c * c + 4 * s * s) / 4) < 1e-7, "\(found)")
      #expect(abs(found.y - (9 * s * s + 4 * c * c) / 4) < 1e-7, "\(found)")
      #expect(abs(abs(found.z) - 5 * s * c / 4) < 1e-7, "\(found)")
    }
    #expect(turned.moments[3].x.isNaN)
    #expect(turned.flags == [false, false, true, true])
    let plain = try shapes(exposure.wcs)
    #expect(plain.moments[1] == SIMD3(9, 4, 0) && plain.flags == turned.flags)
    // The image of a Gaussian with the reference's shape, drawn through the WCSs, has the shape: this knows the sign of the turn.
    let (own, theirs) = (try #require(exposure.wcs), try tangentWCS(at: center))
    let drawn = try Image<Double>(box: Box2I(minX: 30, minY: 30, width: 41, height: 41)) { x, y in
      let there = try theirs.skyToPixel(try own.pixelToSky(Point2D(x: Double(x), y: Double(y)))) - center
      return exp(-(there.x * there.x / 9 + there.y * there.y / 4) / 2)
    }
    let found = adaptiveMoments(of: drawn, at: center)
    #expect(abs(found.moments.xy - turned.moments[0].z) < 1e-3, "\(found.moments) \(turned.moments[0])")
  }

  @Test func aReferenceWithoutAShapeIsFlagged() throws {
    var schema = try Schema.minimalSource()
    _ = try PointKey(adding: "given", to: &schema, doc: "position")
    try schema.setSlot(.centroid, to: "given")
    let exposure = try makeExposure(noiseImage(Box2I(width: 40, height: 40), seed: 4), variance: 1)
    let measured = try makeForced(["base_TransformedShape"]).run(Catalog(schema, rowCount: 2), on: exposure)
    #expect(try measured.column("base_TransformedShape_flag", as: Bool.self) == [true, true])
  }

  /// Lists of coordinates need no positions in pixels.
  @Test func coordinatesArePositions() throws {
    let places = [Point2D(x: 20, y: 30), Point2D(x: 55.25, y: 41.5), Point2D(x: 1, y: 1), Point2D(x: 2, y: 2)]
    let wcs = try tangentWCS(at: Point2D(x: 40, y: 40), turned: 17)
    var image = noiseImage(Box2I(width: 80, height: 80), sigma: 1, seed: 1)
    for place in places[..<2] { addStar(to: &image, at: place, sigma: 2, flux: 3000) }
    var exposure = try makeExposure(image, variance: 1, psf: try gaussianPSF(sigma: 2), wcs: wcs)
    let schema = try Schema.minimalSource()
    let coord = try CoordKey(in: schema)
    var reference = Catalog(schema, rowCount: 4)
    for row in 0..<2 { reference[coord, row] = try wcs.pixelToSky(places[row]) }
    // The third has no coordinates, the fourth is on the far side of the sky.
    reference[coord, 3] = SpherePoint(raDegrees: 260, decDegrees: 10)
    let plugins = ["base_TransformedCentroidFromCoord", "base_PsfFlux"]
    func measured() throws -> Catalog {
      try makeForced(plugins) { $0.slots.centroid = "base_TransformedCentroidFromCoord" }.run(reference, on: exposure)
    }
    let found = try measured()
    let slot = try PointKey("base_TransformedCentroidFromCoord", in: found.schema)
    let flux: [Double] = try found.column("base_PsfFlux_instFlux")
    for row in 0..<2 {
      #expect(found[slot, row].distance(to: places[row]) < 1e-8)
      #expect(abs(flux[row] - 3000) < 40)
    }
    #expect(try found.column("base_TransformedCentroidFromCoord_flag", as: Bool.self) == [false, false, true, true])
    #expect(try found.column("base_PsfFlux_flag", as: Bool.self) == [false, false, true, true])
    exposure.wcs = nil
    #expect(
      try measured().column("base_TransformedCentroidFromCoord_flag", as: Bool.self) == [true, true, true, true])
  }

  @Test func noSourcesAreNoRows() throws {
    let exposure = try makeExposure(
      noiseImage(Box2I(width: 40, height: 40), seed: 4), variance: 1, psf: try gaussianPSF(sigma: 2))
    let task = try makeForced { $0.doReplaceWithNoise = true }
    let measured = try task.run(try makeReference(at: []), on: exposure)
    #expect(measured.isEmpty && measured.schema == task.schema)
    #expect(try task.metadata.integer("measuredCount") == 0)
  }
}

extension Catalog {
  /// The numbers of all rows.
  fileprivate var rows: Range<Int> { 0..<rowCount }
}
