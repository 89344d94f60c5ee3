// SPDX-License-Identifier: GPL-3.0-or-later
// Forced photometry of a simulated survey against what is true of it.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import Testing

@Suite struct SurveyForcedTests {
  static let survey = Result { try ForcedSurvey(seed: 11) }
  static let catalogs = Result { try SurveyCatalogs(try survey.get()) }
  static let photometry = Result { try SurveyPhotometry(try catalogs.get()) }

  static let names = ["base_PsfFlux", "undeblended_base_PsfFlux", "joint_PsfFlux"]

  @Test func manySeeds() throws {
    let count = Int(ProcessInfo.processInfo.environment["SEEDS"] ?? "1") ?? 1
    var stars: [String: Deviations] = [:]
    for seed in 11..<(11 + count) {
      let p = try SurveyPhotometry(try SurveyCatalogs(try ForcedSurvey(seed: seed)))
      let truth = p.catalogs.survey.truth
      for band in 0..<2 {
        let isolated = p.matches.filter { truth[$0.star].partner == nil && TrueSource.isIsolated($0.star, among: truth, band: band) }
        let edge = try p.flags("base_PsfFlux_flag", band: band)
        let inexact = try p.flags("base_PixelFlags_flag_inexact_psfCenter", band: band)
        let clipped = try p.flags("base_PixelFlags_flag_clippedCenter", band: band)
        let sat = try p.flags("base_PixelFlags_flag_saturated", band: band)
        print("band", band, "isolated", isolated.count, "edge", isolated.count { edge[$0.patch][$0.row] }, "inexact", isolated.count { inexact[$0.patch][$0.row] })
        for name in Self.names {
          let fluxes = try p.fluxes(name, band: band)
          for match in isolated where !edge[match.patch][match.row] && !sat[match.patch][match.row] {
            let star = truth[match.star]
            let (f, e) = (fluxes[match.patch].flux[match.row], fluxes[match.patch].error[match.row])
            let sn = star.fluxes[band] / e
            func add(_ k: String) { stars["\(band) \(name) \(k)", default: Deviations()].add(f, error: e, truth: star.fluxes[band]) }
            guard sn > 10 else { continue }
            if inexact[match.patch][match.row] { add("inexact"); continue }
            add("all")
            if clipped[match.patch][match.row] { add("clipped") }
            add(star.isPainted ? "painted" : "natural")
            add("sn " + (sn < 20 ? "010" : sn < 50 ? "020" : sn < 100 ? "050" : sn < 300 ? "100" : "300"))
            if abs(f - star.fluxes[band]) > 3.5 * e, name == "joint_PsfFlux" {
              let ff = p.catalogs.patches[match.patch].forced[band]
              let c = try ff.schema.centroidSlot()
              let names = ff.schema.names(withPrefix: "base_PixelFlags_flag_").filter { (try? ff.column($0, as: Bool.self)[match.row]) ?? false }.map { $0.dropFirst(21) }
              let near = truth.indices.filter { $0 != match.star && truth[$0].offset.distance(to: star.offset) < 8 }.map { (((truth[$0].offset.distance(to: star.offset)) * 10).rounded() / 10, truth[$0].fluxes[band].rounded()) }
              print("OUT", seed, band, name, "pull", (f - star.fluxes[band]) / e, "sn", sn, "flux", star.fluxes[band], "at", ff[c.position, match.row], "dist", star.offset.distance(to: p.catalogs.survey.offset(ff[try CoordKey(in: ff.schema), match.row])), names, near, match.patch)
            }
          }
        }
        // Sky
        for (i, patch) in p.catalogs.patches.enumerated() {
          let sky: [Bool] = try patch.reference.column("merge_peak_sky")
          let f = try SurveyPhotometry.Fluxes("base_PsfFlux", of: patch.forced[band])
          for row in sky.indices where sky[row] && !f.flag[row] {
            stars["\(band) sky", default: Deviations()].add(f.flux[row] + 1e9, error: f.error[row], truth: 1e9)
          }
          _ = i
        }
        // Pairs
        for name in Self.names {
          let fluxes = try p.fluxes(name, band: band)
          for match in p.matches where truth[match.star].partner != nil && !edge[match.patch][match.row] && !inexact[match.patch][match.row] {
            let star = truth[match.star]
            guard p.matches.contains(where: { $0.star == star.partner }) else { continue }
            stars["\(band) pair \(name)", default: Deviations()].add(fluxes[match.patch].flux[match.row], error: fluxes[match.patch].error[match.row], truth: star.fluxes[band])
          }
        }
      }
      print("seed", seed, "pairs matched", p.matches.count { truth[$0.star].partner != nil }, "of", truth.count { $0.partner != nil })
    }
    for (k, v) in stars.sorted(by: { $0.key < $1.key }) { print(k, v.text) }
  }
}
