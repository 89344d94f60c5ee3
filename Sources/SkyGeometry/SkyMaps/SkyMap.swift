// SPDX-License-Identifier: GPL-3.0-or-later
// A survey's division of the sky.

private import Digests

/// A division of the sky, or of a part of it, into tracts and patches.
///
/// Tracts are laid out on demand, so a map of the whole sky costs nothing to make. **Source:** framework D.2.
package struct SkyMap: Hashable, Sendable {
  package let configuration: SkyMapConfiguration
  package let tractCount: Int

  /// - Throws: ``SkyMapError/invalidConfiguration(field:value:requirement:)``.
  package init(_ configuration: SkyMapConfiguration) throws(SkyMapError) {
    try configuration.validate()
    self.configuration = configuration
    tractCount =
      switch configuration.layout {
      case .rings(let rings): rings.tractCount
      case .discrete(let tracts): tracts.count
      }
    // An impossible projection shows in the first tract, and should not wait for a run to be under way.
    _ = try tract(0)
  }

  /// SHA-256 of the configuration in hexadecimal: equal exactly for equal maps.
  package var digest: String { SHA256.hex(configuration.canonicalText) }

  /// - Throws: ``SkyMapError/noSuchTract(id:count:)``, ``SkyMapError/impossibleTract(id:reason:)``.
  package func tract(_ id: Int) throws(SkyMapError) -> TractInfo {
    guard id >= 0, id < tractCount else { throw .noSuchTract(id: id, count: tractCount) }
    switch configuration.layout {
    case .rings(let rings):
      let place = rings.place(of: id)
      return try TractInfo(
        id: id, center: rings.center(of: place),
        reach: Angle(radians: 0.5 * rings.ringSize) + configuration.tractOverlap,
        innerRegion: rings.innerRegion(of: place), configuration: configuration)
    case .discrete(let tracts):
      return try TractInfo(
        id: id, center: tracts[id].center, reach: tracts[id].radius + configuration.tractOverlap, innerRegion: .box,
        configuration: configuration)
    }
  }

  /// The tract to use for a position: the one whose inner region holds it; of discrete tracts the one with the nearest
  /// centre, which may not reach the position.
  ///
  /// - Throws: ``SkyMapError/undefinedPosition``, ``SkyMapError/impossibleTract(id:reason:)``.
  package func findTract(_ position: SpherePoint) throws(SkyMapError) -> TractInfo { try tract(findTractID(position)) }

  /// The number of the tract that ``findTract(_:)`` finds, without laying it out.
  ///
  /// - Throws: ``SkyMapError/undefinedPosition``.
  package func findTractID(_ position: SpherePoint) throws(SkyMapError) -> Int {
    guard position.isFinite else { throw .undefinedPosition }
    switch configuration.layout {
    case .rings(let rings): return rings.findTract(position)
    case .discrete(let tracts):
      let distances = tracts.map { position.separation(from: $0.center).radians }
      return distances.indices.min { distances[$0] < distances[$1] } ?? 0
    }
  }

  /// The tracts near some positions, each with its patches near them, in the order of tract numbers.
  ///
  /// As generous as ``TractInfo/findPatchList(_:)``; tracts without a patch are left out.
  ///
  /// - Throws: ``SkyMapError/impossibleTract(id:reason:)``.
  package func findTractPatchList(_ positions: [SpherePoint]) throws(SkyMapError) -> [(
    tract: TractInfo, patches: [PatchInfo]
  )] {
    var found: [(tract: TractInfo, patches: [PatchInfo])] = []
    guard let circle = SkyCircle(around: positions) else { return [] }
    for id in candidateTracts(near: circle) {
      let tract = try tract(id)
      let patches = tract.findPatchList(positions)
      if !patches.isEmpty { found.append((tract, patches)) }
    }
    return found
  }

  /// The patches whose outer boxes share area with a region of the sky, in the order of tracts and patches.
  ///
  /// - Throws: ``SkyMapError/impossibleTract(id:reason:)``.
  package func overlaps(with region: SkyPolygon) throws(SkyMapError) -> [PatchInfo] {
    guard let circle = SkyCircle(around: region.boundary) else { return [] }
    var found: [PatchInfo] = []
    for id in candidateTracts(near: circle) {
      let tract = try tract(id)
      let outline = tract.wcs.skyToPixel(region.boundary)
      // A region that the projection cannot show in full is on the far side of the sky.
      guard outline.allSatisfy(\.isFinite) else { continue }
      found += tract.findPatchList(region.boundary)
        .filter { clippedArea(of: outline, to: Box2D($0.outerBox)) > 0 }
        .sorted { $0.index < $1.index }
    }
    return found
  }

  /// The tracts whose circumscribed circle touches a circle.
  private func candidateTracts(near circle: SkyCircle) -> [Int] {
    // A square tract's corner is √2 of its half side away, a little more on a curved sky; growing to whole patches adds at
    // most one patch, and the border of unclipped patches one border.
    let growth = configuration.pixelScale * Double(configuration.patches.innerSide + configuration.patches.border)
    func reach(_ halfSide: Angle) -> Angle { (halfSide + configuration.tractOverlap + growth) * 1.6 + circle.radius }

    switch configuration.layout {
    case .rings(let rings):
      return rings.tracts(within: reach(Angle(radians: 0.5 * rings.ringSize)), of: circle.center)
    case .discrete(let tracts):
      return tracts.indices.filter { circle.center.separation(from: tracts[$0].center) <= reach(tracts[$0].radius) }
    }
  }
}
