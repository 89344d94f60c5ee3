// SPDX-License-Identifier: GPL-3.0-or-later
// Forced photometry of a simulated survey against what is true of it.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import Testing

/// Two bands of six visits each, on two tracts of 2 × 2 patches, through the whole chain of tasks.
///
/// Sources whose central pixels have INEXACT_PSF, some seventh of them, are left out: a visit is missing there that the coadd's PSF has, and their pulls are 1.8 wide.
@Suite struct SurveyForcedTests {
  private static let photometry = Result { try SurveyPhotometry(try SurveyCatalogs(try ForcedSurvey(seed: 11))) }

  /// The stars that nothing else is wrong with in a band.
  private func usable(
    _ photometry: SurveyPhotometry, band: Int, _ isIncluded: (TrueSource, Int) -> Bool
  ) throws -> [SurveyPhotometry.Match] {
    let bad = try [
      "base_PsfFlux_flag", "base_PixelFlags_flag_saturated", "base_PixelFlags_flag_inexact_psfCenter",
    ].map { try photometry.flags($0, band: band) }
    let truth = photometry.catalogs.survey.truth
    return photometry.matches.filter { match in
      isIncluded(truth[match.star], match.star) && !bad.contains { $0[match.patch][match.row] }
    }
  }

  private func isolated(_ photometry: SurveyPhotometry, band: Int) throws -> [SurveyPhotometry.Match] {
    let truth = photometry.catalogs.survey.truth
    return try usable(photometry, band: band) { star, number in
      star.partner == nil && TrueSource.isIsolated(number, among: truth, band: band)
    }
  }

  @Test(arguments: ["base_PsfFlux", "undeblended_base_PsfFlux", "joint_PsfFlux"])
  func starsHaveTheirFluxesInAllBands(_ name: String) throws {
    let photometry = try Self.photometry.get()
    let truth = photometry.catalogs.survey.truth
    var both = Deviations()
    for band in ForcedSurvey.bands.indices {
      var own = Deviations()
      let fluxes = try photometry.fluxes(name, band: band)
      for match in try isolated(photometry, band: band) {
        let (flux, error) = (fluxes[match.patch].flux[match.row], fluxes[match.patch].error[match.row])
        let expected = truth[match.star].fluxes[band]
        guard expected > 10 * error else { continue }
        own.add(flux, error: error, truth: expected)
        both.add(flux, error: error, truth: expected)
      }
      #expect(own.count > 120)
      // Some 150 stars, many of them bright: the weighted mean is known to 0.04 %.
      #expect(abs(own.bias.value) < 0.003, "\(name) in \(ForcedSurvey.bands[band]): \(own.bias)")
    }
    // Of more than 300 stars: their width is known to 0.04.
    #expect(try abs(both.width - 1) < 0.05, "\(name): \(try both.width)")
  }

  @Test func coloursOfBrightStarsAreTheirs() throws {
    let photometry = try Self.photometry.get()
    let truth = photometry.catalogs.survey.truth
    let fluxes = try ForcedSurvey.bands.indices.map { try photometry.fluxes("base_PsfFlux", band: $0) }
    let inBoth = try isolated(photometry, band: 0).filter { match in
      try isolated(photometry, band: 1).contains { $0.star == match.star }
    }
    var (sum, weights, count) = (0.0, 0.0, 0)
    for match in inBoth {
      var (colour, variance, isBright) = (0.0, 0.0, true)
      for (band, sign) in [(0, 1.0), (1, -1.0)] {
        let (flux, error) = (fluxes[band][match.patch].flux[match.row], fluxes[band][match.patch].error[match.row])
        isBright = isBright && flux > 100 * error
        colour += sign * -2.5 * log10(flux / truth[match.star].fluxes[band])
        variance += pow(2.5 / log(10) * error / flux, 2)
      }
      guard isBright else { continue }
      sum += colour / variance
      weights += 1 / variance
      count += 1
    }
    #expect(count > 40)
    #expect(
      abs(sum / weights) < 0.002, "\(sum / weights) mag of \(count) stars, known to \((1 / weights).squareRoot())")
  }

  /// 1.3 to 1.7 FWHM apart, at their true positions.
  @Test func pairsAreToldApartTogether() throws {
    let photometry = try Self.photometry.get()
    let truth = photometry.catalogs.survey.truth
    var (joint, plain) = (Deviations(), Deviations())
    for band in ForcedSurvey.bands.indices {
      let catalogs = try photometry.catalogs.patches.indices.map { p in
        try photometry.catalogs.forced(
          photometry.catalogs.patches[p], band: band, reference: try photometry.trueReference(p),
          plugins: ["base_TransformedCentroid", "base_PsfFlux"])
      }
      for match in try usable(photometry, band: band, { star, _ in star.partner != nil }) {
        let star = truth[match.star]
        guard let other = photometry.matches.first(where: { $0.star == star.partner }), other.row != match.row else {
          continue
        }
        for (name, isJoint) in [("joint_PsfFlux", true), ("undeblended_base_PsfFlux", false)] {
          let fluxes = try SurveyPhotometry.Fluxes(name, of: catalogs[match.patch])
          let (flux, error) = (fluxes.flux[match.row], fluxes.error[match.row])
          if isJoint {
            joint.add(flux, error: error, truth: star.fluxes[band])
          } else {
            plain.add(flux, error: error, truth: star.fluxes[band])
          }
        }
      }
    }
    #expect(joint.count > 80)
    #expect(plain.meanPull > 8 && plain.bias.value > 0.03)
    #expect(abs(joint.meanPull) < 1 && abs(joint.bias.value) < 0.003)
    // The variance is that of noise at the scale of the PSF; what tells two stars apart is finer, where coadds have less noise: pulls are narrower than 1.
    #expect(try (0.7...1.15).contains(joint.width), "\(try joint.width)")
  }

  @Test func skySourcesHaveNoFlux() throws {
    let photometry = try Self.photometry.get()
    var pulls = Deviations()
    for patch in photometry.catalogs.patches {
      let isSky: [Bool] = try patch.reference.column("merge_peak_sky")
      for catalog in patch.forced {
        let fluxes = try SurveyPhotometry.Fluxes("base_PsfFlux", of: catalog)
        let isCut: [Bool] = try catalog.column("base_PsfFlux_flag_edge")
        // Fluxes about zero have no relative deviation: about one that is large beside them.
        for row in isSky.indices where isSky[row] && !isCut[row] {
          pulls.add(fluxes.flux[row] + 1e9, error: fluxes.error[row], truth: 1e9)
        }
      }
    }
    #expect(pulls.count > 300)
    #expect(try abs(pulls.width - 1) < 0.1 && abs(pulls.meanPull) < 0.3)
  }

  // MARK: - Rows

  @Test func bandsShareRowsIDsAndOrder() throws {
    for patch in try Self.photometry.get().catalogs.patches {
      let ids: [Int64] = try patch.families.column("id")
      for catalog in patch.measured + patch.forced + [patch.reference] {
        #expect(try catalog.column("id", as: Int64.self) == ids)
        #expect(try catalog.column("parent", as: Int64.self) == patch.families.column("parent"))
      }
    }
  }

  /// Patches and tracts overlap; of what they have twice one is primary.
  @Test func eachPieceOfSkyCountsOnce() throws {
    let photometry = try Self.photometry.get()
    let primaries = photometry.primaries
    for (i, one) in primaries.enumerated() {
      for other in primaries[..<i] where one.patch != other.patch {
        #expect(one.offset.distance(to: other.offset) > 0.5, "\(one) \(other)")
      }
    }
    // Sources beyond the inner boxes are there, and are none of them.
    let patches = photometry.catalogs.patches
    #expect(try patches.contains { try $0.reference.column("detect_isPatchInner", as: Bool.self).contains(false) })
    #expect(try patches.contains { try $0.reference.column("detect_isTractInner", as: Bool.self).contains(false) })
  }
}
