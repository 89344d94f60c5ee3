// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of a survey's patches.

package import SkyGeometry

extension SkyMapPacker {
  /// Packs the tracts and patches of a sky map, without band: all bands of a patch share their IDs (detection-measurement C.5.2).
  ///
  /// - Throws: ``CatalogError/invalidID(_:)`` for a map of too many patches; ``SkyGeometry/SkyMapError``.
  package init(_ skyMap: SkyMap) throws {
    try self.init(tractCount: Int64(skyMap.tractCount), patchCount: Int64(try skyMap.largestPatchCount()))
  }
}

extension SkyMap {
  /// The number of patches of the largest tract: those of rings all have one shape, a discrete one grows with its radius.
  ///
  /// - Throws: ``SkyGeometry/SkyMapError``.
  fileprivate func largestPatchCount() throws -> Int {
    var largest = 0
    if case .discrete(let tracts) = configuration.layout {
      largest = tracts.indices.max { tracts[$0].radius < tracts[$1].radius } ?? 0
    }
    return try tract(largest).patchCount
  }
}
