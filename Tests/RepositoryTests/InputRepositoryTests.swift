// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct InputRepositoryTests {
  private func config() throws -> RepositoryConfig {
    var config = RepositoryConfig()
    config.instrument.bands = ["r"]
    try config.skyMap.select(["discrete"])
    try config.skyMap.update("discrete", DiscreteSkyMapConfig.self) {
      $0.raList = [150]
      $0.decList = [2]
      $0.radiusList = [0.5]
    }
    return config
  }

  @Test func whatIsAddedIsThereAfterTheCommit() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/repo"
      var repository = try InputRepository.create(path, try config())
      let exposure = try SampleProducts.exposure()
      try repository.add(Dataset(exposure), visit: 100, detector: 3, band: "r")
      let source = DatasetRef("src", try DataID([.visit: .number(100), .detector: .number(3)]))
      try repository.add(Dataset(try SampleProducts.catalog()), source)
      #expect(try InputRepository(path).visits.count == 0, "not before")
      try repository.commit()

      let again = try InputRepository(path)
      #expect(again.visits.records == repository.visits.records && again.manifest == repository.manifest)
      let record = try #require(again.visits[visit: 100, detector: 3])
      #expect(record.band == "r" && record.exposureTime == 30 && record.box == exposure.box)
      let calibration = try #require(exposure.photoCalib)
      #expect(abs(record.zeroPoint - calibration.zeroPoint) < 1e-12)
      let wcs = try record.wcs()
      #expect(wcs == exposure.wcs)
      let corner = try #require(exposure.wcs).pixelToSky(Point2D(x: 999.5, y: 1999.5))
      #expect(record.corners[0].separation(from: corner).arcseconds < 1e-9)
      let reference = DatasetRef("calexp", try DataID([.visit: .number(100), .detector: .number(3)]))
      #expect(again.path(of: reference) == path + "/calexp/visit100/calexp-visit100-detector3.h5")
      #expect(try again.read(reference, as: Exposure.self).content.box == exposure.box)
      let catalog = try SampleProducts.catalog()
      #expect(try again.read(source, as: Catalog.self).content == catalog)
      let missing = DatasetRef("calexp", try DataID([.visit: .number(7), .detector: .number(3)]))
      let error = #expect(throws: RepositoryError.self) { try again.read(missing, as: Exposure.self) }
      #expect(error?.description == "\(path): there is no calexp of visit 7, detector 3 in this repository")
    }
  }

  @Test func aReplacedFileIsRefused() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/repo"
      var repository = try InputRepository.create(path, try config())
      for visit in [1, 2] {
        try repository.add(
          Dataset(try SampleProducts.exposure(visit == 1 ? .kernel : .psfex)), visit: Int64(visit), detector: 0,
          band: "r")
      }
      try repository.commit()
      func reference(_ visit: Int64) throws -> DatasetRef {
        DatasetRef("calexp", try DataID([.visit: .number(visit), .detector: .number(0)]))
      }
      let (one, two) = (repository.path(of: try reference(1)), repository.path(of: try reference(2)))
      try FileManager.default.removeItem(atPath: one)
      try FileManager.default.copyItem(atPath: two, toPath: one)
      let error = #expect(throws: ReadError.self) { try repository.read(try reference(1), as: Exposure.self) }
      #expect(error?.description.contains("the file is damaged or was replaced") == true)
      try FileManager.default.removeItem(atPath: one)
      #expect(throws: ReadError.missing(path: one)) { try repository.read(try reference(1), as: Exposure.self) }
    }
  }

  @Test func repositoryFilesAreChecked() throws {
    try withTemporaryFolder { folder in
      #expect(throws: RepositoryError.notARepository(path: folder + "/x")) { try InputRepository(folder + "/x") }
      func message(_ yaml: String) throws -> String {
        try AtomicFile().publish(Array(yaml.utf8), to: folder + "/repository.yaml")
        do {
          _ = try InputRepository(folder)
          return "no error"
        } catch {
          return "\(error)"
        }
      }
      let file = folder + "/repository.yaml"
      let tract = "skyMap: { name: discrete, discrete: { raList: [1], decList: [2], radiusList: [0.1] } }\n"
      #expect(try message(tract) == "no error")
      #expect(
        try message("instrument: { bands: [r], largestVisit: 99999999999 }") == "no error", "the rest has defaults")
      #expect(
        try message(tract + "formatVersion: 2").hasPrefix(
          "\(file):2: repository.formatVersion: 2 is given; it must be int, 1"))
      #expect(
        try message(tract + "instrument:\n  band: [r]").contains(
          "\(file):3: repository.instrument.band: there is no such field"))
      #expect(try message(tract + "instrument: { bands: [r, ../x] }").contains("repository.instrument.bands"))
      #expect(
        try message(tract + "instrument: { largestVisit: 281474976710656, largestDetector: 60000 }").contains(
          "their product at most 2^56"))
      #expect(
        try message("skyMap: { name: discrete, discrete: { raList: [1] } }").contains(
          "raList is 1 long; it must be as long as decList (0)"))
      #expect(try message("skyMap: { name: ring }").contains("did you mean rings?"))
      #expect(try message("skyMap: { name: rings, rings: { projection: XYZ } }").contains("repository.skyMap.rings"))
      let overrides = tract + "applyOverrides: { subtractImages: { mode: auto } }"
      #expect(try message(overrides) == "no error")
      let found = try InputRepository(folder).overrides
      let expected = try YAMLText.parse("subtractImages: { mode: auto }")
      #expect(found == expected.withLines(from: found))
    }
  }

  @Test func pathsSayWhatTheyHold() throws {
    let coadd = DatasetRef(
      "deepCoadd", try DataID([.tract: .number(0), .patch: .number(12), .band: .name("g"), .skymap: .name("s")]))
    #expect(coadd.relativePath == "deepCoadd/tract0/patch12/deepCoadd-tract0-patch12-bandg.h5")
    #expect(DatasetRef("ssObjects", .empty).relativePath == "ssObjects/ssObjects.h5")
  }

  @Test func skyMapsOfAConfiguration() throws {
    let map = try config().makeSkyMap()
    #expect(map.tractCount == 1)
    var rings = RepositoryConfig()
    try rings.skyMap.select(["rings"])
    #expect(try rings.makeSkyMap().tractCount > 10_000)
    let other = try rings.makeSkyMap()
    #expect(map.digest != other.digest)
  }
}

extension ConfigValue {
  /// The value with the lines of another one: where something stands does not count for what it is.
  fileprivate func withLines(from other: ConfigValue) -> ConfigValue {
    guard case .mapping(let own) = self, case .mapping(let theirs) = other, own.count == theirs.count else {
      return self
    }
    return .mapping(zip(own, theirs).map { .init($0.key, $0.value.withLines(from: $1.value), line: $1.line) })
  }
}
