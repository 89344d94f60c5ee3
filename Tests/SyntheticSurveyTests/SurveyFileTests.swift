// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import Testing

@Suite struct SurveyFileTests {
  private func inFolder<R>(_ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-survey-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  private func files(_ folder: String) throws -> [String: Data] {
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    var result: [String: Data] = [:]
    for name in names where name.contains(".h5") || name.contains(".yaml") {
      result[name] = try Data(contentsOf: URL(filePath: folder + "/" + name))
    }
    return result
  }

  private var config: SurveyConfig {
    tinyConfig { config in
      (config.camera.width, config.camera.height) = (64, 64)
      (config.camera.columns, config.visits.count) = (2, 4)
    }
  }

  @Test func equalSurveysAreEqualBytesOnAnyNumberOfThreads() throws {
    try inFolder { folder in
      let survey = try SyntheticSurvey(config)
      var contents: [[String: Data]] = []
      for threads in [1, 4] {
        let path = "\(folder)/repo\(threads)"
        let summary = try SurveyRepository(survey, surveyYAML: "", path: path).write(threads: threads)
        #expect(summary.exposures == 8 && summary.catalogs == 8 * 2 + 4 + 1)
        contents.append(try files(path))
      }
      // With survey.yaml, repository.yaml and visits.h5.
      #expect(contents[0].count == 8 + 21 + 3)
      #expect(contents[0] == contents[1])
    }
  }

  @Test func otherSeedsAreOtherSurveys() throws {
    let (a, b) = (try SyntheticSurvey(config), try SyntheticSurvey(tinyConfig { $0.seed = 2 }))
    #expect(a.visits[0].boresight != b.visits[0].boresight && a.objects[0].position != b.objects[0].position)
    let (one, other) = (
      try a.makeExposure(visit: 100, detector: 0), try a.makeExposure(visit: 100, detector: 1)
    )
    #expect(one.exposure.maskedImage != other.exposure.maskedImage)
  }

  @Test func theRepositoryHoldsWhatWasMade() throws {
    try inFolder { folder in
      let survey = try SyntheticSurvey(config)
      _ = try SurveyRepository(survey, surveyYAML: "seed: 1\n", path: folder + "/repo").write(threads: 2)
      let repository = try InputRepository(folder + "/repo")
      #expect(repository.visits.count == 8 && repository.settings.instrument.bands == ["g", "r"])
      #expect(try repository.settings.makeSkyMap().tractCount == 1)
      let id = try DataID([.visit: .number(101), .detector: .number(1)])
      let made = try survey.makeExposure(visit: 101, detector: 1)
      let sources: Dataset<Catalog> = try repository.read(DatasetRef("src", id))
      #expect(sources.content == made.sources && sources.provenance.configYAML == "seed: 1\n")
      let truth: Dataset<Catalog> = try repository.read(DatasetRef("truth", id))
      #expect(truth.content == made.truth)
      let objects: Dataset<Catalog> = try repository.read(DatasetRef("truth_objects", .empty))
      #expect(objects.content.rowCount == survey.objects.count)
      let record = try #require(repository.visits[visit: 101, detector: 1])
      #expect(record.band == "r" && abs(record.mjd - survey.visits[1].mjd) < 1e-9)
      #expect(abs(record.psfFwhm - survey.visits[1].seeing / 0.25) < 0.15 * record.psfFwhm)
    }
  }

  @Test func anInterruptedSimulationLeavesNoRepository() throws {
    try inFolder { folder in
      let path = folder + "/repo"
      let repository = SurveyRepository(try SyntheticSurvey(config), surveyYAML: "", path: path)
      let stop = StopAfter(3)
      #expect(throws: SimulationInterrupted.self) {
        try repository.write(threads: 2, isStopped: { stop.isReached() })
      }
      #expect(!InputRepository.exists(path) && !FileManager.default.fileExists(atPath: path + "/visits.h5"))
      #expect(throws: PublishError.self) { try repository.write(threads: 2) }
      #expect(try repository.write(overwrites: true, threads: 2).exposures == 8)
      #expect(try InputRepository(path).visits.count == 8)
    }
  }

  @Test func sourcesFollowTheSchemaOfMeasurements() throws {
    let made = try SyntheticSurvey(tinyConfig { $0.stars.density = 400_000 }).makeExposure(visit: 100, detector: 0)
    let sources = made.sources
    let slot = try sources.schema.fluxSlot(.psfFlux)
    let centroid = try sources.schema.centroidSlot()
    #expect(sources.rowCount > 5)
    let ids: [Int64] = try sources.column("id")
    #expect(Set(ids).count == ids.count && ids.allSatisfy { $0 > 0 })
    let wcs = try #require(made.exposure.wcs)
    let coord = try CoordKey("coord", in: sources.schema)
    for row in 0..<sources.rowCount {
      #expect(sources[slot.instFlux, row] > 0 && sources[slot.instFluxErr, row] > 0)
      let position = sources[centroid.position, row]
      #expect(try wcs.skyToPixel(sources[coord, row]).distance(to: position) < 1e-6)
    }
  }

  private func problem(_ yaml: String) throws -> String {
    try inFolder { folder in
      let path = folder + "/s.yaml"
      try yaml.write(toFile: path, atomically: true, encoding: .utf8)
      do throws(ConfigError) {
        _ = try SurveyConfig.read(path)
        return ""
      } catch {
        return error.description.replacing(folder + "/", with: "")
      }
    }
  }

  @Test(
    arguments: [
      ("seed: [", "s.yaml:"), ("nonsense: 3\n", "s.yaml:1: survey.nonsense: there is no such field"),
      ("seed: 1\ncamera: { widht: 3 }\n", "s.yaml:2: survey.camera.widht: there is no such field"),
      ("camera: { width: 10 }\n", "s.yaml:1: survey.camera.width: 10 is given; it must be"),
      ("camera: { width: .nan }\n", "s.yaml:1: survey.camera.width"),
      ("visits: { count: 1e99 }\n", "s.yaml:1: survey.visits.count"),
      ("visits: { firstMjd: .inf }\n", "s.yaml:1: survey.visits.firstMjd"),
      (
        "visits:\n  count: 100000\ncamera:\n  columns: 64\n  rows: 64\n",
        "s.yaml:2: survey.visits.count: 100000 visits of 4096"
      ),
      ("camera: { width: 32768, height: 32768 }\n", "s.yaml:1: survey.camera.width: a detector of"),
      (
        "stars: { density: 1e7 }\ncamera: { pixelScale: 20, width: 1024, height: 1024}\npsf: {seeingMin: 50, seeingMax: 60}\n",
        "s.yaml:1: survey.stars.density: about"
      ),
      ("bands: [g, g]\n", "s.yaml:1: survey.bands: a band is there twice"),
      ("bands: [\"../x\"]\n", "s.yaml:1: survey.bands"),
      ("psf: { seeingMin: 2.0 }\n", "survey.psf.seeingMin: 2.0 is given; it must be at most seeingMax"),
      ("psf: { seeingMin: 0.2 }\n", "s.yaml:1: survey.psf.seeingMin: the sharpest PSF"),
      ("camera: { pixelScale: 60 }\n", "s.yaml:1: survey.camera.pixelScale"),
      ("sky: { magnitudes: [20, 21, 22] }\n", "s.yaml:1: survey.sky.magnitudes: a list of 3"),
      ("fields: { raList: [1, 2] }\n", "s.yaml: survey.fields.decList: a list of 1 is given"),
      (
        "skyMap: { patchInnerDimensions: 20, tractRadius: 20 }\n",
        "s.yaml:1: survey.skyMap.patchInnerDimensions: a tract"
      ), ("- 1\n", "s.yaml: survey"),
    ]) func errorsNameFileLineAndField(_ yaml: String, _ expected: String) throws
  {
    let found = try problem(yaml)
    #expect(found.contains(expected) && !found.contains("\n"), "\(found)")
  }

  @Test func theSurveysOfTheJobsFolderAreValid() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    for name in ["demo-survey", "large-survey"] {
      let loaded = try SurveyConfig.read(root.appending(path: "jobs/\(name).yaml").path)
      let config = try #require(loaded.config as? SurveyConfig)
      let map = try SurveyTracts(config).skyMap()
      #expect(map.tractCount == config.fields.raList.count)
    }
  }
}

/// Asks to stop from some question on.
private final class StopAfter: @unchecked Sendable {
  private let lock = NSLock()
  private var left: Int

  init(_ count: Int) { left = count }

  func isReached() -> Bool {
    lock.lock()
    defer { lock.unlock() }
    left -= 1
    return left < 0
  }
}
