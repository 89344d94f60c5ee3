// SPDX-License-Identifier: GPL-3.0-or-later
// Blends under forced measurement, and noise in the place of sources.

import Catalogs
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct ForcedFamilyTests {
  /// Two stars that overlap, on pixels without noise: a parent with both and a child with each; and a star beside them whose footprint touches theirs.
  private struct Blend {
    static let box = Box2I(minX: -10, minY: 20, width: 120, height: 100)
    let places = [Point2D(x: 40, y: 60), Point2D(x: 46.5, y: 62), Point2D(x: 62, y: 60)]
    let fluxes = [2000.0, 900, 5000]
    /// Of each star alone.
    let stars: [Image<Float>]
    let image: Image<Float>

    init() {
      let (places, fluxes) = (places, fluxes)
      stars = places.indices.map { i in
        var image = Image<Float>(box: Self.box, fill: 0)
        addStar(to: &image, at: places[i], sigma: 2, flux: fluxes[i])
        return image
      }
      var sum = stars[0]
      for star in stars[1...] { sum.add(star, times: 1) }
      image = sum
    }

    /// - Parameter variance: of the noise that replaces sources.
    func exposure(variance: Double = 1e-12) throws -> Exposure {
      try makeExposure(image, variance: variance, psf: try gaussianPSF(sigma: 2))
    }

    /// Rows: parent 100, its children 101 and 102, the star 103.
    func reference(heavy rows: Set<Int> = [1, 2]) throws -> Catalog {
      var reference = try makeReference(
        at: [places[0], places[0], places[1], places[2]], parents: [0, 100, 100]
      ) {
        try $0.addField("deblend_nChild", as: Int32.self, doc: "number of children")
      }
      let count: Key<Int32> = try reference.schema.key("deblend_nChild")
      reference[count, 0] = 2
      let family = SpanSet(Box2I(minX: 30, minY: 48, width: 26, height: 26))
      for row in 0..<3 {
        let peaks = reference.footprint(row: row)?.peaks ?? []
        let star = stars[max(0, row - 1)]
        reference.setFootprint(
          rows.contains(row)
            ? try Self.heavy(family, star, peaks) : Footprint(family, peaks: peaks, region: Self.box), row: row)
      }
      let alone = SpanSet(Box2I(minX: 54, minY: 50, width: 20, height: 20))
      reference.setFootprint(
        Footprint(alone, peaks: reference.footprint(row: 3)?.peaks ?? [], region: Self.box), row: 3)
      return reference
    }

    static func heavy(_ spans: SpanSet, _ image: Image<Float>, _ peaks: [Peak]) throws -> Footprint {
      let pixels = spans.spans.flatMap { span in
        (span.x0...span.x1).map { image.box.contains(x: $0, y: span.y) ? image[$0, span.y] : -1000 }
      }
      return try Footprint(
        spans, peaks: peaks, region: box,
        heavy: HeavyPixels(image: pixels, mask: pixels.map { _ in 0 }, variance: pixels.map { _ in 1 }))
    }
  }

  private func forced(_ change: (inout ForcedMeasurementConfig) throws -> Void = { _ in }) throws
    -> ForcedMeasurementTask
  {
    try makeForced {
      $0.doReplaceWithNoise = true
      $0.noiseReplacer.noiseSource = .variance
      $0.copyColumns = ["id:id", "parent:parent", "deblend_nChild:deblend_nChild"]
      try change(&$0)
    }
  }

  private func fluxes(_ catalog: Catalog, _ prefix: String = "") throws -> [Double] {
    try catalog.column(prefix + "base_PsfFlux_instFlux")
  }

  /// The fluxes of the blend's rows on an image as it is.
  private func plain(_ image: Image<Float>) throws -> [Double] {
    let exposure = try makeExposure(image, variance: 1e-12, psf: try gaussianPSF(sigma: 2))
    return try fluxes(try forced { $0.doReplaceWithNoise = false }.run(try Blend().reference(), on: exposure))
  }

  /// A parent is measured with the whole blend, a child with its own pixels, neither with the star beside them.
  @Test func familiesAreMeasured() throws {
    let blend = Blend()
    let task = try forced { try $0.undeblended.select(["base_PsfFlux"]) }
    let measured = try task.run(try blend.reference(), on: try blend.exposure(), exposureID: 77)
    let found = try fluxes(measured)
    var both = blend.stars[0]
    both.add(blend.stars[1], times: 1)
    let expected = [
      try plain(both)[0], try plain(blend.stars[0])[1], try plain(blend.stars[1])[2], try plain(blend.stars[2])[3],
    ]
    // The noise is of 1e-6 counts; what a star has beyond its 26 px is below 1e-8 of it, and 2 columns of the family are also the star's.
    for row in [1, 2] { #expect(abs(found[row] - expected[row]) < 1e-3, "\(row): \(found[row]) \(expected[row])") }
    #expect(abs(found[0] - expected[0]) < 0.02 * 5000)
    #expect(abs(found[3] / expected[3] - 1) < 1e-3)
    // The PSF's stamp ends at 8 px, and its shift to a fraction of a pixel costs 1e-4 of a flux.
    #expect(abs(found[1] / 2000 - 1) < 1e-3 && abs(found[2] / 900 - 1) < 1e-3)
    // The neighbour is 6.8 px away: exp(−6.8²/4σ²) of it, 50 counts, are seen.
    #expect(found[0] > found[1] + 40)
    // Undeblended: the image as it is, to the bit.
    #expect(try fluxes(measured, "undeblended_") == plain(blend.image))
    #expect(try measured.column("id", as: Int64.self) == [100, 101, 102, 103])
    #expect(try measured.column("parent", as: Int64.self) == [0, 100, 100, 0])
    #expect(try measured.column("deblend_nChild", as: Int32.self) == [2, 0, 0, 0])
    #expect(try task.metadata.integer("NOISE_EXPOSURE_ID") == 77)
    #expect(try task.metadata.integer("NOISE_SEED_MULTIPLIER") == 1)
    #expect(try task.metadata.string("NOISE_SOURCE") == "variance")
    #expect(try task.metadata.double("NOISE_OFFSET") == 0)
  }

  /// A child without pixels of its own is measured with its top parent's: with the whole blend (B.15).
  @Test func aLightChildIsMeasuredWithItsParent() throws {
    let blend = Blend()
    for lacksFootprint in [false, true] {
      var reference = try blend.reference(heavy: [1])
      if lacksFootprint { reference.setFootprint(nil, row: 2) }
      let found = try fluxes(try forced().run(reference, on: try blend.exposure()))
      let whole = try forced()
      // The family's first row stands for the blend; here it is measured where the child is.
      var moved = try blend.reference()
      let key = try PointKey("given", in: moved.schema)
      moved[key, 0] = blend.places[1]
      #expect(try found[2] == fluxes(whole.run(moved, on: blend.exposure()))[0])
      #expect(abs(found[1] / 2000 - 1) < 1e-3)
    }
  }

  /// A grandchild without pixels of its own takes those of the nearest ancestor that has some.
  @Test func theNearestPixelsCount() throws {
    let box = Box2I(width: 30, height: 10)
    var image = Image<Float>(box: box, fill: 5)
    let spans = SpanSet(Box2I(minX: 3, minY: 3, width: 5, height: 4))
    func footprint(_ value: Float?) throws -> Footprint {
      guard let value else { return Footprint(spans, region: box) }
      return try Footprint(
        spans, peaks: [], region: box,
        heavy: HeavyPixels(
          image: Array(repeating: value, count: 20), mask: Array(repeating: 0, count: 20),
          variance: Array(repeating: 0, count: 20)))
    }
    let original = image
    var config = NoiseReplacerConfig()
    config.noiseSource = .variance
    let replacer = try NoiseReplacer(
      [footprint(nil), footprint(2), footprint(nil), footprint(nil)], parents: [nil, 0, 1, 0], in: &image,
      mask: Mask(box: box), variance: Image(box: box, fill: 0), config, exposureID: 1)
    for (row, value) in [(0, Float(5)), (1, 2), (2, 2), (3, 5)] {
      #expect(image[4, 4] == 0)
      replacer.insert(row, into: &image)
      #expect(image[4, 4] == value && image[20, 4] == 5, "row \(row)")
      replacer.remove(row, from: &image)
    }
    // A circle of parents ends, and a row that is not there does nothing.
    let circle = try NoiseReplacer(
      [footprint(nil), footprint(nil)], parents: [1, 0], in: &image, mask: Mask(box: box),
      variance: Image(box: box, fill: 0), config, exposureID: 1)
    circle.insert(0, into: &image)
    circle.insert(9, into: &image)
    circle.end(&image)
    replacer.end(&image)
    #expect(image == original)
  }

  /// Of a footprint that goes beyond the image its own pixels count where there is image.
  @Test func ownPixelsAreCutAtTheEdge() throws {
    let box = Box2I(minX: 10, minY: 10, width: 12, height: 9)
    let spans = SpanSet(Box2I(minX: 7, minY: 15, width: 6, height: 8))
    let values = Image<Float>(box: spans.box) { x, y in Float(100 * y + x) }
    var image = Image<Float>(box: box, fill: 1)
    let replacer = try NoiseReplacer(
      [try Blend.heavy(spans, values, [])], in: &image, mask: Mask(box: box), variance: Image(box: box, fill: 1),
      exposureID: 1)
    replacer.insert(0, into: &image)
    for y in 10..<19 {
      for x in 10..<22 { #expect(image[x, y] == (spans.contains(x: x, y: y) ? values[x, y] : 1), "\(x) \(y)") }
    }
  }

  @Test func aChildNeedsItsParent() throws {
    let blend = Blend()
    let orphans = try blend.reference().selecting([1, 2, 3])
    let error = #expect(throws: ForcedMeasurementError.missingParent(child: 101, parent: 100)) {
      try forced().run(orphans, on: try blend.exposure())
    }
    #expect(error?.category == "RuntimeError")
    #expect(error?.description.contains("101") == true && error?.description.contains("100") == true)
    // Nobody needs it where nothing is replaced.
    #expect(try forced { $0.doReplaceWithNoise = false }.run(orphans, on: blend.exposure()).rowCount == 3)
    // The order of the rows does not matter, and circles are none of a family.
    let parentLast = try blend.reference().selecting([3, 2, 1, 0])
    let whole = try fluxes(try forced().run(try blend.reference(), on: try blend.exposure()))
    #expect(try fluxes(forced().run(parentLast, on: blend.exposure())) == whole.reversed())
    var circle = try blend.reference()
    let parent: Key<Int64> = try circle.schema.key("parent")
    circle[parent, 0] = 102
    #expect(throws: ForcedMeasurementError.circularParents(id: 100)) {
      try forced().run(circle, on: try blend.exposure())
    }
  }

  /// Names of flags work with the prefix.
  @Test func undeblendedFlagsHaveTheirNames() throws {
    let blend = Blend()
    var reference = try blend.reference()
    let bad: Key<Bool> = try reference.schema.key("given_flag")
    reference[bad, 3] = true
    let task = try forced {
      try $0.undeblended.select(["base_PsfFlux", "base_CircularApertureFlux"])
      $0.undeblendedPrefix = "whole_"
    }
    let measured = try task.run(reference, on: try blend.exposure())
    for name in ["base_PsfFlux", "whole_base_PsfFlux", "whole_base_CircularApertureFlux"] {
      #expect(try measured.column(name + "_flag_badCentroid", as: Bool.self) == [false, false, false, true])
    }
    #expect(try measured.column("whole_base_PsfFlux_flag", as: Bool.self) == [false, false, false, true])
    #expect(measured.schema.contains("whole_base_CircularApertureFlux_12_0_instFlux"))
    #expect(throws: (any Error).self) { try forced { $0.undeblendedPrefix = "" } }
  }

  /// Three bands of one reference have the same sources in the same rows; and each exposure is as it was (E.4).
  @Test func bandsShareTheirRows() throws {
    let blend = Blend()
    let reference = try blend.reference()
    let catalogs = try (0..<3).map { band in
      var image = blend.image
      image.scale(by: Float(band + 1))
      let exposure = try makeExposure(image, variance: 4, psf: try gaussianPSF(sigma: 2))
      // Noise of another exposure is other noise, of the same the same.
      let task = try forced()
      let first = try task.run(reference, on: exposure, exposureID: Int64(band))
      #expect(try task.run(reference, on: exposure, exposureID: Int64(band)) == first)
      #expect(exposure.maskedImage.image == image)
      return first
    }
    for name in ["id", "parent"] {
      let columns: [[Int64]] = try catalogs.map { try $0.column(name) }
      #expect(columns.allSatisfy { $0 == columns[0] })
    }
    #expect(try fluxes(catalogs[0])[1] != fluxes(catalogs[1])[1] / 2)
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
