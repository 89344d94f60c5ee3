// SPDX-License-Identifier: GPL-3.0-or-later
// Forced measurements of the reference system, and the same by us.

import Catalogs
import Foundation
import Imaging
import Measurement
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Case F of `shared/golden`: 164 stars of case A's science image, measured at given positions with a given shape (σ 2.3 px), without noise in the place of
/// neighbours, by the plugins of `F_forced_config.txt`.
///
/// What the reference was given follows from the case: positions are the truth's (`F_forced_off`: displaced), footprints ellipses of three standard deviations of the
/// PSF, which the golden flags of footprints agree with.
struct GoldenForcedCase: Sendable {
  /// The PSF is a Gaussian, but for the last case.
  static let names = ["F_forced_exact.fits", "F_forced_off.fits", "F_forced_imagepsf.fits"]
  private static let cases: [String: Result<GoldenForcedCase, any Error>] = Dictionary(
    uniqueKeysWithValues: names.map { name in (name, Result { try GoldenForcedCase(measuring: name) }) })

  /// Measured once for all tests.
  static func named(_ name: String) throws -> GoldenForcedCase { try #require(cases[name]).get() }

  let catalog: Catalog
  let exposure: Exposure
  let positions: [Point2D]
  private let golden: [String: [Double]]

  private init(measuring name: String) throws {
    let file = try GoldenFile(name)
    defer { file.remove() }
    let fits = try FITSExposure(SharedData.url("golden/A_science.fits").path)
    let masked = try MaskedImage(
      image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance))
    exposure = Exposure(masked, psf: try Self.psf(name), wcs: fits.wcs)
    let truth = try JSONDecoder().decode(Truth.self, from: Data(contentsOf: SharedData.url("golden/A_truth.json")))
    let offset = name == "F_forced_off.fits" ? Point2D(x: 0.31, y: -0.42) : Point2D(x: 0, y: 0)
    positions = zip(truth.stars.x, truth.stars.y).map { Point2D(x: $0, y: $1) + offset }
    let (ra, dec) = (try file["coord_ra"].doubles, try file["coord_dec"].doubles)
    let reference = try Self.reference(
      at: positions, zip(ra, dec).map { SpherePoint(ra: Angle(radians: $0), dec: Angle(radians: $1)) })
    let task = try ForcedMeasurementTask(config: try Self.config())
    var catalog = try task.generateMeasCat(reference)
    try task.attachPsfShapeFootprints(&catalog, reference: reference, on: exposure)
    try task.run(&catalog, on: exposure, reference: reference, referenceWCS: exposure.wcs)
    self.catalog = catalog
    let aliases = catalog.schema.fields.map(\.name).flatMap { name in
      name.hasSuffix("_flag") ? [name + "_badCentroid", name + "_badShape", name + "_badInitialCentroid"] : []
    }
    let names = catalog.schema.fields.map(\.name) + aliases.filter(catalog.schema.contains)
    golden = try Dictionary(uniqueKeysWithValues: names.filter(file.has).map { ($0, try file[$0].doubles) })
  }

  private struct Truth: Decodable {
    struct Stars: Decodable { let x: [Double], y: [Double] }
    let stars: Stars
  }

  private static func psf(_ name: String) throws -> any PSF {
    guard name == "F_forced_imagepsf.fits" else { return try gaussianPSF(sigma: 2.3, side: 31) }
    let file = try GoldenFile("F_imagepsf.h5")
    defer { file.remove() }
    return try KernelPSF(
      Image(box: Box2I(width: 33, height: 33), pixels: try file["psf"].doubles),
      averagePosition: Point2D(x: 256, y: 256))
  }

  private static func reference(at positions: [Point2D], _ coordinates: [SpherePoint]) throws -> Catalog {
    var schema = try Schema.minimalSource()
    let center = try PointKey(adding: "given", to: &schema, doc: "position")
    let moments = try QuadrupoleKey(adding: "given", to: &schema, doc: "shape")
    try schema.addField("deblend_nChild", as: Int32.self, doc: "number of children")
    try schema.setSlot(.centroid, to: "given")
    try schema.setSlot(.shape, to: "given")
    let (id, coord): (Key<Int64>, CoordKey) = (try schema.key("id"), try CoordKey(in: schema))
    var reference = Catalog(schema, rowCount: positions.count)
    for (row, position) in positions.enumerated() {
      reference[id, row] = Int64(row + 1)
      reference[coord, row] = coordinates[row]
      reference[center, row] = position
      reference[moments, row] = SIMD3(2.3 * 2.3, 2.3 * 2.3, 0)
    }
    return reference
  }

  private static func config() throws -> ForcedMeasurementConfig {
    var config = ForcedMeasurementConfig()
    try config.plugins.select([
      "base_CircularApertureFlux", "base_GaussianFlux", "base_LocalBackground", "base_PeakLikelihoodFlux",
      "base_PixelFlags", "base_PsfFlux", "base_SdssCentroid", "base_SdssShape", "base_TransformedCentroid",
      "base_TransformedCentroidFromCoord", "base_TransformedShape", "base_Variance",
    ])
    (config.slots.shape, config.slots.psfShape) = ("base_TransformedShape", "base_SdssShape_psf")
    config.doReplaceWithNoise = false
    config.copyColumns = [
      "id:objectId", "parent:parentObjectId", "deblend_nChild:deblend_nChild", "coord_ra:coord_ra",
      "coord_dec:coord_dec",
    ]
    return config
  }

  func theirs(_ column: String) throws -> [Double] { try #require(golden[column], "the golden data lack \(column)") }
  func has(_ column: String) -> Bool { golden[column] != nil }

  func own(_ column: String) throws -> [Double] {
    switch try catalog.schema.field(column).type {
    case .float32: try catalog.column(column, as: Float.self).map(Double.init)
    case .int32: try catalog.column(column, as: Int32.self).map(Double.init)
    case .int64: try catalog.column(column, as: Int64.self).map(Double.init)
    case .flag: try catalog.column(column, as: Bool.self).map { $0 ? 1 : 0 }
    case .angle: try catalog.column(column, as: Angle.self).map(\.radians)
    default: try catalog.column(column, as: Double.self)
    }
  }
}
