// SPDX-License-Identifier: GPL-3.0-or-later
// Families on a coadd, each source with its own light.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct CoaddDeblendTests {
  private func task(_ change: (inout CoaddDeblendConfig) -> Void = { _ in }) throws -> DeblendCoaddSourcesTask {
    var config = CoaddDeblendConfig()
    change(&config)
    return try DeblendCoaddSourcesTask(config: config)
  }

  /// What has to hold whatever the pixels are: shares that add up, one peak each, within the parent, nothing else changed.
  private func check(_ after: Catalog, _ before: Catalog, on exposure: Exposure) throws {
    let columns = try FamilyColumns(after.schema)
    #expect(after.rowCount == before.rowCount)
    #expect(after.column(columns.id) == before.column(columns.id))
    #expect(after.column(columns.parent) == before.column(columns.parent))
    #expect(after.column(columns.childCount) == before.column(columns.childCount))
    let noPixels = try after.flags("noPixels")
    let image = exposure.maskedImage.image
    for row in 0..<after.rowCount where after[columns.parent, row] == 0 {
      #expect(after.footprint(row: row) == before.footprint(row: row))
      let children = try after.children(of: after[columns.id, row])
      guard let parent = after.footprint(row: row), !children.isEmpty else { continue }
      for child in children {
        let footprint = try #require(after.footprint(row: child))
        #expect(footprint.peaks == before.footprint(row: child)?.peaks && footprint.peaks.count == 1)
        let heavy = try #require(footprint.heavy)
        #expect(footprint.spans.subtracting(parent.spans).isEmpty)
        #expect(noPixels[child] || heavy.image.allSatisfy(\.isFinite))
        #expect(!footprint.spans.isEmpty)
      }
      let shared = after.sumOfHeavy(children.filter { !noPixels[$0] }, over: exposure.box)
      for span in parent.spans.clipped(to: exposure.box).spans {
        for x in span.x0...span.x1 where shared.count[x, span.y] > 0 {
          let value = Double(image[x, span.y])
          // Each of the shares is rounded to float32, and is less than the pixel.
          let tolerance = Double(shared.count[x, span.y]) * 6e-8 * abs(value)
          guard abs(shared.sum[x, span.y] - value) <= tolerance else {
            Issue.record("row \(row), pixel \(x), \(span.y): \(shared.sum[x, span.y]) of \(value)")
            return
          }
        }
      }
    }
  }

  @Test(arguments: DeblendScene.Profile.allCases) func pairsOfStars(_ profile: DeblendScene.Profile) throws {
    let task = try task()
    var random = SeededRandom(4)
    for separation in [1.5, 2, 3] {
      for ratio in [1.0, 5, 20] {
        for trial in 0..<3 {
          var scene = try DeblendScene(profile: profile, seed: random.next())
          let first = Point2D(
            x: scene.box.center.x + random.uniform(-0.5...0.5), y: scene.box.center.y + random.uniform(-0.5...0.5))
          let (angle, apart) = (random.uniform(0...2 * .pi), separation * scene.fwhm)
          let second = Point2D(x: first.x + apart * cos(angle), y: first.y + apart * sin(angle))
          let family = [
            DeblendScene.Source(position: first, flux: 20_000),
            DeblendScene.Source(position: second, flux: 20_000 / ratio),
          ]
          try scene.add(family)
          let before = try scene.catalog(task)
          var catalog = before
          let models = try task.run(&catalog, on: scene.exposure)
          try check(catalog, before, on: scene.exposure)
          let label = "\(profile) \(separation) FWHM, 1:\(ratio), trial \(trial)"
          let isPSF = try catalog.flags("deblendedAsPsf")
          #expect(isPSF == [false, true, true], "\(label)")
          let fluxes: [Double] = try catalog.column("deblend_psf_instFlux")
          let center = try PointKey("deblend_psfCenter", in: catalog.schema)
          for (i, source) in family.enumerated() {
            let flux = try scene.psfFlux(of: catalog.footprint(row: i + 1), at: source.position)
            // The fit has a plane and a neighbour beside the star, and a position: up to three times the error of a star alone.
            let tolerance = max(0.03 * source.flux, 9 * scene.fluxError)
            #expect(abs(flux - source.flux) < tolerance, "\(label): \(flux) of \(source.flux)")
            #expect(abs(fluxes[i + 1] - source.flux) < tolerance, "\(label): fitted \(fluxes[i + 1])")
            #expect(catalog[center, i + 1].distance(to: source.position) < 0.3, "\(label)")
            #expect(models[i + 1]?.isHeavy == true)
          }
          #expect(models[0] == nil)
        }
      }
    }
  }

  /// A galaxy of twice the PSF's width keeps its form, and a star on its flank its flux, although the galaxy's light is bent where the star is.
  @Test(arguments: [5_000.0, 30_000, 100_000]) func starOnAGalaxy(_ galaxyFlux: Double) throws {
    let task = try task()
    for angle in [0.0, 0.7, 2.2] {
      var scene = try DeblendScene(seed: UInt64(galaxyFlux))
      let sigma = scene.fwhm / 2.355
      let (center, apart) = (Point2D(x: 144.2, y: -5.3), 2.2 * scene.fwhm)
      let star = DeblendScene.Source(
        position: Point2D(x: center.x + apart * cos(angle), y: center.y + apart * sin(angle)), flux: 6000)
      let galaxy = DeblendScene.Source(position: center, flux: galaxyFlux, sigma: 2 * sigma)
      try scene.add([galaxy, star])
      let before = try scene.catalog(task)
      var catalog = before
      let models = try task.run(&catalog, on: scene.exposure)
      try check(catalog, before, on: scene.exposure)
      #expect(try catalog.flags("deblendedAsPsf") == [false, false, true], "\(galaxyFlux) \(angle)")
      let flux = try scene.psfFlux(of: catalog.footprint(row: 2), at: star.position)
      #expect(abs(flux / star.flux - 1) < 0.1, "\(galaxyFlux) \(angle): \(flux)")
      let share = try #require(catalog.footprint(row: 1)?.heavy).image.reduce(0) { $0 + Double($1) }
      #expect(abs(share / galaxyFlux - 1) < 0.1, "\(galaxyFlux) \(angle): \(share)")
      // The template decreases outward along rows and columns through the peak.
      let model = try #require(models[1])
      let values = Catalog.plane(of: model, over: scene.box)
      let peak = model.peaks[0].pixel
      for r in 1..<30 {
        for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
          let (near, far) = (
            values[peak.x + (r - 1) * dx, peak.y + (r - 1) * dy], values[peak.x + r * dx, peak.y + r * dy]
          )
          #expect(far <= near)
        }
      }
    }
  }

  /// A galaxy that the image's edge cuts off: with the ramp its template reaches as far inward as the light does.
  @Test func truncatedGalaxyIsRamped() throws {
    var scene = try DeblendScene(noise: 1)
    let edge = Double(scene.box.minX)
    let galaxy = DeblendScene.Source(position: Point2D(x: edge + 6, y: -5), flux: 60_000, sigma: 5)
    let star = DeblendScene.Source(position: Point2D(x: edge + 30, y: -5), flux: 3000)
    try scene.add([galaxy, star])
    func run(_ handling: CoaddDeblendConfig.EdgeHandling) throws -> (Catalog, [Footprint?]) {
      let task = try task { $0.edgeHandling = handling }
      let before = try scene.catalog(task)
      var catalog = before
      let models = try task.run(&catalog, on: scene.exposure)
      try check(catalog, before, on: scene.exposure)
      return (catalog, models)
    }
    let (ramped, rampedModels) = try run(.ramp)
    let (clipped, clippedModels) = try run(.clip)
    #expect(try ramped.flags("rampedTemplate") == [false, true, false])
    #expect(try clipped.flags("rampedTemplate") == [false, false, false])
    // Without it the template ends at the mirror image of the edge, 12 px inward.
    #expect(try #require(clippedModels[1]).box.maxX == scene.box.minX + 12)
    #expect(try #require(rampedModels[1]).box.maxX > scene.box.minX + 16)
    for catalog in [ramped] {
      #expect(abs(try scene.psfFlux(of: catalog.footprint(row: 2), at: star.position) / star.flux - 1) < 0.1)
    }
  }

  /// Sources at the border of the image, or half beyond it.
  @Test func blendAtTheBorder() throws {
    let task = try task()
    for (dx, dy) in [(0.0, 0.0), (0.3, 40.0), (40, 0.2)] {
      var scene = try DeblendScene()
      let corner = Point2D(x: Double(scene.box.minX) + dx, y: Double(scene.box.minY) + dy)
      let sources = [
        DeblendScene.Source(position: corner, flux: 10_000),
        DeblendScene.Source(position: Point2D(x: corner.x + 8, y: corner.y + 7), flux: 8000),
      ]
      try scene.add(sources)
      let before = try scene.catalog(task)
      var catalog = before
      _ = try task.run(&catalog, on: scene.exposure)
      try check(catalog, before, on: scene.exposure)
      #expect(try catalog.flags("deblendedAsPsf") == [false, true, true])
      let flux: Double = try catalog.column("deblend_psf_instFlux")[1]
      // A quarter of its light is there; a tenth of its flux is still twelve times the error.
      #expect(abs(flux / 10_000 - 1) < 0.1, "\(flux)")
    }
  }

  @Test func limitsSkipFamilies() throws {
    func scene() throws -> DeblendScene {
      var scene = try DeblendScene()
      let center = scene.box.center
      try scene.add([
        .init(position: center, flux: 10_000), .init(position: Point2D(x: center.x + 9, y: center.y), flux: 5000),
        .init(position: Point2D(x: center.x, y: center.y + 9), flux: 5000),
      ])
      return scene
    }
    var masked = try scene()
    try masked.exposure.maskedImage.update { image, mask, variance throws(ImagingError) in
      let part = Box2I(minX: 100, minY: -50, width: 45, height: 90)
      try mask.set("NO_DATA", in: part)
      image.paste(Image(box: part, fill: .nan))
      variance.paste(Image(box: part, fill: .infinity))
    }
    let cases: [(String, DeblendScene, DeblendCoaddSourcesTask)] = [
      ("tooManyPeaks", try scene(), try task { $0.maxNumberOfPeaks = 2 }),
      ("parentTooBig", try scene(), try task { $0.maxFootprintArea = 100 }),
      ("parentTooBig", try scene(), try task { $0.maxFootprintSize = 12 }),
      ("parentTooBig", try scene(), try task { $0.minFootprintAxisRatio = 0.99 }),
      ("masked", masked, try task()),
    ]
    for (flag, scene, task) in cases {
      let before = try scene.catalog(task)
      var catalog = before
      let models = try task.run(&catalog, on: scene.exposure)
      try check(catalog, before, on: scene.exposure)
      #expect(try catalog.flags(flag).allSatisfy { $0 } && catalog.flags("skipped").allSatisfy { $0 }, "\(flag)")
      #expect(models.allSatisfy { $0 == nil })
      let others = ["tooManyPeaks", "parentTooBig", "masked", "failed"].filter { $0 != flag }
      for other in others { #expect(try !catalog.flags(other).contains(true), "\(flag) \(other)") }
      // Each pixel with data is one child's, of which the nearest to its peak.
      let image = scene.exposure.maskedImage.image
      let noPixels = try catalog.flags("noPixels")
      let shared = catalog.sumOfHeavy((1..<4).filter { !noPixels[$0] }, over: scene.box)
      let parent = try #require(catalog.footprint(row: 0))
      for span in parent.spans.spans {
        for x in span.x0...span.x1 {
          #expect(shared.count[x, span.y] == (image[x, span.y].isFinite ? 1 : 0))
        }
      }
      for row in 1..<4 where !noPixels[row] {
        let footprint = try #require(catalog.footprint(row: row))
        let own = footprint.peaks[0].pixel
        for span in footprint.spans.spans {
          for x in span.x0...span.x1 {
            func distance(_ p: Point2I) -> Int { (p.x - x) * (p.x - x) + (p.y - span.y) * (p.y - span.y) }
            #expect(parent.peaks.allSatisfy { distance($0.pixel) >= distance(own) })
          }
        }
      }
      try checkPixel(catalog, row: 1, scene)
    }
  }

  /// The heavy pixels of a child of a skipped family are the image's.
  private func checkPixel(_ catalog: Catalog, row: Int, _ scene: DeblendScene) throws {
    let footprint = try #require(catalog.footprint(row: row))
    let span = try #require(footprint.spans.spans.first)
    let value = try #require(footprint.heavy?.image.first)
    let image = scene.exposure.maskedImage.image[span.x0, span.y]
    #expect(value == image || (value.isNaN && image.isNaN))
  }

  /// A source that is seen in other bands only: it has a footprint, and takes no light from the others.
  @Test func undetectedSources() throws {
    let task = try task()
    // Where there is nothing, on a star's wing, and on a galaxy's flank.
    for (sigma, apart) in [(0.0, 22.0), (0, 9), (5, 9)] {
      var (zeros, count, faint) = (0, 0, 0.0)
      for trial in 0..<12 {
        var scene = try DeblendScene(seed: UInt64(trial))
        let center = scene.box.center
        let bright = DeblendScene.Source(position: center, flux: 60_000, sigma: sigma)
        let missing = DeblendScene.Source(
          position: Point2D(x: center.x + apart * cos(Double(trial)), y: center.y + apart * sin(Double(trial))),
          flux: 0)
        try scene.add([bright, missing])
        let before = try scene.catalog(task)
        var catalog = before
        let models = try task.run(&catalog, on: scene.exposure)
        try check(catalog, before, on: scene.exposure)
        let isZero = try catalog.flags("zeroTemplate")
        #expect(!isZero[1])
        zeros += isZero[2] ? 1 : 0
        count += 1
        #expect(models[2] != nil)
        if isZero[2] {
          let light = try #require(models[2]?.heavy).image.reduce(0) { $0 + Double($1) }
          // A star at one standard error of its flux; what is beyond the footprint is missing.
          #expect(light > 0.5 * scene.fluxError && light < 1.1 * scene.fluxError)
        }
        let share = try scene.psfFlux(of: catalog.footprint(row: 2), at: missing.position)
        faint = max(faint, abs(share))
        let flux = try #require(catalog.footprint(row: 1)?.heavy).image.reduce(0) { $0 + Double($1) }
        #expect(abs(flux / bright.flux - 1) < 0.03, "\(sigma) \(apart): \(flux)")
      }
      // Half of them are below zero.
      #expect(zeros >= 2 && zeros <= 10, "\(sigma) \(apart): \(zeros) of \(count)")
      #expect(faint < 5 * (try DeblendScene().fluxError), "\(sigma) \(apart): \(faint)")
    }
  }

  @Test func pixelsWithoutData() throws {
    let task = try task { $0.maskLimits = [:] }
    for hole in [
      Box2I(minX: 143, minY: -6, width: 3, height: 3), Box2I(minX: 130, minY: -50, width: 8, height: 90),
      Box2I(minX: 100, minY: -50, width: 90, height: 90), Box2I(minX: 100, minY: -50, width: 60, height: 90),
    ] {
      for sigma in [0.0, 5] {
        var scene = try DeblendScene()
        let center = scene.box.center
        try scene.add([
          .init(position: center, flux: 20_000, sigma: sigma),
          .init(position: Point2D(x: center.x + 10, y: center.y + 3), flux: 9000),
          .init(position: Point2D(x: center.x + 1, y: center.y + 18), flux: 9000),
        ])
        try scene.exposure.maskedImage.update { image, _, variance throws(ImagingError) in
          image.paste(Image(box: hole.intersection(image.box), fill: .nan))
          variance.paste(Image(box: hole.intersection(image.box), fill: .nan))
        }
        let before = try scene.catalog(task)
        var catalog = before
        let models = try task.run(&catalog, on: scene.exposure)
        try check(catalog, before, on: scene.exposure)
        for model in models { #expect(model?.heavy?.image.allSatisfy { $0 > 0 && $0.isFinite } ?? true) }
        let isAllGone = hole == scene.box
        #expect(try catalog.flags("failed") == Array(repeating: isAllGone, count: 4))
        #expect(try catalog.flags("noPixels").dropFirst().allSatisfy { $0 } == isAllGone)
        if hole.area == 9 {
          let flux = try scene.psfFlux(of: catalog.footprint(row: 2), at: Point2D(x: center.x + 10, y: center.y + 3))
          #expect(abs(flux / 9000 - 1) < 0.1, "\(flux)")
        }
      }
    }
  }

  /// A PSF that ends somewhere.
  private struct PartialPSF: PSF {
    let whole: KernelPSF
    let end: Double
    var averagePosition: Point2D { whole.averagePosition }
    func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
      guard position.x < end else { throw .outOfRange("there is no PSF at (\(position.x), \(position.y))") }
      return whole.kernel
    }
  }

  @Test func whereThereIsNoPSF() throws {
    let task = try task()
    var scene = try DeblendScene()
    let center = scene.box.center
    let sources = [
      DeblendScene.Source(position: center, flux: 20_000),
      DeblendScene.Source(position: Point2D(x: center.x + 12, y: center.y), flux: 10_000),
      DeblendScene.Source(position: Point2D(x: center.x + 25, y: center.y), flux: 0),
    ]
    try scene.add(sources)
    let before = try scene.catalog(task)
    for end in [center.x + 5, -1e9] {
      var catalog = before
      var exposure = scene.exposure
      exposure.psf = PartialPSF(whole: scene.psf, end: end)
      _ = try task.run(&catalog, on: exposure)
      try check(catalog, before, on: exposure)
      #expect(try catalog.flags("deblendedAsPsf") == [false, end > 0, false, false])
      #expect(try !catalog.flags("failed").contains(true))
      for (row, source) in sources.enumerated().prefix(2) {
        let flux = try scene.psfFlux(of: catalog.footprint(row: row + 1), at: source.position)
        // Symmetric templates of stars 2.4 FWHM apart.
        #expect(abs(flux / source.flux - 1) < 0.1, "\(end) \(row): \(flux)")
      }
    }
    var catalog = before
    var exposure = scene.exposure
    exposure.psf = nil
    _ = try task.run(&catalog, on: exposure)
    try check(catalog, before, on: exposure)
    #expect(try !catalog.flags("deblendedAsPsf").contains(true))
  }

  @Test func rowsThatAreNoFamiliesStay() throws {
    let task = try task()
    var scene = try DeblendScene()
    try scene.add([.init(position: scene.box.center, flux: 5000)])
    var catalog = try scene.catalog(task)
    // A source without a footprint, and a child without a parent.
    _ = catalog.addRow()
    let before = catalog
    #expect(try task.run(&catalog, on: scene.exposure) == [nil, nil])
    #expect(catalog == before)
    var empty = Catalog(catalog.schema)
    #expect(try task.run(&empty, on: scene.exposure).isEmpty)
    let columns = try FamilyColumns(catalog.schema)
    catalog[columns.parent, 1] = 77
    catalog[columns.id, 1] = 5
    #expect(throws: CoaddDeblendError.missingParent(id: 5, parent: 77)) { try task.run(&catalog, on: scene.exposure) }
    var plain = Catalog(try Schema.minimalSource(), rowCount: 1)
    #expect(throws: CatalogError.self) { try task.run(&plain, on: scene.exposure) }
  }

  /// Children without footprints have their peaks in the columns; a parent without one leaves them nothing.
  @Test func missingFootprints() throws {
    let task = try task()
    var scene = try DeblendScene()
    let center = scene.box.center
    try scene.add([
      .init(position: center, flux: 10_000), .init(position: Point2D(x: center.x + 9, y: center.y), flux: 5000),
    ])
    let whole = try scene.catalog(task)
    var (reference, catalog) = (whole, whole)
    _ = try task.run(&reference, on: scene.exposure)
    for row in 1..<3 { catalog.setFootprint(nil, row: row) }
    _ = try task.run(&catalog, on: scene.exposure)
    for row in 1..<3 {
      #expect(catalog.footprint(row: row)?.spans == reference.footprint(row: row)?.spans)
      #expect(catalog.footprint(row: row)?.peaks.count == 1)
    }
    catalog = whole
    catalog.setFootprint(nil, row: 0)
    _ = try task.run(&catalog, on: scene.exposure)
    #expect(try catalog.flags("failed") == [true, true, true])
    #expect(catalog.footprint(row: 1)?.spans.isEmpty == true && catalog.footprint(row: 1)?.isHeavy == true)
    // Peaks where no image can be.
    catalog = whole
    for (row, place) in [(1, Int.max), (2, Int.min)] {
      var footprint = try #require(catalog.footprint(row: row))
      footprint.peaks[0].pixel = Point2I(x: place, y: place)
      footprint.peaks[0].position = Point2D(x: .nan, y: .infinity)
      catalog.setFootprint(footprint, row: row)
    }
    _ = try task.run(&catalog, on: scene.exposure)
    #expect((1..<3).allSatisfy { catalog.footprint(row: $0)?.isHeavy == true })
  }

  /// A scene with stars, galaxies and peaks of nothing, some of them at one place.
  private func randomScene(_ seed: UInt64) throws -> DeblendScene {
    var random = SeededRandom(seed)
    let box = Box2I(minX: -40, minY: 300, width: 170, height: 150)
    var scene = try DeblendScene(
      box, profile: seed % 2 == 0 ? .gaussian : .moffat, fwhm: random.uniform(3...6), seed: seed)
    for _ in 0..<4 {
      let center = Point2D(x: random.uniform(-40...129), y: random.uniform(300...449))
      var family: [DeblendScene.Source] = []
      for _ in 0..<1 + Int(random.next() % 9) {
        let position = Point2D(
          x: min(max(center.x + 12 * random.gaussian(), -40), 129),
          y: min(max(center.y + 12 * random.gaussian(), 300), 449))
        let flux = random.uniform() < 0.2 ? 0 : exp(random.uniform(5...11))
        family.append(.init(position: position, flux: flux, sigma: random.uniform() < 0.3 ? random.uniform(2...6) : 0))
      }
      if random.uniform() < 0.3 { family.append(family[0]) }
      try scene.add(family)
    }
    if random.uniform() < 0.5 {
      let hole = Box2I(
        minX: -40 + Int(random.next() % 150), minY: 300 + Int(random.next() % 130), width: 1 + Int(random.next() % 25),
        height: 1 + Int(random.next() % 25)
      ).intersection(box)
      try scene.exposure.maskedImage.update { image, mask, variance throws(ImagingError) in
        try mask.set("NO_DATA", in: hole)
        image.paste(Image(box: hole, fill: .nan))
        variance.paste(Image(box: hole, fill: .infinity))
      }
    }
    return scene
  }

  @Test func randomScenes() throws {
    let task = try task()
    for seed in 0..<12 as Range<UInt64> {
      let scene = try randomScene(seed)
      let before = try scene.catalog(task, threshold: 1)
      var catalog = before
      let models = try task.run(&catalog, on: scene.exposure)
      try check(catalog, before, on: scene.exposure)
      var again = before
      #expect(try task.run(&again, on: scene.exposure) == models)
      #expect(again == catalog)
      // Families in another order: the same of each.
      let order = [2, 0, 3, 1]
      var turned = try scene.catalog(task, threshold: 1, order: order)
      let turnedModels = try task.run(&turned, on: scene.exposure)
      let ids: [Int64] = try catalog.column("id")
      let rows = try turned.column("id", as: Int64.self).map { id in try #require(ids.firstIndex(of: id)) }
      #expect(turned == catalog.selecting(rows))
      #expect(turnedModels == rows.map { models[$0] })
      // The models give the shares again.
      let columns = try FamilyColumns(catalog.schema)
      let (skipped, noPixels) = (try catalog.flags("skipped"), try catalog.flags("noPixels"))
      for row in 0..<catalog.rowCount where catalog[columns.parent, row] == 0 && !skipped[row] {
        let children = try catalog.children(of: catalog[columns.id, row])
        let shares = redistribute(scene.exposure.maskedImage, among: children.map { models[$0] })
        for (child, share) in zip(children, shares) where !noPixels[child] {
          #expect(share == catalog.footprint(row: child))
        }
      }
    }
  }

  /// Models from elsewhere: beyond the image, negative, not finite, plain or missing.
  @Test func redistributionOfAnyModels() throws {
    let box = Box2I(minX: 10, minY: 20, width: 8, height: 6)
    var image = Image<Float>(box: box) { x, y in Float(x + 10 * y) }
    image[12, 22] = .nan
    let masked = try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 3))
    func model(_ part: Box2I, _ value: (Int, Int) -> Float) throws -> Footprint {
      let pixels = part.area
      let image = Image<Float>(box: part, value)
      return try Footprint(
        SpanSet(part), peaks: [], region: box,
        heavy: HeavyPixels(
          image: image.pixels, mask: Array(repeating: 0, count: pixels), variance: Array(repeating: 1, count: pixels)))
    }
    let a = try model(Box2I(minX: 5, minY: 15, width: 9, height: 9)) { _, _ in 3 }
    let b = try model(Box2I(minX: 11, minY: 21, width: 20, height: 20)) { x, _ in x == 15 ? -1 : (x == 16 ? .nan : 1) }
    let outside = try model(Box2I(minX: 100, minY: 100, width: 3, height: 3)) { _, _ in 1 }
    let shares = redistribute(masked, among: [a, nil, b, outside, Footprint(SpanSet(box), region: box)])
    #expect(shares[1] == nil && shares[3] == nil && shares[4] == nil)
    let (first, second) = (try #require(shares[0]), try #require(shares[2]))
    #expect(
      first.spans
        == SpanSet(Box2I(minX: 10, minY: 20, width: 4, height: 4)).subtracting(SpanSet([Span(y: 22, x0: 12, x1: 12)])))
    #expect(
      !second.spans.contains(x: 15, y: 23) && !second.spans.contains(x: 16, y: 23)
        && second.spans.contains(x: 17, y: 25))
    let (planeA, planeB) = (Catalog.plane(of: first, over: box), Catalog.plane(of: second, over: box))
    #expect(planeA[13, 23] == 0.75 * image[13, 23] && planeB[13, 23] == 0.25 * image[13, 23])
    #expect(planeA[10, 20] == image[10, 20] && planeB[17, 25] == image[17, 25])
    #expect(redistribute(masked, among: []).isEmpty)
  }

  /// As many peaks as a cluster has, on as many pixels: nothing here may go with their product.
  @Test func largeFamily() throws {
    let box = Box2I(width: 520, height: 420)
    var scene = try DeblendScene(box)
    var random = SeededRandom(8)
    let family: [DeblendScene.Source] = (0..<300).map { i in
      .init(
        position: Point2D(x: random.uniform(5...514), y: random.uniform(5...414)), flux: exp(random.uniform(6...11)),
        sigma: i % 4 == 0 ? random.uniform(2...5) : 0)
    }
    try scene.add(family)
    var catalog = try scene.catalog(try task(), threshold: -1)
    let before = catalog
    _ = try task().run(&catalog, on: scene.exposure)
    try check(catalog, before, on: scene.exposure)
    #expect(try #require(before.footprint(row: 0)).area > 200_000)
    #expect(try !catalog.flags("skipped").contains(true))
    let isPSF = try catalog.flags("deblendedAsPsf")
    var pulls: [Double] = []
    for (i, source) in family.enumerated() where source.sigma == 0 && source.flux > 3000 && isPSF[i + 1] {
      let flux = try scene.psfFlux(of: catalog.footprint(row: i + 1), at: source.position)
      pulls.append(flux / source.flux - 1)
    }
    pulls.sort()
    #expect(pulls.count > 100)
    #expect(abs(pulls[pulls.count / 2]) < 0.03)
  }
}

extension Catalog {
  /// The pixels of a heavy footprint; 0 elsewhere.
  fileprivate static func plane(of footprint: Footprint, over box: Box2I) -> Image<Float> {
    var (image, next) = (Image<Float>(box: box, fill: 0), 0)
    for span in footprint.spans.spans {
      for x in span.x0...span.x1 {
        image[x, span.y] = footprint.heavy?.image[next] ?? 0
        next += 1
      }
    }
    return image
  }
}
