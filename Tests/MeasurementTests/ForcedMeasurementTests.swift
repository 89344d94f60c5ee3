// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring where other sources are, and without their neighbours.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct ForcedMeasurementTests {
  /// A reference with centroids in a slot.
  private func reference(at positions: [Point2D], half: Int = 5) throws -> Catalog {
    var schema = try Schema.minimalSource()
    let key = try PointKey(adding: "given", to: &schema, doc: "position")
    let flag: Key<Bool> = try schema.addField("given_flag", doc: "bad")
    try schema.setSlot(.centroid, to: "given")
    var catalog = makeCatalog(schema, at: positions, half: half)
    let (id, parent): (Key<Int64>, Key<Int64>) = (try schema.key("id"), try schema.key("parent"))
    let coord = try CoordKey(in: schema)
    for (row, position) in positions.enumerated() {
      catalog[key, row] = position
      (catalog[id, row], catalog[parent, row]) = (Int64(100 + row), 7)
      catalog[coord, row] = SpherePoint(raDegrees: 10 + Double(row), decDegrees: 5)
      catalog[flag, row] = row == 1
    }
    return catalog
  }

  @Test func fluxesAreThoseOfTheTruth() throws {
    let field = try StarField(count: 49, flux: 800, noise: 2, seed: 6)
    let reference = try reference(at: field.positions)
    var config = ForcedMeasurementConfig()
    config.doReplaceWithNoise = false
    let measured = try ForcedMeasurementTask(config: config).run(reference, on: field.exposure)
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

  /// Through both WCSs, when they differ.
  @Test func positionsGoThroughTheSky() throws {
    var field = try StarField(count: 9, flux: 5000, noise: 1, seed: 2)
    func wcs(_ shift: Double) throws -> SkyWCS {
      try SkyWCS(
        referencePixel: Point2D(x: 30 + shift, y: 40), reference: SpherePoint(raDegrees: 80, decDegrees: -60),
        cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
    }
    field.exposure.wcs = try wcs(2.5)
    let reference = try reference(at: field.positions)
    let measured = try ForcedMeasurementTask().run(reference, on: field.exposure, referenceWCS: try wcs(0))
    let slot = try PointKey("base_TransformedCentroid", in: measured.schema)
    for (row, position) in field.positions.enumerated() {
      #expect(measured[slot, row].distance(to: Point2D(x: position.x + 2.5, y: position.y)) < 1e-6)
    }
  }

  /// With noise in the place of its neighbour a source has its own flux; without, the neighbour's light is in it.
  @Test func neighboursAreReplaced() throws {
    let box = Box2I(width: 120, height: 100)
    var image = noiseImage(box, sigma: 1, seed: 3)
    let (a, b) = (Point2D(x: 50, y: 50), Point2D(x: 58, y: 50))
    addStar(to: &image, at: a, sigma: 2, flux: 500)
    let alone = image
    addStar(to: &image, at: b, sigma: 2, flux: 50_000)
    let exposure = try makeExposure(image, variance: 1, psf: try gaussianPSF(sigma: 2))
    // Footprints that overlap, the first with its own pixels, as a deblender gives them.
    var reference = try reference(at: [a, b])
    for (row, columns) in [(0, 38...62), (1, 44...75)] {
      let part = SpanSet(Box2I(minX: columns.lowerBound, minY: 36, width: columns.count, height: 29))
      let peaks = reference.footprint(row: row)?.peaks ?? []
      let pixels = part.spans.flatMap { span in (span.x0...span.x1).map { alone[$0, span.y] } }
      let heavy = HeavyPixels(
        image: pixels, mask: pixels.map { _ in 0 }, variance: pixels.map { _ in 1 })
      reference.setFootprint(
        row == 0
          ? try Footprint(part, peaks: peaks, region: box, heavy: heavy) : Footprint(part, peaks: peaks, region: box),
        row: row)
    }
    func flux(_ replaces: Bool) throws -> Double {
      var config = ForcedMeasurementConfig()
      config.doReplaceWithNoise = replaces
      config.noiseReplacer.noiseSource = .variance
      return try ForcedMeasurementTask(config: config).run(reference, on: exposure, exposureID: 5)
        .column("base_PsfFlux_instFlux", as: Double.self)[0]
    }
    // 7 counts of noise; of the neighbour's flux exp(−8²/4σ²) = 1.8 % are seen.
    #expect(try abs(flux(true) - 500) < 30)
    #expect(try flux(false) > 1200)
    #expect(try flux(true) == flux(true))
  }

  /// Inside of a source its own pixels, outside noise, and afterwards everything as it was.
  @Test func replacedPixelsComeBack() throws {
    let box = Box2I(minX: -20, minY: 30, width: 80, height: 60)
    let original = noiseImage(box, level: 3, sigma: 2, seed: 9)
    var image = original
    let spans = [
      SpanSet(Box2I(minX: 0, minY: 40, width: 9, height: 9)), SpanSet(Box2I(minX: 5, minY: 45, width: 12, height: 9)),
    ]
    let footprints = spans.map { Footprint($0, region: box) } as [Footprint?]
    let variance = Image<Float>(box: box, fill: 4)
    let replacer = try NoiseReplacer(
      footprints + [nil], in: &image, mask: Mask(box: box), variance: variance, exposureID: 3)
    #expect(image != original)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX {
        let isInside = spans.contains { $0.contains(x: x, y: y) }
        #expect((image[x, y] == original[x, y]) == !isInside)
      }
    }
    let empty = image
    replacer.insert(0, into: &image)
    for span in spans[0].spans { for x in span.x0...span.x1 { #expect(image[x, span.y] == original[x, span.y]) } }
    replacer.remove(0, from: &image)
    #expect(image == empty)
    // The noise has the mean and the scatter of the image.
    let values = spans[1].spans.flatMap { span in (span.x0...span.x1).map { Double(empty[$0, span.y]) } }
    #expect(abs(spread(values).mean - 3) < 0.8 && abs(spread(values).deviation / 2 - 1) < 0.25)
    replacer.insert(2, into: &image)
    replacer.end(&image)
    #expect(image == original)
  }
}
