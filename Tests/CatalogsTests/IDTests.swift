// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import TestSupport
import Testing

/// The rules and vectors of detection-measurement part D.
@Suite struct IDTests {
  @Test func visitDetectorVector() throws {
    let packer = try VisitDetectorPacker(visitCount: 10_000, detectorCount: 99)
    let generator = try IDGenerator(packer, visit: 42, detector: 12, release: 2, releaseCount: 8)
    #expect(generator.packed == 4170)
    #expect(packer.maxBits == 20)
    #expect(generator.catalogID == 2_101_322)
    #expect(generator.counterBits == 40)
    var factory = generator.makeFactory()
    #expect(try factory.next() == 2_310_427_972_701_519_873)
    #expect(try generator.ids(count: 2) == [2_310_427_972_701_519_872, 2_310_427_972_701_519_873])
    let parts = try generator.unpack(2_310_427_972_701_519_873)
    #expect(parts.packed == 4170 && parts.release == 2 && parts.counter == 1)
    #expect(try packer.unpack(4170) == (42, 12))
  }

  @Test func skyMapVector() throws {
    let packer = try SkyMapPacker(tractCount: 11, patchCount: 9)
    let generator = try IDGenerator(packer, tract: 9, patch: 5)
    #expect(generator.packed == 86 && packer.maxBits == 7 && generator.counterBits == 50)
    #expect(try packer.unpack(86) == (9, 5, nil))
    let banded = try SkyMapPacker(tractCount: 11, patchCount: 9, packsBand: true)
    #expect(try banded.pack(tract: 9, patch: 5, band: "g") == 86 + 2 * 99)
    #expect(try banded.unpack(86 + 2 * 99) == (9, 5, "g"))
    #expect(SkyMapPacker.bands.count == 28 && SkyMapPacker.bands[27] == "N964")
  }

  /// A power of two of IDs takes no bit more: the newer rule, bitlen(total − 1).
  @Test func maxBitsAtPowersOfTwo() throws {
    #expect(try VisitDetectorPacker(visitCount: 1024, detectorCount: 64).maxBits == 16)
    #expect(try VisitDetectorPacker(visitCount: 1024, detectorCount: 65).maxBits == 17)
    #expect(try VisitDetectorPacker(visitCount: 1, detectorCount: 1).maxBits == 0)
  }

  @Test func millionRandomIDsComeApartAgain() throws {
    var random = SeededRandom(12)
    for _ in 0..<1000 {
      let visitCount = Int64(random.next() % 10_000_000) + 1
      let detectorCount = Int64(random.next() % 400) + 1
      let packer = try VisitDetectorPacker(visitCount: visitCount, detectorCount: detectorCount)
      let releaseCount = Int64(random.next() % 64) + 1
      for _ in 0..<1000 {
        let visit = Int64(random.next() % UInt64(visitCount))
        let detector = Int64(random.next() % UInt64(detectorCount))
        let release = Int64(random.next() % UInt64(releaseCount))
        let generator = try IDGenerator(
          packer, visit: visit, detector: detector, release: release, releaseCount: releaseCount)
        let counter = Int64(random.next() % (1 << UInt64(min(generator.counterBits, 62))))
        let id = generator.catalogID << Int64(generator.counterBits) | counter
        // One comparison, or a million expectations would take a minute.
        let parts = try generator.unpack(id)
        let (v, d) = try packer.unpack(parts.packed)
        guard id >= 0, parts.release == release, parts.counter == counter, v == visit, d == detector else {
          Issue.record("visit \(visit) of \(visitCount), detector \(detector) of \(detectorCount), counter \(counter)")
          return
        }
      }
    }
  }

  @Test func idsOfDifferentDataIDsNeverMeet() throws {
    let packer = try VisitDetectorPacker(visitCount: 50, detectorCount: 7)
    var seen: Set<Int64> = []
    for visit in 0..<50 {
      for detector in 0..<7 {
        for release in 0..<3 {
          let generator = try IDGenerator(
            packer, visit: Int64(visit), detector: Int64(detector), release: Int64(release), releaseCount: 3)
          var factory = generator.makeFactory()
          for _ in 0..<20 { #expect(seen.insert(try factory.next()).inserted) }
        }
      }
    }
  }

  @Test func factories() throws {
    var simple = IDFactory()
    let plain: [Int64] = try [simple.next(), simple.next(), simple.next()]
    #expect(plain == [1, 2, 3])
    try simple.notify(1)
    #expect(try simple.next() == 2)

    var source = try IDFactory(catalogID: 5, reserved: 2)
    let first: [Int64] = try [source.next(), source.next(), source.next()]
    #expect(first == [21, 22, 23])
    // A counter of 4 would be of the next catalog; it is not consumed, so notifying goes on from before.
    #expect(throws: CatalogError.idsExhausted(catalog: 5, count: 3)) { try source.next() }
    try source.notify(21)
    #expect(try source.next() == 22)
    #expect(throws: CatalogError.self) { try source.notify(24) }
    #expect(throws: CatalogError.self) { try IDFactory(catalogID: 1 << 40, reserved: 24) }
    #expect(IDFactory.reserved(forMaxBits: 20) == 43)
  }

  @Test func exposureIDInfo() throws {
    #expect(try ExposureIDInfo(expID: 5, expBits: 3).unusedBits == 60)
    #expect(try ExposureIDInfo(expID: 5, expBits: 3, maxBits: 32).unusedBits == 29)
    #expect(throws: CatalogError.self) { try ExposureIDInfo(expID: 8, expBits: 3) }
    var factory = try ExposureIDInfo(expID: 5, expBits: 3, maxBits: 8).makeSourceIDFactory()
    #expect(try factory.next() == 5 << 5 | 1)
  }

  @Test func numbersOutOfRangeAreErrorsThatSayTheRange() throws {
    let packer = try VisitDetectorPacker(visitCount: 100, detectorCount: 10)
    for (visit, detector) in [(-1, 0), (100, 0), (0, -1), (0, 10), (Int64.max, 0)] as [(Int64, Int64)] {
      #expect(throws: CatalogError.self) { try packer.pack(visit: visit, detector: detector) }
    }
    let error = #expect(throws: CatalogError.self) { try packer.pack(visit: 100, detector: 0) }
    #expect(error?.description == "visit 100 is not from 0 to 99, the visits that the instrument declares")
    #expect(throws: CatalogError.self) { try VisitDetectorPacker(visitCount: .max, detectorCount: 2) }
    #expect(throws: CatalogError.self) { try SkyMapPacker(tractCount: 0, patchCount: 1) }
    #expect(throws: CatalogError.self) { try IDGenerator(packed: 8, maxBits: 3) }
    #expect(throws: CatalogError.self) { try IDGenerator(packed: 1, maxBits: 60, releaseCount: 64) }
    #expect(throws: CatalogError.self) { try IDGenerator(packed: 1, maxBits: 3, release: 64) }
    #expect(throws: CatalogError.self) { try IDGenerator(packed: 0, maxBits: 0, releaseCount: 1) }
    #expect(throws: CatalogError.self) { try packer.unpack(1000) }
    let bands = try SkyMapPacker(tractCount: 2, patchCount: 2, packsBand: true)
    #expect(throws: CatalogError.self) { try bands.pack(tract: 0, patch: 0, band: "nothing") }
  }
}
