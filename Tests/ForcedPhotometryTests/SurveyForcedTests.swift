// SPDX-License-Identifier: GPL-3.0-or-later
// Forced photometry of a simulated survey against what is true of it.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import Testing

@Suite struct SurveyForcedTests {
  private typealias Place = SurveyPhotometry.Place

  /// Fluxes of isolated stars of signal-to-noise ratios from 10 on.
  private func starFluxes(_ photometry: SurveyPhotometry, _ name: String, band: Int) throws -> Deviations {
    var result = Deviations()
    for (star, place) in try photometry.isolatedStars(band: band) {
      let flux = try photometry.bands[band].flux(name, place)
      if star.fluxes[band] > 10 * flux.error { result.add(flux, truth: star.fluxes[band]) }
    }
    return result
  }

  @Test(arguments: ["base_PsfFlux", "undeblended_base_PsfFlux", "joint_PsfFlux"])
  func starsHaveTheirFluxes(name: String) throws {
    let photometry = try SurveyPhotometry.shared.get()
    var all = Deviations()
    for band in ForcedSurvey.bands.indices {
      let fluxes = try starFluxes(photometry, name, band: band)
      #expect(fluxes.count >= 180)
      #expect(abs(fluxes.bias.value) < 0.003 && fluxes.bias.error < 0.0005)
      all.add(fluxes)
    }
    // 400 stars know the width to 0.036; the 2,292 of seeds 11 to 16, with which this was looked at, have 1.02.
    let (mean, width) = try all.statistics
    #expect(abs(width - 1) < 0.05 + 2 * 0.036)
    #expect(abs(mean) < 0.25)
    #expect(all.farCount <= 4)
  }

  @Test func coloursOfStarsAreRight() throws {
    let photometry = try SurveyPhotometry.shared.get()
    let inR = try Dictionary(uniqueKeysWithValues: photometry.isolatedStars(band: 1).map { ($0.place, $0.star) })
    var colours = Deviations()
    for (star, place) in try photometry.isolatedStars(band: 0) where inR[place] != nil {
      let fluxes = try photometry.bands.map { try $0.flux("base_PsfFlux", place) }
      guard zip(star.fluxes, fluxes).allSatisfy({ $0 > 100 * $1.error }) else { continue }
      let parts = fluxes.map { $0.error / $0.value }
      let error = 2.5 / log(10) * (parts[0] * parts[0] + parts[1] * parts[1]).squareRoot()
      colours.add(
        (-2.5 * log10(fluxes[0].value / fluxes[1].value), error), truth: -2.5 * log10(star.fluxes[0] / star.fluxes[1]),
        unit: 1)
    }
    let (bias, statistics) = (colours.bias, try colours.statistics)
    #expect(colours.count >= 80)
    #expect(abs(bias.value) < 0.002 && bias.error < 0.001)
    // Of 100 stars the width is known to 0.07.
    #expect(abs(statistics.width - 1) < 0.2)
  }

  @Test func pairsAreUntangledWhereTheyAreKnownToBe() throws {
    let photometry = try SurveyPhotometry.shared.get()
    let sources = photometry.truth.sources
    var all: [String: Deviations] = [:]
    for band in ForcedSurvey.bands.indices {
      let forced = try photometry.catalogs.patches.indices.map { p in
        try photometry.catalogs.forced(
          photometry.catalogs.patches[p], band: band, reference: try photometry.trueReference(p),
          plugins: ["base_TransformedCentroid", "base_PsfFlux"])
      }
      for (i, place) in photometry.stars.sorted(by: { $0.key < $1.key }) {
        guard let partner = sources[i].partner, let other = photometry.stars[partner], other != place,
          photometry.truth.isIsolated(i, band: band), photometry.truth.isIsolated(partner, band: band),
          try photometry.bands[band].isGood(place)
        else { continue }
        for name in ["base_PsfFlux", "undeblended_base_PsfFlux", "joint_PsfFlux"] {
          let catalog = forced[place.patch]
          let flux = (
            catalog[try catalog.schema.key(name + "_instFlux", as: Double.self), place.row],
            catalog[try catalog.schema.key(name + "_instFluxErr", as: Double.self), place.row]
          )
          all[name, default: Deviations()].add(flux, truth: sources[i].fluxes[band])
        }
      }
    }
    let joint = try #require(all["joint_PsfFlux"])
    let plain = try #require(all["undeblended_base_PsfFlux"])
    #expect(joint.count >= 80)
    let statistics = try joint.statistics
    #expect(abs(statistics.width - 1) < 0.15 && abs(statistics.mean) < 0.3 && joint.farCount == 0)
    #expect(try plain.statistics.mean > 8)
  }

  @Test func thereIsNothingWhereTheSkyIsEmpty() throws {
    let photometry = try SurveyPhotometry.shared.get()
    for band in photometry.bands {
      var sky = Deviations()
      for (p, patch) in photometry.catalogs.patches.enumerated() {
        let families = try FamilyColumns(patch.reference.schema)
        for row in 0..<patch.reference.rowCount where families.isSky(row: row, of: patch.reference) {
          let place = Place(patch: p, row: row)
          if try band.flag("base_PsfFlux_flag_edge", place) { continue }
          sky.add(try band.flux("base_PsfFlux", place), truth: 0, unit: 1)
        }
      }
      let (mean, width) = try sky.statistics
      #expect(sky.count >= 100)
      // The sky is known to a tenth of an error in a cell, and what nobody detects is partly sky to it; chance is a tenth.
      #expect(abs(mean) < 0.3)
      #expect(abs(width - 1) < 0.2)
    }
  }
}
