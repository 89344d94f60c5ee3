// SPDX-License-Identifier: GPL-3.0-or-later
// DRAFT

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TestSupport
import Testing

@Suite(
  .enabled(
    if: GoldenFile.isAvailable("F_forced_exact.fits"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenForcedTests {
  @Test func draft() throws {
    for name in GoldenForcedCase.names {
      let measured = try GoldenForcedCase.named(name)
      print(name, measured.catalog.rowCount)
      for field in measured.catalog.schema.fields {
        guard measured.has(field.name) else { print("  no golden", field.name); continue }
        let (own, theirs) = (try measured.own(field.name), try measured.theirs(field.name))
        let differing = own.indices.filter { !(own[$0] == theirs[$0] || own[$0].isNaN && theirs[$0].isNaN) }
        if field.type == .flag {
          if !differing.isEmpty { print("  FLAG", field.name, differing.map { ($0, own[$0]) }) }
        } else {
          let nan = own.indices.filter { own[$0].isNaN != theirs[$0].isNaN }
          let rel = own.indices.filter { !own[$0].isNaN && !theirs[$0].isNaN }.map {
            ($0, abs(own[$0] - theirs[$0]) / max(abs(theirs[$0]), 1e-300), own[$0] - theirs[$0])
          }.sorted { $0.1 > $1.1 }
          print(
            "  ", field.name, "differ", differing.count, "nan", nan,
            rel.prefix(3).map { "\($0.0):\(Float($0.1)),\(Float($0.2))" })
        }
      }
    }
  }
}
