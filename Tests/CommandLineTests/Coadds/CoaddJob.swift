// SPDX-License-Identifier: GPL-3.0-or-later
// The main job on a tiny survey, and what it makes when nobody disturbs it.

import Foundation
import Imaging
import OrderedCollections
import Repository
import SkyGeometry
import TaskFramework
import Testing

/// A folder with a simulated survey of six visits by two detectors, in two bands by turns, on a tract of four patches, and the job
/// that makes its coadds: 24 warps, 8 comparisons of warps, 2 matches, 8 × 2 coadds.
class CoaddJob: JobFolder {
  static let surveyYAML = """
    seed: 5
    bands: [g, r]
    fields: { raList: [150.1], decList: [2.2] }
    skyMap: { patchInnerDimensions: 100, patchBorder: 20, tractRadius: 0.0069 }
    camera: { columns: 2, rows: 1, width: 128, height: 160, gapX: 8, gapY: 8, pixelScale: 0.25 }
    visits: { count: 6, dither: 3, visitsPerNight: 2, zeroPoints: [30] }
    """

  static let jobYAML = """
    repository: survey
    run: coadds
    select: { visit: 100..105 }
    template: { visit: 100..103 }
    pipeline: [makeWarp, matchBackgrounds, assembleCoadd]
    config:
      binWarps: { binSize: 25 }
    retain: [deepCoadd, deepCoadd_nImage, goodSeeingCoadd, goodSeeingCoadd_nImage, deepCoadd_tempExp_background]
    execution: { timeout: 60 }

    """

  /// Without the line that says what stays: every product does.
  static func retainingAll(_ text: inout String) {
    text = text.split(separator: "\n").filter { !$0.hasPrefix("retain:") }.joined(separator: "\n") + "\n"
  }

  /// The files of the survey, simulated once by the program.
  private static let survey = simulated(surveyYAML)

  /// The files of a survey, as the program simulates it.
  static func simulated(_ surveyYAML: String) -> Result<[String: Data], any Error> {
    Result {
      try SkydiffProgram.inTemporaryFolder { folder in
        try surveyYAML.write(toFile: "\(folder)/survey.yaml", atomically: true, encoding: .utf8)
        let end = try SkydiffProgram.run(["simulate", "survey.yaml", "--output", "survey"], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        let names = FileManager.default.enumerator(atPath: "\(folder)/survey")?.compactMap { $0 as? String } ?? []
        return names.reduce(into: [:]) { files, name in
          files[name] = FileManager.default.contents(atPath: "\(folder)/survey/\(name)")
        }
      }
    }
  }

  /// - Parameter change: changes the job's text.
  convenience init(_ change: (inout String) -> Void = { _ in }) throws {
    try self.init(survey: Self.survey.get(), change)
  }

  init(survey: [String: Data], _ change: (inout String) -> Void) throws {
    try super.init(program: "skydiff", jobFile: "job.yaml", repository: "survey", run: "coadds")
    for (name, content) in survey {
      let file = URL(filePath: "\(repository)/\(name)")
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try content.write(to: file)
    }
    try write(change)
  }

  func write(_ change: (inout String) -> Void = { _ in }) throws {
    var text = Self.jobYAML
    change(&text)
    try text.write(toFile: "\(folder)/\(jobFile)", atomically: true, encoding: .utf8)
  }

  // MARK: - The survey's exposures

  func exposurePath(_ visit: Int, _ detector: Int) -> String {
    "\(repository)/calexp/visit\(visit)/calexp-visit\(visit)-detector\(detector).h5"
  }

  /// Puts an exposure into the place of one of the survey, made of that one.
  func replaceExposure(_ visit: Int64, _ detector: Int64, _ change: (inout Exposure) throws -> Void) throws {
    try addExposure(visit, detector, from: (visit, detector), change)
  }

  /// Adds an exposure that is made of one of the survey.
  func addExposure(
    _ visit: Int64, _ detector: Int64, from source: (visit: Int64, detector: Int64),
    _ change: (inout Exposure) throws -> Void
  ) throws {
    var input = try InputRepository(repository)
    func reference(_ visit: Int64, _ detector: Int64) throws -> DatasetRef {
      DatasetRef(
        InputRepository.exposureType, try DataID([.visit: .number(visit), .detector: .number(detector)]))
    }
    let record = try #require(input.visits[visit: source.visit, detector: source.detector])
    var exposure: Exposure = try input.read(try reference(source.visit, source.detector)).content
    try change(&exposure)
    input.forget(try reference(visit, detector))
    try input.add(Dataset(exposure), visit: visit, detector: detector, band: record.band)
    try input.commit()
  }

  // MARK: - What a run made

  /// A coadd of the run.
  func coadd(_ datasetType: String, patch: Int, _ band: String) throws -> Dataset<Exposure> {
    let file = "\(runFolder)/\(datasetType)/tract0/patch\(patch)/\(datasetType)-tract0-patch\(patch)-band\(band).h5"
    return try Dataset(decoding: try readFile(file), name: file)
  }

  /// The visits that a coadd is made of.
  func visits(_ datasetType: String, patch: Int, _ band: String) throws -> [Int64] {
    let name = datasetType == "deepCoadd" ? "coadd" : "templateCoadd"
    let values = try coadd(datasetType, patch: patch, band).metadata.array("assembleCoadd.\(name)_visits")
    return values.compactMap { if case .integer(let visit) = $0 { visit } else { nil } }
  }

  /// How many quanta of each task and band were recorded beyond those of an earlier look.
  func recorded(since count: Int = 0) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for entry in try recordedQuanta().dropFirst(count) {
      guard case .string(let task)? = entry["record"]?["task"],
        case .string(let band)? = entry["record"]?["id"]?["band"]
      else { continue }
      counts["\(task) \(band)", default: 0] += 1
    }
    return counts
  }

  /// The messages of what failed.
  func failures() throws -> [(task: String, message: String)] {
    try (report()["failures"]?.elements ?? []).map { failure in
      guard case .string(let task)? = failure["task"], case .string(let message)? = failure["message"] else {
        return ("", "\(failure)")
      }
      return (task, message)
    }
  }

  /// What an undisturbed run in one process makes.
  static let golden: Result<Golden, any Error> = Result {
    let job = try CoaddJob()
    let end = try job.run()
    #expect(end.status == 0, "\(end.errors)")
    return (try job.products(), try job.timelessReport())
  }

  /// Whether all that belongs to a band is what an undisturbed run makes: what happens to one band is no matter of the other.
  ///
  /// - Parameter undisturbed: what to compare with, where it is not what the plain job makes.
  func expectGolden(
    band: String, _ what: String, of undisturbed: [String: String]? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    func ofBand(_ products: [String: String]) -> [String: String] {
      products.filter { $0.key.hasSuffix("-band\(band).h5") }
    }
    let (found, golden) = (ofBand(try products()), ofBand(try undisturbed ?? Self.golden.get().products))
    #expect(!golden.isEmpty && found == golden, "\(what): band \(band) differs", sourceLocation: sourceLocation)
  }

  /// Whether the run is what an undisturbed one is: files byte for byte, and the report.
  func expectGolden(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try expect(try Self.golden.get(), what, sourceLocation: sourceLocation)
  }
}
