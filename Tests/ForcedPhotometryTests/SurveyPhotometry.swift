// SPDX-License-Identifier: GPL-3.0-or-later
// Forced fluxes of a simulated survey beside the true ones.

import Catalogs
import ForcedPhotometry
import Imaging
import SkyGeometry
import SyntheticSurvey

/// Where the stars of a simulated survey are in its catalogs.
struct SurveyPhotometry {
  /// A source of a catalog that is a star of the truth.
  struct Match {
    /// Its place in the truth.
    let star: Int
    let patch: Int
    let row: Int
  }

  /// Fluxes and errors of a patch and band by one measurement.
  struct Fluxes {
    let flux: [Double]
    let error: [Double]
    let flag: [Bool]

    init(_ name: String, of catalog: Catalog) throws {
      flux = try catalog.column(name + "_instFlux")
      error = try catalog.column(name + "_instFluxErr")
      flag = try catalog.column(name + "_flag")
    }
  }

  let catalogs: SurveyCatalogs
  /// Of each patch: the places of its primary sources east and north of the field's centre, arcseconds.
  let primaries: [(patch: Int, row: Int, offset: Point2D)]
  let matches: [Match]

  /// A source this close to a star is the star, arcseconds.
  static let reach = 0.6

  init(_ catalogs: SurveyCatalogs) throws {
    self.catalogs = catalogs
    let survey = catalogs.survey
    var primaries: [(patch: Int, row: Int, offset: Point2D)] = []
    for (p, patch) in catalogs.patches.enumerated() {
      let coord = try CoordKey(in: patch.reference.schema)
      let isPrimary: [Bool] = try patch.reference.column("detect_isPrimary")
      for row in isPrimary.indices where isPrimary[row] {
        primaries.append((p, row, survey.offset(patch.reference[coord, row])))
      }
    }
    self.primaries = primaries
    matches = survey.truth.indices.compactMap { star in
      guard survey.truth[star].isStar else { return nil }
      let place = survey.truth[star].offset
      let nearest = primaries.min { $0.offset.distance(to: place) < $1.offset.distance(to: place) }
      guard let nearest, nearest.offset.distance(to: place) < Self.reach else { return nil }
      return Match(star: star, patch: nearest.patch, row: nearest.row)
    }
  }

  /// The reference of a patch with the true places of the stars in it.
  func trueReference(_ p: Int) throws -> Catalog {
    let patch = catalogs.patches[p]
    var result = patch.reference
    let (centroid, coord) = (try result.schema.centroidSlot(), try CoordKey(in: result.schema))
    for match in matches where match.patch == p {
      let position = catalogs.survey.truth[match.star].position
      result[coord, match.row] = position
      result[centroid.position, match.row] = try patch.tract.wcs.skyToPixel(position)
      if let flag = centroid.flag { result[flag, match.row] = false }
    }
    return result
  }

  /// By patch, in a band.
  func fluxes(_ name: String, band: Int) throws -> [Fluxes] {
    try catalogs.patches.map { try Fluxes(name, of: $0.forced[band]) }
  }

  func flags(_ name: String, band: Int) throws -> [[Bool]] {
    try catalogs.patches.map { try $0.forced[band].column(name) }
  }
}

/// How far fluxes are from the true ones.
struct Deviations {
  private(set) var pulls: [Double] = []
  private(set) var relative: [(value: Double, error: Double)] = []

  var count: Int { pulls.count }

  mutating func add(_ flux: Double, error: Double, truth: Double) {
    pulls.append((flux - truth) / error)
    relative.append((flux / truth - 1, error / truth))
  }

  var meanPull: Double { pulls.reduce(0, +) / Double(count) }
  /// The scatter of the pulls that are not far off.
  var width: Double {
    get throws {
      let statistics = try PixelStatistics(of: pulls.map(Float.init), .all)
      return statistics.clippedVariance.squareRoot()
    }
  }
  /// Weighted mean of the relative deviations, without those that are far off, and its error.
  var bias: (value: Double, error: Double) {
    let good = relative.filter { abs($0.value) < 4 * $0.error }
    let weight = good.reduce(0) { $0 + 1 / ($1.error * $1.error) }
    return (good.reduce(0) { $0 + $1.value / ($1.error * $1.error) } / weight, 1 / weight.squareRoot())
  }
}

extension ForcedSurvey {
  func offset(_ position: SpherePoint) -> Point2D { TrueSource.offset(position, from: survey.tracts.centers[0]) }
}
