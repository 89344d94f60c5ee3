// SPDX-License-Identifier: GPL-3.0-or-later
// What detection and measurement on a difference must do.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// The behaviours of detection-measurement E.1, for both tasks.
@Suite struct DetectAndMeasureTests {
  static let box = Box2I(minX: 12345, minY: 67890, width: 256, height: 256)

  /// E.1.2, E.1.3, E.1.7: every transient is found once, with its sign and its flux, at positions that know the image's origin.
  @Test(arguments: DetectionScene.Way.allCases, [1.0, -1])
  func transientsAreFound(_ way: DetectionScene.Way, _ sign: Double) throws {
    let transients = DetectionScene.randomTransients(10, in: Self.box, flux: sign * 1000, seed: 21)
    let scene = try DetectionScene(transients: transients)
    for merges in [false, true] {
      let (result, task) = try scene.run(way) { $0.doMerge = merges }
      let sources = try #require(result.diaSources)
      #expect(sources.rowCount == 10 && result.failure == nil)
      var aloneCount = 0
      for transient in transients {
        let row = try #require(try sources.row(near: transient.position))
        let flux = try sources.doubles("base_PsfFlux_instFlux")[row]
        let error = try sources.doubles("base_PsfFlux_instFluxErr")[row]
        // 2√π σ noise = 9 counts.
        #expect(abs(flux - transient.flux) < 5 * error && abs(error / 8.8 - 1) < 0.02, "\(flux) ± \(error)")
        #expect(try sources.flags("is_negative")[row] == (sign < 0))
        #expect(try sources.flags("base_PsfFlux_flag")[row] == false)
        #expect(try sources.flags("base_SdssCentroid_flag")[row] == false)
        // The images themselves have their stars, whose light reaches some 6σ.
        guard scene.stars.allSatisfy({ $0.position.distance(to: transient.position) > 20 }) else { continue }
        aloneCount += 1
        #expect(abs(try sources.doubles("ip_diffim_forced_PsfFlux_instFlux")[row] - transient.flux) < 45)
        #expect(abs(try sources.doubles("ip_diffim_forced_template_PsfFlux_instFlux")[row]) < 12)
      }
      #expect(aloneCount >= 5)
      #expect(try task.metadata.integer("nUnmergedDiaSources") == 10)
      #expect(try task.metadata.integer("nMergedDiaSources") == 10)
      // The difference that is returned is the one that went in, but for its mask.
      let returned = result.subtractedMeasuredExposure.maskedImage
      #expect(returned.image == scene.difference.maskedImage.image)
      #expect(returned.variance == scene.difference.maskedImage.variance)
      let plane = sign > 0 ? "DETECTED" : "DETECTED_NEGATIVE"
      for transient in transients {
        let pixel = try #require(transient.position.pixel)
        #expect(returned.mask[pixel.x, pixel.y] & returned.mask.planes.bitMask(ofExisting: [plane]) != 0)
      }
      #expect(try sources.flags("detect_isPrimary") == [Bool](repeating: true, count: 10))
    }
  }

  /// E.1.4: what is kept is on the image and has finite numbers.
  @Test(arguments: DetectionScene.Way.allCases)
  func keptSourcesAreFinite(_ way: DetectionScene.Way) throws {
    let side = 256
    let transients = stride(from: -5.0, through: Double(side) + 5, by: 10).enumerated().map { i, x in
      SceneSource(
        position: Point2D(
          x: Double(Self.box.minX) + x, y: Double(Self.box.minY) + Double((i * 7919) % (side + 10)) - 5), flux: 1000)
    }
    let scene = try DetectionScene(stars: 1, transients: transients)
    let sources = try #require(try scene.run(way).result.diaSources)
    #expect(sources.rowCount > 15)
    for name in ["ip_diffim_forced_PsfFlux_instFlux", "base_PsfFlux_instFlux"] {
      #expect(try sources.doubles(name).allSatisfy(\.isFinite))
    }
    let coord = try CoordKey(in: sources.schema)
    for row in 0..<sources.rowCount { #expect(sources[coord, row].ra.degrees.isFinite) }
    #expect(try sources.positions().allSatisfy { Box2D(Self.box).contains($0) })
  }

  /// E.1.5.
  @Test func unknownFlagsAreRefused() throws {
    var config = DetectAndMeasureConfig()
    config.badSourceFlags = ["Bogus_flag_42"]
    for make in [
      { () throws in _ = try DetectAndMeasureTask(config: config) },
      { () throws in _ = try DetectAndMeasureScoreTask(config: config) },
    ] {
      let error = #expect(throws: DetectAndMeasureError.self) { try make() }
      #expect(error?.category == "InvalidQuantumError")
      #expect(error?.description.contains("Field Bogus_flag_42 not in schema") == true)
    }
  }

  /// The init-output: an empty catalog of the columns, under the name that the connections give the sources.
  @Test func theSchemaIsKnownBeforehand() throws {
    let task = try DetectAndMeasureScoreTask()
    let schema = try #require(task.allSchemaCatalogs()["goodSeeingDiff_diaSrc"])
    #expect(schema.rowCount == 0 && schema.schema == task.schema)
    var config = DetectAndMeasureConfig()
    try config.set("connections.coaddName", to: .string("deep"))
    #expect(try DetectAndMeasureTask(config: config).schemaCatalogs()["deepDiff_diaSrc"] != nil)
    // Every column says what it is, and every number with a dimension its unit.
    for field in task.schema.fields { #expect(!field.doc.isEmpty, "\(field.name)") }
    for name in ["base_PsfFlux_instFlux", "ip_diffim_DipoleFit_separation", "ext_shapeHSM_HsmSourceMoments_xx"] {
      #expect(try !task.schema.field(name).unit.isEmpty)
    }
  }

  /// E.1.8: planes that an exposure lacks are no reason to stop.
  @Test(arguments: DetectionScene.Way.allCases)
  func missingMaskPlanesAreNoError(_ way: DetectionScene.Way) throws {
    var scene = try DetectionScene(transients: DetectionScene.randomTransients(3, in: Self.box, flux: 1000, seed: 2))
    let planes = try MaskPlanes(bits: ["EDGE": 4])
    for path in [\DetectionScene.difference, \.science, \.template] {
      var exposure = scene[keyPath: path]
      exposure.maskedImage = try MaskedImage(
        image: exposure.maskedImage.image, mask: Mask(box: Self.box, planes: planes),
        variance: exposure.maskedImage.variance)
      scene[keyPath: path] = exposure
    }
    #expect(try scene.run(way).result.diaSources?.rowCount == 3)
  }

  /// E.1.9: stars whose template is off by a pixel are dipoles of the right orientation and separation.
  @Test(arguments: DetectionScene.Way.allCases)
  func displacedStarsAreDipoles(_ way: DetectionScene.Way) throws {
    let box = Box2I(minX: 12345, minY: 67890, width: 300, height: 300)
    let stars = DetectionScene.randomTransients(10, in: box, flux: 1250, apart: 40, margin: 30, seed: 77)
    var science = try DetectionScene(box: box, stars: 0, transients: stars)
    let shifted = stars.map { SceneSource(position: Point2D(x: $0.position.x, y: $0.position.y + 1), flux: $0.flux) }
    let other = try DetectionScene(box: box, stars: 0, noise: 0.25, transients: shifted, seed: 50)
    science.template = other.science
    var image = science.science.maskedImage.image
    image.add(other.science.maskedImage.image, times: -1)
    science.difference.maskedImage = try MaskedImage(
      image: image, mask: Mask(box: box), variance: Image(box: box, fill: 1.0625))
    let sources = try #require(try science.run(way).result.diaSources)
    #expect(sources.rowCount == 10)
    #expect(try sources.flags("ip_diffim_DipoleFit_classification").allSatisfy { $0 })
    #expect(try sources.flags("ip_diffim_DipoleFit_flag_classification").allSatisfy { $0 })
    var orientations: [Double] = []
    for star in stars {
      let middle = Point2D(x: star.position.x, y: star.position.y + 0.5)
      let row = try #require(try sources.row(near: middle))
      #expect(abs(try sources.doubles("base_CircularApertureFlux_12_0_instFlux")[row]) < 0.05 * 1250)
      let orientation = try sources.doubles("ip_diffim_DipoleFit_orientation")[row]
      // A star of S/N 140 is known to 0.017 px, which is 1° of a separation of a pixel.
      #expect(abs(orientation + 90) < 3.5, "\(orientation)")
      orientations.append(orientation)
      #expect(abs(try sources.doubles("ip_diffim_DipoleFit_separation")[row] - 1) < 0.1)
      #expect(try sources.flags("merge_footprint_positive")[row] && sources.flags("merge_footprint_negative")[row])
      #expect(try sources.flags("is_negative")[row] == false)
    }
    #expect(abs(orientations.reduce(0, +) / 10 + 90) < 1)
  }

  /// E.1.10.
  @Test(arguments: DetectionScene.Way.allCases)
  func skySourcesAreWhereNothingIs(_ way: DetectionScene.Way) throws {
    let transients = DetectionScene.randomTransients(10, in: Self.box, flux: 1000, seed: 33)
    let scene = try DetectionScene(transients: transients)
    let factory = try IDGenerator(
      VisitDetectorPacker(visitCount: 10_000, detectorCount: 99), visit: 42, detector: 12
    ).makeFactory()
    func run(_ seed: Int64) throws -> Catalog {
      let (result, task) = try scene.run(way, idFactory: factory, exposureID: seed) { config in
        config.doSkySources = true
        try config.set("skySources.nSources", to: .integer(5))
      }
      #expect(try task.metadata.integer("nSkySources") == 5)
      return try #require(result.diaSources)
    }
    let sources = try run(5)
    let isSky = try sources.flags("sky_source")
    #expect(isSky.filter { $0 }.count == 5 && sources.rowCount == 15)
    let positions = try sources.positions()
    let fluxes = try sources.doubles("base_PsfFlux_instFlux")
    for row in 0..<sources.rowCount where isSky[row] {
      #expect(transients.allSatisfy { $0.position.distance(to: positions[row]) > 16 })
      #expect(abs(fluxes[row]) < 1500.0.squareRoot())
      #expect(try sources.flags("detect_isPrimary")[row] == false)
    }
    #expect(try sources.column("id", as: Int64.self).allSatisfy { $0 > 1_000_000_000 })
    #expect(try run(5) == sources)
    #expect(try run(6).positions() != positions)
  }

  /// Sky fluxes have mean 0 and scatter by their errors.
  @Test func skySourcesMeasureTheSky() throws {
    let scene = try DetectionScene(box: Box2I(width: 800, height: 800), stars: 40)
    let (result, _) = try scene.run(.difference) { config in
      config.doSkySources = true
      try config.set("skySources.nSources", to: .integer(400))
    }
    let sources = try #require(result.diaSources)
    #expect(sources.rowCount > 300)
    let pulls = zip(try sources.doubles("base_PsfFlux_instFlux"), try sources.doubles("base_PsfFlux_instFluxErr")).map {
      $0 / $1
    }
    let mean = pulls.reduce(0, +) / Double(pulls.count)
    let variance = pulls.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pulls.count - 1)
    let error = 1 / Double(pulls.count).squareRoot()
    #expect(abs(mean) < 3.5 * error && abs(variance.squareRoot() - 1) < 3 * error, "\(mean) \(variance)")
  }

  /// E.1.11: one transient on a patch of each bad plane, which alone are missing; each has its reason.
  @Test(arguments: DetectionScene.Way.allCases)
  func sourcesOnBadPixelsAreDropped(_ way: DetectionScene.Way) throws {
    let planes = ["NO_DATA", "BAD", "SAT", "EDGE"]
    let transients = DetectionScene.randomTransients(8, in: Self.box, flux: 1000, seed: 44)
    var scene = try DetectionScene(transients: transients)
    var mask = scene.difference.maskedImage.mask
    for (plane, transient) in zip(planes, transients) {
      let pixel = try #require(transient.position.pixel)
      try mask.set(plane, in: Box2I(minX: pixel.x - 2, minY: pixel.y - 2, width: 5, height: 5))
    }
    let masked = scene.difference.maskedImage
    scene.difference.maskedImage = try MaskedImage(image: masked.image, mask: mask, variance: masked.variance)
    for usesRejection in [true, false] {
      let (result, task) = try scene.run(way) { config in
        config.doRejectBadMaskPlaneDetections = usesRejection
        if !usesRejection {
          try config.set("detection.excludeMaskPlanes", to: .list(planes.map { .string($0) }))
        }
      }
      let sources = try #require(result.diaSources)
      for (i, transient) in transients.enumerated() {
        #expect((try sources.row(near: transient.position) != nil) == (i >= planes.count), "\(usesRejection) \(i)")
      }
      guard usesRejection else { continue }
      #expect(try task.metadata.integer("nRejectedBadMaskPlanes") == 4)
      let dropped = try #require(result.droppedSources)
      #expect(dropped.rowCount == 4)
      let reasons: [String] = try dropped.column("reason")
      for plane in planes { #expect(reasons.contains { $0.contains(plane) }, "\(reasons)") }
      #expect(try dropped.column("id", as: Int64.self).allSatisfy { $0 > 0 })
    }
  }

  /// E.1.6: sources with bad flags go, each counted once.
  @Test func flaggedSourcesAreDropped() throws {
    let transients = DetectionScene.randomTransients(6, in: Self.box, flux: 1000, seed: 45)
    var scene = try DetectionScene(transients: transients)
    var mask = scene.difference.maskedImage.mask
    let pixel = try #require(transients[0].position.pixel)
    // Beside the peak, so that the flags drop it: SAT, and BAD as well.
    for plane in ["SAT", "BAD"] {
      try mask.set(plane, in: Box2I(minX: pixel.x + 1, minY: pixel.y - 1, width: 1, height: 1))
    }
    let masked = scene.difference.maskedImage
    scene.difference.maskedImage = try MaskedImage(image: masked.image, mask: mask, variance: masked.variance)
    let (result, task) = try scene.run(.difference)
    #expect(result.diaSources?.rowCount == 5)
    #expect(try task.metadata.integer("nRemovedBadFlaggedSources") == 1)
    let reason: [String] = try #require(result.droppedSources).column("reason")
    #expect(reason == ["base_PixelFlags_flag_badCenter, base_PixelFlags_flag_saturatedCenter"])
  }

  /// E.1.12.
  @Test(arguments: DetectionScene.Way.allCases)
  func injectedSourcesAreFlagged(_ way: DetectionScene.Way) throws {
    let places = DetectionScene.randomTransients(6, in: Self.box, flux: 1000, seed: 46)
    let transients = places.enumerated().map { SceneSource(position: $1.position, flux: $0 < 3 ? 1000 : -1000) }
    var scene = try DetectionScene(transients: transients)
    var mask = scene.difference.maskedImage.mask
    for plane in ["INJECTED", "INJECTED_TEMPLATE"] { try mask.addPlane(plane) }
    for transient in transients {
      let pixel = try #require(transient.position.pixel)
      try mask.set(
        transient.flux > 0 ? "INJECTED" : "INJECTED_TEMPLATE",
        in: Box2I(minX: pixel.x - 3, minY: pixel.y - 3, width: 7, height: 7))
    }
    let masked = scene.difference.maskedImage
    scene.difference.maskedImage = try MaskedImage(image: masked.image, mask: mask, variance: masked.variance)
    let sources = try #require(try scene.run(way).result.diaSources)
    for transient in transients {
      let row = try #require(try sources.row(near: transient.position))
      for suffix in ["", "Center"] {
        #expect(try sources.flags("base_PixelFlags_flag_injected" + suffix)[row] == (transient.flux > 0))
        #expect(try sources.flags("base_PixelFlags_flag_injected_template" + suffix)[row] == (transient.flux < 0))
      }
    }
  }

  /// No ID is drawn before detections are merged, and IDs follow the catalog's order.
  @Test func idsAreDrawnInCatalogOrder() throws {
    let places = DetectionScene.randomTransients(5, in: Self.box, flux: 1500, apart: 45, seed: 47)
    let transients = places.flatMap { place in
      [place, SceneSource(position: Point2D(x: place.position.x + 9, y: place.position.y), flux: -1500)]
    }
    let scene = try DetectionScene(transients: transients)
    let (result, task) = try scene.run(.difference) { $0.doSkySources = true }
    #expect(try task.metadata.integer("nUnmergedDiaSources") == 10)
    #expect(try task.metadata.integer("nMergedDiaSources") == 5)
    let sources = try #require(result.diaSources)
    #expect(try sources.column("id", as: Int64.self) == Array(1...Int64(sources.rowCount)))
    #expect(try sources.flags("sky_source").prefix(5).allSatisfy { !$0 })
  }

  /// A PSF without a width is nothing that a difference can be searched with.
  @Test(arguments: DetectionScene.Way.allCases)
  func withoutAPSFThereIsNoWork(_ way: DetectionScene.Way) throws {
    var scene = try DetectionScene()
    scene.difference.psf = nil
    let error = #expect(throws: NoWorkFound.self) { _ = try scene.run(way) }
    #expect(error?.cause == .upstreamFailure)
  }

  @Test(arguments: DetectionScene.Way.allCases)
  func nothingToFindIsAnOutcome(_ way: DetectionScene.Way) throws {
    let scene = try DetectionScene()
    let (quiet, _) = try scene.run(way)
    #expect(quiet.diaSources?.rowCount == 0 && quiet.failure == nil)
    let (strict, _) = try scene.run(way) { $0.raiseOnNoDiaSources = true }
    #expect(strict.failure as? DetectAndMeasureError == .noDiaSources)
    #expect(strict.diaSources?.rowCount == 0)
  }

  @Test(arguments: DetectionScene.Way.allCases)
  func tooManyDetectionsAreAnOutcome(_ way: DetectionScene.Way) throws {
    let scene = try DetectionScene(transients: DetectionScene.randomTransients(9, in: Self.box, flux: 800, seed: 48))
    let (result, _) = try scene.run(way) { $0.maxFootprints = 8 }
    #expect(result.failure as? DetectAndMeasureError == .tooManyFootprints(found: 9, limit: 8))
    #expect(result.diaSources == nil)
    let mask = result.subtractedMeasuredExposure.maskedImage.mask
    #expect(mask.count(try mask.planes.bitMask("DETECTED")) > 1000)
  }
}
