// SPDX-License-Identifier: GPL-3.0-or-later
// Streaks, and sources on a line.

internal import Catalogs
internal import Imaging
internal import SkyGeometry
internal import TaskFramework

extension DetectAndMeasureTask {
  /// Marks the trails of satellites and the like in the mask (detection-measurement A.14.2).
  ///
  /// **Metadata.** `nStreaks`.
  func markStreaks(on exposure: inout Exposure) throws -> [Streak] {
    let sigma = psfSigma(of: exposure)
    guard sigma > 0 else { return [] }
    let streaks = try maskStreaks(in: &exposure.maskedImage, psfSigma: sigma, config.maskStreaks)
    try metadata.set("nStreaks", streaks.count)
    return streaks
  }

  /// Flags sources that lie on a line with others, as reflections off a tumbling object do (A.14.3).
  ///
  /// **Metadata.** `nGlintTrails`.
  func flagGlints(_ sources: inout Catalog) throws -> [GlintTrail] {
    let bad = config.findGlints.badFlags.compactMap { try? schema.key($0, as: Bool.self) } + [columns.skySource]
    guard let slot = try? schema.centroidSlot() else { return [] }
    let rows = (0..<sources.rowCount).filter { row in
      sources[slot.position, row].isFinite && !bad.contains { sources[$0, row] }
    }
    let found = findGlintTrails(among: rows.map { sources[slot.position, $0] }, config.findGlints)
    for (row, isMember) in zip(rows, found.isInTrail) where isMember { sources[columns.glintTrail, row] = true }
    try metadata.set("nGlintTrails", found.trails.count)
    return found.trails
  }
}
