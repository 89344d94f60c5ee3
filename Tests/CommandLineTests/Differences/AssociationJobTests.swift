// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Repository
import SkyGeometry
import TaskFramework
import Testing

extension ProgramTests {
  /// Known objects in the main job; that they are the same for any ranks and after any disturbance is in ``DifferenceTests``.
  @Suite(.serialized) struct AssociationJobTests {
    @Test func objectsOfTheVisitsAreFoundOrMissed() throws {
      var foundCount = 0
      for visit in try DifferenceJob.associations.get() {
        let found: [Int64] = try visit.associated.column("ssObjectId")
        let missed: [Int64] = try visit.unassociated.column("ssObjectId")
        // Each object of the visit once.
        #expect(Set(found + missed).count == found.count + missed.count)
        let known: [Int64] = try visit.ephemerides.column("ssObjectId")
        #expect(Set(found + missed).isSubset(of: known))
        // A source that is an object says so.
        let all = try visit.sources.reduce(into: [Int64: Int64]()) { ids, table in
          for (id, object) in zip(
            try table.column("diaSourceId", as: Int64.self), try table.column("ssObjectId", as: Int64.self))
          { ids[id] = object }
        }
        for (source, object) in zip(try visit.associated.column("diaSourceId", as: Int64.self), found) {
          #expect(all[source] == object)
        }
        #expect(all.values.count { $0 != 0 } == found.count)
        for row in 0..<visit.associated.rowCount {
          // The survey's ephemerides are the truth; sources of S/N 10 are known to 0.05″.
          #expect(visit.associated[try visit.associated.schema.key("ephOffset", as: Double.self), row] < 0.3)
          #expect(visit.associated[try visit.associated.schema.key("DIA_psfFlux", as: Double.self), row] > 0)
        }
        foundCount += found.count
      }
      #expect(foundCount > 0)
    }
  }
}
