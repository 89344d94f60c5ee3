// SPDX-License-Identifier: GPL-3.0-or-later
// Differences that nobody would want to measure.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Flags and outcomes, never a trap.
@Suite struct DegenerateDetectionTests {
  private static let box = Box2I(minX: -60, minY: 20, width: 180, height: 160)

  private func scene(
    _ change: (_ image: inout Image<Float>, _ mask: inout Mask, _ variance: inout Image<Float>) throws -> Void
  ) throws -> DetectionScene {
    let transients = DetectionScene.randomTransients(4, in: Self.box, flux: 900, apart: 40, seed: 17)
    var scene = try DetectionScene(box: Self.box, stars: 0, transients: transients)
    let planes = scene.difference.maskedImage
    var (image, mask, variance) = (planes.image, planes.mask, planes.variance)
    try change(&image, &mask, &variance)
    scene.difference.maskedImage = try MaskedImage(image: image, mask: mask, variance: variance)
    return scene
  }

  @Test(
    arguments: DetectionScene.Way.allCases, ["nan", "infinite", "zero", "negative", "no variance", "masked", "huge"])
  func oddPlanesAreNoTrap(_ way: DetectionScene.Way, _ kind: String) throws {
    let scene = try scene { image, mask, variance in
      let box = Self.box
      switch kind {
      case "nan": image = Image(box: box, fill: .nan)
      case "infinite": image[0, 60] = .infinity
      case "zero": image = Image(box: box, fill: 0)
      case "negative": variance = Image(box: box, fill: -1)
      case "no variance": variance = Image(box: box, fill: 0)
      case "masked": mask = Mask(bits: Image(box: box, fill: 0xFFFF_FFFF), planes: mask.planes)
      default: image.scale(by: 1e30)
      }
    }
    let (result, _) = try scene.run(way) { config in
      (config.doSkySources, config.doSubtractBackground, config.doFindCosmicRays) = (true, kind != "huge", true)
      (config.doMaskStreaks, config.doFindGlints) = (true, true)
    }
    let sources = try #require(result.diaSources)
    if ["nan", "zero", "negative", "no variance"].contains(kind) {
      #expect(try sources.flags("sky_source").allSatisfy { $0 })
    }
    if kind == "masked" { #expect(sources.rowCount == 0) }
  }

  /// NaN in a source, and pixels that are masked all over: flags of the measurements that need them.
  @Test func pixelsWithoutDataAreFlags() throws {
    var hit: Point2D?
    let scene = try scene { image, mask, _ in
      let transient = DetectionScene.randomTransients(4, in: Self.box, flux: 900, apart: 40, seed: 17)[0]
      hit = transient.position
      let pixel = try #require(transient.position.pixel)
      image[pixel.x + 3, pixel.y] = .nan
      try mask.set("SUSPECT", in: Box2I(minX: pixel.x - 9, minY: pixel.y - 9, width: 19, height: 19))
    }
    let sources = try #require(try scene.run(.difference).result.diaSources)
    let position = try #require(hit)
    if let row = try sources.row(near: position, within: 3) {
      #expect(try sources.flags("base_PsfFlux_flag")[row] && sources.flags("base_CircularApertureFlux_12_0_flag")[row])
      #expect(try sources.flags("base_PixelFlags_flag_suspect")[row])
    }
    #expect(sources.rowCount >= 3)
  }

  /// An image that no kernel fits into, and one of a single pixel.
  @Test func imagesThatAreTooSmallAreErrors() throws {
    for side in [1, 7, 16] {
      let scene = try DetectionScene(box: Box2I(width: 64, height: 64), stars: 0)
      var small = scene
      for path in [\DetectionScene.difference, \.science, \.template] {
        small[keyPath: path] = scene[keyPath: path].cropped(to: Box2I(minX: 5, minY: 5, width: side, height: side))
      }
      #expect(throws: DetectionError.self) { try small.run(.difference) }
    }
  }

  /// A hundred thousand peaks: more than the limit is an outcome, and with the limit raised they are measured.
  @Test func aSeaOfPeaksIsAnOutcome() throws {
    let box = Box2I(width: 2000, height: 2000)
    let scene = try DetectionScene(box: box, stars: 0, sigma: 1.2)
    let (many, _) = try scene.run(.difference) { config in
      try config.set("detection.thresholdValue", to: .number(1.5))
      try config.set("detection.nSigmaToGrow", to: .integer(0))
      config.maxFootprints = 20_000
    }
    #expect((many.failure as? DetectAndMeasureError)?.category == "TooManyFootprints")
    #expect(many.diaSources == nil)
    let part = Box2I(minX: 0, minY: 0, width: 300, height: 300)
    var small = scene
    for path in [\DetectionScene.difference, \.science, \.template] {
      small[keyPath: path] = scene[keyPath: path].cropped(to: part)
    }
    let (measured, _) = try small.run(.difference) { config in
      try config.set("detection.thresholdValue", to: .number(1.5))
    }
    #expect(try #require(measured.diaSources).rowCount > 10)
  }

  /// A catalog whose sources have no pixels, no peaks, or lie beyond the image.
  @Test func sourcesWithoutPixelsAreFlags() throws {
    let scene = try scene { _, _, _ in }
    let task = try DetectAndMeasureTask()
    var sources = Catalog(task.schema, rowCount: 4)
    let region = Self.box
    sources.setFootprint(Footprint(.empty, region: region), row: 0)
    let far = Point2I(x: 4000, y: -7000)
    for (row, pixel) in [(1, far), (2, Point2I(x: -60, y: 20))] {
      let peak = Peak(id: Int64(row), position: Point2D(pixel), pixel: pixel, value: 9, isFromPositive: true)
      sources.setFootprint(
        Footprint(SpanSet([Span(y: pixel.y, x0: pixel.x, x1: pixel.x)]), peaks: [peak], region: region), row: row)
    }
    try task.measureDiaSources(
      &sources, science: scene.science, difference: scene.difference, matchedTemplate: scene.template)
    #expect(try sources.flags("base_SdssCentroid_flag").allSatisfy { $0 })
    #expect(try sources.flags("base_PixelFlags_flag_offimage")[1])
    try task.measureForcedSources(&sources, science: scene.science, wcs: scene.science.wcs)
    #expect(try sources.flags("ip_diffim_forced_PsfFlux_flag")[0])
    let result = try task.processResults(
      science: scene.science, matchedTemplate: scene.template, difference: scene.difference, sources: sources)
    #expect(result.diaSources != nil)
  }
}
