// SPDX-License-Identifier: GPL-3.0-or-later
// Detections of several bands, made up.

import Catalogs
import ForcedPhotometry
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport

/// Detections of the bands of a patch, on pixels of 0.2 arcseconds: peaks are the same within 1.5 pixels and new beyond 5.
struct MergeScene {
  static let box = Box2I(minX: -40, minY: 1000, width: 320, height: 280)

  var detections: [(band: String, sources: Catalog)] = []

  static func wcs(pixelScale: Double = 0.2) throws -> SkyWCS {
    try SkyWCS(
      referencePixel: Point2D(x: 100, y: 1100), reference: SpherePoint(raDegrees: 150, decDegrees: 2),
      cd: AffineTransform(xx: -pixelScale / 3600, yy: pixelScale / 3600))
  }

  static func disk(_ x: Int, _ y: Int, radius: Double) -> SpanSet {
    SpanSet([Span(y: y, x0: x, x1: x)]).dilated(by: radius)
  }

  static func peak(_ x: Int, _ y: Int, _ value: Float) -> Peak {
    let pixel = Point2I(x: x, y: y)
    return Peak(id: 0, position: Point2D(pixel), pixel: pixel, value: value, isFromPositive: true)
  }

  /// A footprint: disks about some peaks, and about other places.
  static func footprint(_ peaks: [Peak], radius: Double = 6, and more: [SpanSet] = []) -> Footprint {
    let disks = peaks.map { disk($0.pixel.x, $0.pixel.y, radius: radius) } + more
    return Footprint(SpanSet(disks.flatMap(\.spans)), peaks: peaks, region: box)
  }

  static func catalog(_ footprints: [Footprint]) throws -> Catalog {
    var catalog = Catalog(try Schema.minimalSource(), rowCount: footprints.count)
    for (row, footprint) in footprints.enumerated() { catalog.setFootprint(footprint, row: row) }
    return catalog
  }

  mutating func add(_ band: String, _ footprints: Footprint...) throws {
    detections.append((band, try Self.catalog(footprints)))
  }

  func merged(
    _ change: (inout MergeDetectionsConfig) -> Void = { $0.doSkySources = false }, pixelScale: Double = 0.2,
    mask: Mask? = nil, seed: Int64 = 7
  ) throws -> MergedFamilies {
    var config = MergeDetectionsConfig()
    config.priorityList = ["i", "r", "g"]
    change(&config)
    let task = try MergeDetectionsTask(config: config)
    let catalog = try task.run(
      detections, wcs: Self.wcs(pixelScale: pixelScale), box: Self.box,
      idFactory: try IDFactory(catalogID: 3, reserved: 40), skySeed: seed, mask: mask)
    return MergedFamilies(catalog: catalog, columns: task.columns, task: task)
  }

  /// Bands that see much of the same, with errors, in footprints that a detection could have given: none of a band touches another.
  static func random(seed: UInt64, bands: [String] = ["i", "r", "g"]) throws -> MergeScene {
    var random = SeededRandom(seed)
    let inner = box.grown(by: -20)
    func inside(_ random: inout SeededRandom) -> Point2I {
      Point2I(
        x: inner.minX + Int(random.uniform() * Double(inner.width)),
        y: inner.minY + Int(random.uniform() * Double(inner.height)))
    }
    let sources = (0..<60).map { _ in inside(&random) }
    var scene = MergeScene()
    for band in bands {
      var pixels: [Point2I] = []
      for source in sources where random.uniform() < 0.7 {
        pixels.append(
          Point2I(x: source.x + Int(random.uniform(-3...4)), y: source.y + Int(random.uniform(-3...4))))
      }
      for _ in 0..<15 { pixels.append(inside(&random)) }
      // Peaks of one image do not touch.
      var peaks: [Peak] = []
      for pixel in pixels
      where peaks.allSatisfy({ max(abs($0.pixel.x - pixel.x), abs($0.pixel.y - pixel.y)) > 1 }) {
        peaks.append(peak(pixel.x, pixel.y, Float(random.uniform(1...100))))
      }
      let seeds = peaks.map {
        Footprint(SpanSet([Span(y: $0.pixel.y, x0: $0.pixel.x, x1: $0.pixel.x)]), peaks: [$0], region: box)
      }
      let radius = 3 + Int(random.uniform(0...4))
      scene.detections.append((band, try catalog(FootprintSet(seeds, region: box).grown(by: radius).footprints)))
    }
    return scene
  }
}

/// A merged catalog, with what tests ask of it.
struct MergedFamilies {
  let catalog: Catalog
  let columns: FamilyColumns
  let task: MergeDetectionsTask

  var rows: Range<Int> { 0..<catalog.rowCount }
  var parents: [Int] { rows.filter { catalog[columns.parent, $0] == 0 } }

  func children(of row: Int) -> [Int] { rows.filter { catalog[columns.parent, $0] == catalog[columns.id, row] } }

  func peaks(_ row: Int) -> [Point2I] { catalog.footprint(row: row)?.peaks.map(\.pixel) ?? [] }

  private func bands(_ flags: [(band: String, key: Key<Bool>)], _ row: Int) -> [String] {
    flags.filter { catalog[$0.key, row] }.map(\.band)
  }

  func footprintBands(_ row: Int) -> [String] { bands(columns.isInFootprint, row) }
  func peakBands(_ row: Int) -> [String] { bands(columns.isAtPeak, row) }
}
