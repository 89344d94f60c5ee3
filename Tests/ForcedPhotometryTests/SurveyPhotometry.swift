// SPDX-License-Identifier: GPL-3.0-or-later
// Forced fluxes of a simulated survey beside the true ones.

import Catalogs
import ForcedPhotometry
import Imaging
import SkyGeometry
import SyntheticSurvey

/// Where the stars of a simulated survey are in its catalogs.
struct SurveyPhotometry {
  /// A row of a patch's catalogs.
  struct Place: Hashable {
    let patch: Int
    let row: Int
  }

  /// What the forced catalogs of a band say of all patches.
  struct Band {
    fileprivate let catalogs: [Catalog]

    func flux(_ name: String, _ place: Place) throws -> (value: Double, error: Double) {
      let schema = catalogs[place.patch].schema
      return (
        catalogs[place.patch][try schema.key(name + "_instFlux"), place.row],
        catalogs[place.patch][try schema.key(name + "_instFluxErr"), place.row]
      )
    }

    func flag(_ name: String, _ place: Place) throws -> Bool {
      catalogs[place.patch][try catalogs[place.patch].schema.key(name), place.row]
    }

    /// Whether a star has its PSF on the image, and no saturated pixel or step of the PSF at it.
    func isGood(_ place: Place) throws -> Bool {
      for name in ["base_PsfFlux_flag", "base_PixelFlags_flag_saturated", "base_PixelFlags_flag_inexact_psfCenter"] {
        if try flag(name, place) { return false }
      }
      return true
    }
  }

  let catalogs: SurveyCatalogs
  let bands: [Band]
  /// The primary sources of all patches, east and north of the field's centre, arcseconds.
  let primaries: [(place: Place, offset: Point2D)]
  /// By its place in the truth, the primary source nearest to a star.
  let stars: [Int: Place]

  var truth: TrueSky { catalogs.survey.truth }
  /// A source this close to a star is the star, arcseconds.
  private static let reach = 0.6

  /// Of one survey, for all tests.
  static let shared = Result { try SurveyPhotometry(SurveyCatalogs(ForcedSurvey(seed: 11))) }

  init(_ catalogs: SurveyCatalogs) throws {
    self.catalogs = catalogs
    bands = ForcedSurvey.bands.indices.map { band in Band(catalogs: catalogs.patches.map { $0.forced[band] }) }
    let center = catalogs.survey.survey.tracts.centers[0]
    var primaries: [(place: Place, offset: Point2D)] = []
    for (p, patch) in catalogs.patches.enumerated() {
      let coord = try CoordKey(in: patch.reference.schema)
      let isPrimary: [Bool] = try patch.reference.column("detect_isPrimary")
      for row in isPrimary.indices where isPrimary[row] {
        primaries.append((Place(patch: p, row: row), TrueSky.offset(patch.reference[coord, row], from: center)))
      }
    }
    self.primaries = primaries
    var stars: [Int: Place] = [:]
    for (i, star) in catalogs.survey.truth.sources.enumerated() where star.isStar {
      let nearest = primaries.min { $0.offset.distance(to: star.offset) < $1.offset.distance(to: star.offset) }
      if let nearest, nearest.offset.distance(to: star.offset) < Self.reach { stars[i] = nearest.place }
    }
    self.stars = stars
  }

  /// Isolated stars of a band that can be measured, by their place in the truth.
  func isolatedStars(band: Int) throws -> [(star: TrueSource, place: Place)] {
    try stars.sorted { $0.key < $1.key }.compactMap { i, place in
      let star = truth.sources[i]
      guard star.partner == nil, truth.isIsolated(i, band: band), try bands[band].isGood(place) else { return nil }
      return (star, place)
    }
  }

  /// The reference of a patch with its stars where they truly are.
  func trueReference(_ p: Int) throws -> Catalog {
    let patch = catalogs.patches[p]
    var result = patch.reference
    let (centroid, coord) = (try result.schema.centroidSlot(), try CoordKey(in: result.schema))
    for (i, place) in stars where place.patch == p {
      let position = truth.sources[i].position
      result[coord, place.row] = position
      result[centroid.position, place.row] = try patch.tract.wcs.skyToPixel(position)
      if let flag = centroid.flag { result[flag, place.row] = false }
    }
    return result
  }
}

/// How far measured numbers are from the true ones.
struct Deviations {
  /// In standard errors.
  private(set) var pulls: [Double] = []
  private var relative: [(value: Double, error: Double)] = []

  var count: Int { pulls.count }
  /// Further off than noise brings them.
  var farCount: Int { pulls.count { !(abs($0) < 5) } }

  mutating func add(_ measured: (value: Double, error: Double), truth: Double, unit: Double? = nil) {
    pulls.append((measured.value - truth) / measured.error)
    let unit = unit ?? truth
    relative.append(((measured.value - truth) / unit, measured.error / unit))
  }

  mutating func add(_ others: Deviations) {
    pulls += others.pulls
    relative += others.relative
  }

  /// Mean and scatter of the pulls; a few that are far off do not matter.
  var statistics: (mean: Double, width: Double) {
    get throws {
      let statistics = try PixelStatistics(of: pulls.map { Float($0) }, .all)
      return (statistics.clippedMean, statistics.clippedVariance.squareRoot())
    }
  }

  /// Weighted mean of the deviations as a part of the truth, and its error.
  var bias: (value: Double, error: Double) {
    let good = zip(relative, pulls).filter { abs($1) < 5 }.map(\.0)
    let weight = good.reduce(0) { $0 + 1 / ($1.error * $1.error) }
    return (good.reduce(0) { $0 + $1.value / ($1.error * $1.error) } / weight, 1 / weight.squareRoot())
  }
}
