// SPDX-License-Identifier: GPL-3.0-or-later
// The main job, and what it makes when nobody disturbs it.

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// The main job with the differences of visits 104 (g) and 105 (r), two detectors each, on a survey of stars enough for that: what ``CoaddJob``
/// makes, 4 templates, 4 differences and 4 catalogs of what changed, which are associated with known objects; and of 4 patches the references, in 2 bands the forced catalogs.
final class DifferenceJob: CoaddJob {
  static let templateType = "goodSeeingDiff_templateExp"
  static let differenceType = "goodSeeingDiff_differenceTempExp"
  static let sourceType = "goodSeeingDiff_diaSrc"
  static let kernelType = "goodSeeingDiff_psfMatchKernel"
  /// What the quanta of visits and detectors write.
  static let types = [
    templateType, differenceType, "goodSeeingDiff_matchedExp", kernelType, "goodSeeingDiff_psfMatchSources",
    sourceType, "goodSeeingDiff_differenceExp",
  ]
  /// What the association with objects of the solar system writes: for detectors, and for visits.
  static let objectTypes = [
    "ssSingleFrameAssociatedSources", "ssSingleFrameUnassociatedObjects", "goodSeeingDiff_diaSrcTable",
    "goodSeeingDiff_assocDiaSrc",
    "goodSeeingDiff_associatedSsSources", "ssUnassociatedObjects",
  ]
  /// What the quanta of patches and bands write about sources.
  static let bandTypes = ["deepCoadd_calexp", "deepCoadd_meas", "deepCoadd_forced_src"]
  /// What the quanta of patches write.
  static let patchTypes = ["deepCoadd_mergeDet", "deepCoadd_ref"]
  /// What follows templates in the pipeline.
  static let laterSteps =
    ", subtractImages, detectAndMeasureScore, reconcileSolarSystem, detectCoadd, mergeReference, forcedPhotCoadd]"

  /// Nothing of what changes is bright: next to it a test would not see what the subtraction leaves.
  static let starrySurveyYAML = """
    seed: 5
    bands: [g, r]
    fields: { raList: [150.1], decList: [2.2] }
    skyMap: { patchInnerDimensions: 160, patchBorder: 20, tractRadius: 0.0109 }
    camera: { columns: 2, rows: 1, width: 160, height: 192, gapX: 8, gapY: 8, pixelScale: 0.25 }
    visits: { count: 6, dither: 3, visitsPerNight: 2, zeroPoints: [30] }
    stars: { density: 400000 }
    galaxies: { density: 60000 }
    variables: { count: 0 }
    transients: { count: 2 }
    properMotion: { count: 0 }
    solarSystem: { count: 6, brightMagnitude: 21, faintMagnitude: 21.5 }
    """

  private static let starrySurvey = simulated(starrySurveyYAML)

  /// Detectors this small have few stars, all of them near an edge.
  static let config =
    "subtractImages: { mode: auto, restrictKernelEdgeSources: false, makeKernel.kernel.AL.spatialKernelOrder: 0, "
    + "makeKernel: { kernel: { AL: { spatialBgOrder: 0 } } } }"

  static let forcedConfig = "forcedPhotCoadd: { doJointForced: true }"

  /// - Parameter change: changes the job's text.
  init(_ change: (inout String) -> Void = { _ in }) throws { try super.init(survey: Self.starrySurvey.get(), change) }

  override func write(_ change: (inout String) -> Void = { _ in }) throws {
    try super.write { text in
      let retained = Self.types + Self.objectTypes + Self.bandTypes + Self.patchTypes
      text = text.replacing("assembleCoadd]", with: "assembleCoadd, getTemplate\(Self.laterSteps)")
        .replacing("retain: [", with: "retain: [\(retained.joined(separator: ", ")), ")
        .replacing("config:\n", with: "config:\n  \(Self.config)\n  \(Self.forcedConfig)\n")
      change(&text)
    }
  }

  // MARK: - What a run made

  func product<Content: DatasetContent>(
    _ type: String, _ visit: Int, _ detector: Int, as: Content.Type
  ) throws -> Dataset<Content> {
    let file = "\(runFolder)/\(type)/visit\(visit)/\(type)-visit\(visit)-detector\(detector).h5"
    return try Dataset(decoding: try readFile(file), name: file)
  }

  func exposure(_ type: String, _ visit: Int, _ detector: Int) throws -> Dataset<Exposure> {
    try product(type, visit, detector, as: Exposure.self)
  }

  func science(_ visit: Int, _ detector: Int) throws -> Exposure {
    let file = exposurePath(visit, detector)
    return try Dataset<Exposure>(decoding: try readFile(file), name: file).content
  }

  /// What failed of a task, with its category.
  func failures(of task: String) throws -> [(category: String, message: String)] {
    try (report()["failures"]?.elements ?? []).filter { $0["task"] == .string(task) }.map { failure in
      guard case .string(let category)? = failure["category"], case .string(let message)? = failure["message"] else {
        return ("", "\(failure)")
      }
      return (category, message)
    }
  }

  /// What an undisturbed run in one process makes.
  static let undisturbed: Result<Golden, any Error> = Result { try outcome.get().golden }

  /// The differences of an undisturbed run beside their exposures, in the order of visits and detectors.
  static let pairs: Result<[(what: String, difference: Dataset<Exposure>, science: Exposure)], any Error> = Result {
    try outcome.get().pairs
  }

  /// What an undisturbed run associated in a visit.
  struct Associations {
    let visit: Int
    let associated: Catalog
    let unassociated: Catalog
    /// Of the detectors, with all of their sources.
    let sources: [Catalog]
    let ephemerides: Catalog
  }

  /// The associations of an undisturbed run, by visit.
  static let associations: Result<[Associations], any Error> = Result { try outcome.get().associations }

  private typealias Outcome = (
    golden: Golden, pairs: [(what: String, difference: Dataset<Exposure>, science: Exposure)],
    associations: [Associations]
  )

  private func associations(_ visit: Int) throws -> Associations {
    func catalog(_ path: String) throws -> Catalog {
      try Dataset(decoding: try readFile(path), name: path).content
    }
    func ofVisit(_ type: String) throws -> Catalog { try catalog("\(runFolder)/\(type)/\(type)-visit\(visit).h5") }
    return Associations(
      visit: visit, associated: try ofVisit("goodSeeingDiff_associatedSsSources"),
      unassociated: try ofVisit("ssUnassociatedObjects"),
      sources: try (0...1).map { try product("goodSeeingDiff_assocDiaSrc", visit, $0, as: Catalog.self).content },
      ephemerides: try catalog("\(repository)/preloaded_SsObjects/preloaded_SsObjects-visit\(visit).h5"))
  }

  private static let outcome: Result<Outcome, any Error> = Result {
    let job = try DifferenceJob()
    let end = try job.run()
    #expect(end.status == 0, "\(end.errors)")
    let pairs = try [(104, 0), (104, 1), (105, 0), (105, 1)].map { visit, detector in
      (
        "visit \(visit), detector \(detector)", try job.exposure(differenceType, visit, detector),
        try job.science(visit, detector)
      )
    }
    return ((try job.products(), try job.timelessReport()), pairs, try [104, 105].map { try job.associations($0) })
  }

  override func expectGolden(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try expect(try Self.undisturbed.get(), what, sourceLocation: sourceLocation)
  }
}
