// SPDX-License-Identifier: GPL-3.0-or-later
// The reference of a simulated survey: the same rows in all bands, every source once.

import Catalogs
import ForcedPhotometry
import Imaging
import SkyGeometry
import Testing

@Suite struct SurveyReferenceTests {
  @Test func allBandsHaveTheRowsOfTheReference() throws {
    let catalogs = try SurveyPhotometry.shared.get().catalogs
    var all: Set<Int64> = []
    var count = 0
    for patch in catalogs.patches {
      let ids: [Int64] = try patch.families.column("id")
      let parents: [Int64] = try patch.families.column("parent")
      #expect(!ids.isEmpty && parents.contains { $0 != 0 })
      for catalog in patch.measured + [patch.reference] + patch.forced {
        #expect(try catalog.column("id", as: Int64.self) == ids)
        #expect(try catalog.column("parent", as: Int64.self) == parents)
      }
      for catalog in patch.forced {
        #expect(try catalog.column("coord_ra", as: Angle.self) == patch.reference.column("coord_ra", as: Angle.self))
      }
      all.formUnion(ids)
      count += ids.count
    }
    #expect(all.count == count)
  }

  @Test func noTwoPrimarySourcesOfPatchesAreTheSame() throws {
    let primaries = try SurveyPhotometry.shared.get().primaries
    #expect(primaries.count > 500)
    for (i, source) in primaries.enumerated() {
      for other in primaries.dropFirst(i + 1) where source.offset.distance(to: other.offset) < 0.5 {
        Issue.record("\(source) and \(other)")
      }
    }
  }

  /// Overlaps make every source there more than once before flags are heeded.
  @Test func overlapsHaveSourcesOfSeveralPatches() throws {
    let catalogs = try SurveyPhotometry.shared.get().catalogs
    for flag in ["detect_isPatchInner", "detect_isTractInner"] {
      let beyond = try catalogs.patches.reduce(0) { count, patch in
        try count + patch.reference.column(flag, as: Bool.self).count { !$0 }
      }
      #expect(beyond > 50)
    }
  }

  @Test func everyIsolatedStarIsThereOnce() throws {
    let photometry = try SurveyPhotometry.shared.get()
    let survey = photometry.catalogs.survey
    let tracts = try (0..<survey.skyMap.tractCount).map { try survey.skyMap.tract($0) }
    var (count, seams) = (0, 0)
    for (i, star) in photometry.truth.sources.enumerated() where star.isStar && star.partner == nil {
      // Of the tract that is to have it, away from edges where nothing is detected.
      let tract = tracts[try survey.skyMap.findTractID(star.position)]
      guard let pixel = try tract.wcs.skyToPixel(star.position).pixel, tract.box.grown(by: -30).contains(pixel),
        let patch = survey.patches.firstIndex(where: { $0.tract.id == tract.id && $0.info.innerBox.contains(pixel) }),
        photometry.truth.isIsolated(i, band: 1)
      else { continue }
      let calexp = photometry.catalogs.patches[patch].calexps[1]
      // Of the PSF's area, a hundred pixels or so.
      let error = Double(calexp.maskedImage.variance[pixel.x, pixel.y]).squareRoot() * 10
      guard star.fluxes[1] > 20 * error else { continue }
      let near = photometry.primaries.filter { $0.offset.distance(to: star.offset) < 0.5 }
      #expect(near.count == 1, "star \(i) at \(pixel) of tract \(tract.id): \(near)")
      count += 1
      let inner = survey.patches[patch].info.innerBox
      if !inner.grown(by: -40).contains(pixel) { seams += 1 }
    }
    #expect(count >= 150 && seams >= 30)
  }
}
