// SPDX-License-Identifier: GPL-3.0-or-later
// Forced photometry of a simulated survey against what is true of it.

import ForcedPhotometry
import Foundation
import Testing

@Suite struct SurveyForcedTests {
  static let survey = Result { try ForcedSurvey(seed: 11) }
  static let catalogs = Result { try SurveyCatalogs(try survey.get()) }
  static let photometry = Result { try SurveyPhotometry(try catalogs.get()) }

  @Test func theFixtureIsMade() throws {
    let start = Date()
    _ = try Self.survey.get()
    print("TIME", Date().timeIntervalSince(start))
    let photometry = try Self.photometry.get()
    print("TIME", Date().timeIntervalSince(start))
    let truth = photometry.catalogs.survey.truth
    print("matches", photometry.matches.count, "primaries", photometry.primaries.count)
    for band in 0..<2 {
      let isolated = photometry.matches.filter { truth[$0.star].partner == nil && TrueSource.isIsolated($0.star, among: truth, band: band) }
      let flagNames = ["base_PixelFlags_flag_saturated", "base_PixelFlags_flag_edge", "base_PixelFlags_flag_nodata", "base_PsfFlux_flag"]
      let bad = try flagNames.map { try photometry.flags($0, band: band) }
      for name in ["base_PsfFlux", "undeblended_base_PsfFlux", "joint_PsfFlux"] {
        let fluxes = try photometry.fluxes(name, band: band)
        var all = Deviations(), natural = Deviations(), painted = Deviations()
        var bins = [Deviations](repeating: Deviations(), count: 5)
        for match in isolated where !bad.contains(where: { $0[match.patch][match.row] }) {
          let star = truth[match.star]
          let (f, e) = (fluxes[match.patch].flux[match.row], fluxes[match.patch].error[match.row])
          let sn = star.fluxes[band] / e
          guard sn > 10 else { continue }
          all.add(f, error: e, truth: star.fluxes[band])
          if star.isPainted { painted.add(f, error: e, truth: star.fluxes[band]) } else { natural.add(f, error: e, truth: star.fluxes[band]) }
          bins[sn < 20 ? 0 : sn < 50 ? 1 : sn < 100 ? 2 : sn < 300 ? 3 : 4].add(f, error: e, truth: star.fluxes[band])
        }
        print(band, name, "all", all.text)
        print("   natural", natural.text)
        print("   painted", painted.text)
        for b in bins { print("        ", b.text) }
      }
    }
  }
}
