// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import OrderedCollections
import Repository
import TaskFramework
import Testing

extension ProgramTests {
  /// Forced catalogs of the main job; that they are the same for any ranks and after any disturbance is in ``DifferenceTests``.
  @Suite(.serialized) struct ForcedJobTests {
    private func catalog(_ job: DifferenceJob, _ type: String, patch: Int, band: String? = nil)
      throws -> Catalog
    {
      let suffix = band.map { "-band\($0)" } ?? ""
      let folder = "\(job.runFolder)/\(type)/tract0" + (band == nil ? "" : "/patch\(patch)")
      let file = "\(folder)/\(type)-tract0-patch\(patch)\(suffix).h5"
      return try Dataset<Catalog>(decoding: try readFile(file), name: file).content
    }

    @Test func bandsShareTheRowsOfTheReference() throws {
      let job = try DifferenceJob()
      let end = try job.run(ranks: 2)
      #expect(end.status == 0, "\(end.errors)")
      var sourceCount = 0
      for patch in 0..<4 {
        let reference = try catalog(job, "deepCoadd_ref", patch: patch)
        let ids: [Int64] = try reference.column("id")
        #expect(Set(ids).count == ids.count && ids.count > 3)
        sourceCount += ids.count
        // Tract 0 of 1 with 4 patches: the patch is the number, in 2 bits beside 6 of releases.
        for id in ids { #expect(id >> 55 == Int64(patch)) }
        for band in ["g", "r"] {
          let forced = try catalog(job, "deepCoadd_forced_src", patch: patch, band: band)
          #expect(try forced.column("id", as: Int64.self) == ids)
          #expect(try forced.column("parent", as: Int64.self) == reference.column("parent"))
          #expect(try forced.column("joint_PsfFlux_instFlux", as: Double.self).contains { $0 > 0 })
        }
      }
      #expect(sourceCount > 40)
      // Every rank did work of several kinds.
      let ranks = try #require(job.report()["timing"]?["ranks"]?.elements)
      #expect(ranks.count == 2)
      for rank in ranks {
        guard case .object(let tasks)? = rank["tasks"] else {
          Issue.record("\(rank)")
          continue
        }
        #expect(tasks.count >= 3, "\(rank)")
      }
      #expect(try job.command("verify", job.runFolder).status == 0)
    }

    /// Where the coadds are there already, the sources can be had by a job of their own.
    @Test func referencesCanBeMadeLater() throws {
      let job = try CoaddJob { text in
        text = text.replacing("assembleCoadd]", with: "assembleCoadd, detectCoadd]").replacing(
          "retain: [", with: "retain: [deepCoadd_calexp, deepCoadd_det, ")
      }
      #expect(try job.run().status == 0)
      try job.write { text in
        text = text.replacing(
          "[makeWarp, matchBackgrounds, assembleCoadd]", with: "[mergeReference, forcedPhotCoadd]"
        )
        .replacing("run: coadds", with: "run: sources").replacing(
          "  binWarps: { binSize: 25 }\n", with: "  forcedPhotCoadd: { doApCorr: false }\n")
        CoaddJob.retainingAll(&text)
      }
      let end = try job.run(["--skip-existing-in", "coadds"])
      #expect(end.status == 0, "\(end.errors)")
      let folder = job.runFolder("sources")
      let forced = FileManager.default.enumerator(atPath: "\(folder)/deepCoadd_forced_src")?
        .compactMap { $0 as? String }
      #expect(forced?.filter { $0.hasSuffix(".h5") }.count == 8)
    }

    @Test func aBandThatNoListHasIsNamed() throws {
      let job = try DifferenceJob()
      let end = try job.run(["-c", "mergeDetections:priorityList=[r, i]"], ranks: 2)
      #expect(end.status == 1, "\(end.errors)")
      let failures = try job.failures(of: "mergeDetections")
      #expect(
        failures.count == 4 && failures.allSatisfy { $0.category == "ValueError" }, "\(failures)")
      #expect(
        failures.allSatisfy { $0.message.contains("band g") && $0.message.contains("priorityList") }
      )
    }
  }
}
