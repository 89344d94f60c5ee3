// SPDX-License-Identifier: GPL-3.0-or-later
// Sources that cannot be solved for like others.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct JointOutcomeTests {
  private static let noise = 2.0

  private func scene(_ positions: [Point2D], psf: (any PSF)? = nil, fluxes: [Double]? = nil) throws -> JointScene {
    try JointScene(
      box: Box2I(width: 120, height: 90), positions: positions, fluxes: fluxes ?? positions.map { _ in 2000 },
      psf: try psf ?? JointScene.gaussian(), noise: { _, _ in Self.noise }, seed: 17)
  }

  private let trio = [Point2D(x: 50, y: 40), Point2D(x: 56.3, y: 41.2), Point2D(x: 52.1, y: 47.4)]
  /// Five standard errors of a flux that its neighbours leave little of.
  private let close = 5 * 1.3 * noise * JointScene.errorPerNoise

  /// Masked and missing pixels leave the others their fluxes.
  @Test func maskedPixelsAreLeftOut() throws {
    var scene = try scene(trio)
    try scene.exposure.maskedImage.update { image, mask, variance throws(ImagingError) in
      let bits = try mask.planes.bitMask(["SAT"])
      for y in 36..<40 {
        for x in 48..<53 {
          mask[x, y] |= bits
          image[x, y] = 1e6
        }
      }
      image[57, 41] = .nan
      variance[52, 47] = .infinity
    }
    let found = try JointMeasurement(scene.exposure, trio)
    for flux in try found.doubles("instFlux") { #expect(abs(flux - 2000) < close) }
    #expect(try found.counts("npixels") == [625 - 22, 625 - 22, 625 - 22])
    let parts = try found.floats("fracmasked")
    #expect(parts[0] > 0.25 && parts[0] < 0.7 && parts[1] > 0.02 && parts[1] < 0.3)
    #expect(try !found.flags().contains(true))
    // Their weight is that of the whole stamp's pixels, by definition.
    let stamp = try #require(try scene.exposure.psf?.image(at: trio[0]))
    var masked = 0.0
    for y in 36..<40 { for x in 48..<53 { masked += abs(stamp[x, y]) } }
    masked += abs(stamp[57, 41]) + abs(stamp[52, 47])
    #expect(abs(parts[0] - masked / stamp.pixels.reduce(0) { $0 + abs($1) }) < 1e-6)
  }

  /// A source of which no pixel is left, beside one of which some are.
  @Test func sourcesWithoutGoodPixelsAreFlagged() throws {
    let positions = trio + [Point2D(x: 90, y: 40)]
    var scene = try scene(positions)
    try scene.exposure.maskedImage.update { _, mask, _ throws(ImagingError) in
      let bits = try mask.planes.bitMask(["NO_DATA"])
      for y in 0..<90 { for x in 75..<120 { mask[x, y] |= bits } }
    }
    let found = try JointMeasurement(scene.exposure, positions)
    #expect(try found.flags("flag_noGoodPixels") == [false, false, false, true])
    #expect(try found.flags() == [false, false, false, true])
    #expect(try found.doubles("instFlux")[3].isNaN && found.counts("npixels")[3] == 0)
    #expect(try found.floats("fracmasked")[3] == 1)
    #expect(try found.counts("groupSize") == [3, 3, 3, 0])
    for flux in try found.doubles("instFlux").prefix(3) { #expect(abs(flux - 2000) < close) }
  }

  /// Partly beyond the image: flagged, solved for; wholly beyond: flagged.
  @Test func sourcesAtTheEdgeAreSolvedFor() throws {
    let positions = [Point2D(x: 3.2, y: 44), Point2D(x: 8.9, y: 46.1), Point2D(x: -40, y: 46), Point2D(x: 60, y: 44)]
    let found = try JointMeasurement(try scene(positions).exposure, positions)
    #expect(try found.flags("flag_edge") == [true, true, true, false])
    #expect(try found.flags() == [true, true, true, false])
    #expect(try found.flags("flag_noGoodPixels") == [false, false, true, false])
    for row in [0, 1, 3] { #expect(try abs(found.doubles("instFlux")[row] - 2000) < close) }
    let parts = try found.floats("fracmasked")
    // Of the first, what is left of −0.5: the Gaussian's tail beyond 3.7 px.
    #expect(abs(parts[0] - 0.5 * erfc(3.7 / (2 * 2.0.squareRoot()))) < 0.01 && parts[2] == 1 && parts[3] == 0)
  }

  @Test func sourcesWithoutPSFAreNotSolvedFor() throws {
    let psf = JointAnalyticPSF(sigma: JointScene.sigma, limit: 70)
    var scene = try scene(trio, psf: psf)
    scene.exposure.psf = psf
    let positions = trio + [Point2D(x: 80, y: 40)]
    let found = try JointMeasurement(scene.exposure, positions)
    #expect(try found.flags("flag_noPsf") == [false, false, false, true])
    #expect(try found.flags() == [false, false, false, true] && found.doubles("instFlux")[3].isNaN)
    for flux in try found.doubles("instFlux").prefix(3) { #expect(abs(flux - 2000) < close) }
  }

  /// Two and three sources at one place share a flux, and the others of the group have theirs.
  @Test(arguments: [2, 3]) func sourcesAtOnePlaceShareTheirFlux(count: Int) throws {
    let positions = trio + Array(repeating: trio[1], count: count - 1)
    // All the light of the place is of its first source.
    let scene = try scene(trio, fluxes: [2000, 6000, 2000])
    let alone = try JointMeasurement(scene.exposure, trio)
    let found = try JointMeasurement(scene.exposure, positions)
    let (fluxes, errors) = (try found.doubles("instFlux"), try found.doubles("instFluxErr"))
    let (expected, error) = (try alone.doubles("instFlux"), try alone.doubles("instFluxErr"))
    for row in [0, 2] {
      #expect(abs(fluxes[row] - expected[row]) < 1e-9 * expected[row])
      #expect(abs(errors[row] / error[row] - 1) < 1e-9)
    }
    for row in [1] + (3..<positions.count) {
      #expect(abs(fluxes[row] - expected[1] / Double(count)) < 1e-9 * expected[1])
      #expect(abs(errors[row] - error[1] / Double(count)) < 1e-9 * error[1])
    }
    let isOne = [false, true, false] + Array(repeating: true, count: count - 1)
    #expect(try found.flags("flag_singular") == isOne && found.flags() == isOne)
    // Their errors are one.
    #expect(abs(found.covariance.covariance(of: 1, and: 3) - errors[1] * errors[1]) < 1e-9 * errors[1] * errors[1])
    #expect(try found.metadata.integer("singularCount") == Int64(count))
    #expect(abs(try found.floats("rchisq")[1] - alone.floats("rchisq")[1]) < 1e-3)
  }

  /// What is a little apart has its own flux, with an error that says how little.
  @Test func closeSourcesHaveLargeErrors() throws {
    let positions = [trio[0], Point2D(x: trio[0].x + 0.25, y: trio[0].y)]
    let found = try JointMeasurement(try scene(positions).exposure, positions)
    #expect(try !found.flags().contains(true))
    let alone = Self.noise * JointScene.errorPerNoise
    for error in try found.doubles("instFluxErr") { #expect(error > 4 * alone && error < 32 * alone) }
    for pull in try found.pulls([2000, 2000]) { #expect(abs(pull) < 4) }
  }

  /// Nearer than what a PSF that is wrong by a thousandth can tell apart, they are one.
  @Test func sourcesThatCannotBeToldApartAreOne() throws {
    let positions = [trio[0], Point2D(x: trio[0].x + 0.01, y: trio[0].y)]
    let found = try JointMeasurement(try scene(positions).exposure, positions)
    #expect(try found.flags("flag_singular") == [true, true] && found.flags() == [true, true])
    let (fluxes, alone) = (try found.doubles("instFlux"), Self.noise * JointScene.errorPerNoise)
    #expect(fluxes[0] == fluxes[1] && abs(fluxes[0] + fluxes[1] - 4000) < 4 * alone)
  }

  @Test func largeGroupsAreLeftOut() throws {
    let positions = trio + [Point2D(x: 95, y: 20), Point2D(x: 98, y: 24)]
    var config = JointForcedConfig()
    config.maxGroupSize = 2
    let found = try JointMeasurement(try scene(positions).exposure, positions, config)
    #expect(try found.flags("flag_groupTooLarge") == [true, true, true, false, false])
    #expect(try found.doubles("instFlux").map(\.isNaN) == [true, true, true, false, false])
    #expect(try found.counts("groupSize") == [3, 3, 3, 2, 2])
    #expect(try found.metadata.integer("failureCount") == 3)
  }

  @Test func otherRowsStayAsTheyAre() throws {
    let scene = try scene(trio)
    let found = try JointMeasurement(scene.exposure, trio, isIncluded: { $0 != 1 })
    let two = try JointMeasurement(scene.exposure, [trio[0], trio[2]])
    #expect(try found.doubles("instFlux")[1].isNaN && !found.flags()[1] && found.counts("groupSize")[1] == 0)
    #expect(try [0, 2].map { try found.doubles("instFlux")[$0] } == two.doubles("instFlux"))
    #expect(found.covariance.pairs.map(\.first) == [0] && found.covariance.pairs.map(\.second) == [2])
    let none = try JointMeasurement(scene.exposure, [])
    #expect(none.catalog.rowCount == 0 && none.covariance.pairs.isEmpty)
  }

  @Test func centroidsThatAreMissingAreFlagged() throws {
    let scene = try scene(trio)
    let found = try JointMeasurement(scene.exposure, trio + [Point2D(x: .nan, y: 5), Point2D(x: 1e300, y: 5)])
    #expect(try found.flags() == [false, false, false, true, true])
    #expect(try found.flags("flag_noPsf") == [false, false, false, false, true])
    #expect(try found.doubles("instFlux").map(\.isNaN) == [false, false, false, true, true])
  }

  @Test func whatNoSourceCanBeMeasuredWithIsAnError() throws {
    let scene = try scene(trio)
    var exposure = scene.exposure
    exposure.psf = nil
    #expect(throws: MeasurementError.noPSF(plugin: "joint_PsfFlux")) {
      try run(exposure) { schema in try schema.setSlot(.centroid, to: "truth") }
    }
    #expect(throws: MeasurementError.noSlot("slot_Centroid", plugin: "joint_PsfFlux")) {
      try run(scene.exposure) { _ in }
    }
    var catalog = Catalog(try Schema.minimalSource(), rowCount: 1)
    #expect(throws: MeasurementError.notPrepared) {
      _ = try JointForcedTask().run(&catalog, on: scene.exposure)
    }
  }

  private func run(_ exposure: Exposure, _ change: (inout Schema) throws -> Void) throws {
    var schema = try Schema.minimalSource()
    _ = try PointKey(adding: "truth", to: &schema, doc: "position")
    try change(&schema)
    let task = try JointForcedTask()
    try task.addFields(to: &schema)
    var catalog = Catalog(schema, rowCount: 1)
    _ = try task.run(&catalog, on: exposure)
  }
}
