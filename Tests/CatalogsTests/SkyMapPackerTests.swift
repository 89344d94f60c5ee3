// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of a survey's patches.

import Catalogs
import SkyGeometry
import Testing

@Suite struct SkyMapPackerTests {
  private func map(_ radii: [Double]) throws -> SkyMap {
    let tracts = radii.enumerated().map { i, radius in
      DiscreteTract(center: SpherePoint(raDegrees: 10 + 20 * Double(i), decDegrees: 5), radius: .degrees(radius))
    }
    return try SkyMap(
      SkyMapConfiguration(
        layout: .discrete(tracts), patches: .legacy(inner: 500, border: 50), tractOverlap: .degrees(0),
        pixelScale: .arcseconds(0.25)))
  }

  /// Every patch of every tract has a number of its own.
  @Test func theLargestTractCounts() throws {
    let map = try map([0.05, 0.12, 0.08])
    let packer = try SkyMapPacker(map)
    var numbers: Set<Int64> = []
    var count = 0
    for id in 0..<map.tractCount {
      for patch in try map.tract(id).patches {
        let packed = try packer.pack(tract: Int64(id), patch: Int64(patch.index))
        #expect(try packer.unpack(packed) == (tract: Int64(id), patch: Int64(patch.index), band: nil))
        numbers.insert(packed)
        count += 1
      }
    }
    #expect(numbers.count == count && count > 20)
    #expect(try packer.patchCount == Int64(map.tract(1).patchCount))
  }

  @Test func theTractOfAPositionIsFoundWithoutLayingItOut() throws {
    let map = try map([0.05, 0.12, 0.08])
    for ra in [9.0, 19.9, 20.1, 31, 49, 55] {
      let position = SpherePoint(raDegrees: ra, decDegrees: 4)
      #expect(try map.findTractID(position) == map.findTract(position).id)
    }
    #expect(throws: SkyMapError.self) {
      try map.findTractID(SpherePoint(ra: .radians(.nan), dec: .radians(0)))
    }
  }
}
