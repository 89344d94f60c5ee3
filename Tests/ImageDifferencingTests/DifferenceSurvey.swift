// SPDX-License-Identifier: GPL-3.0-or-later
// A simulated survey from exposures to pairs that can be subtracted, in memory.

import BackgroundMatching
import Coaddition
import ImageDifferencing
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework

/// A simulated survey from exposures to pairs that can be subtracted: the survey of the demo, of one band, with fewer and smaller detectors and
/// nothing that comes and goes but variable stars.
///
/// The visits, ordered by their seeing, give two templates: of sharp and of blurred visits. What is subtracted from is never part of its template.
struct DifferenceSurvey {
  /// The template beside the science exposure.
  enum Template: CaseIterable { case better, equal, worse }

  struct Pair {
    let kind: Template
    let visit: Int64
    let detector: Int
    let science: SimulatedExposure
    let template: Exposure
    /// What the template would be without noise.
    let templateLight: Image<Float>
  }

  let survey: SyntheticSurvey
  /// From the sharpest to the most blurred.
  let visits: [SurveyVisit]
  private(set) var pairs: [Pair] = []

  /// Places of the visits among ``visits`` of each template.
  private static let members = (sharp: [0, 1, 3, 4, 5], blurred: [7, 8, 9, 11, 12])

  static func config() -> SurveyConfig {
    var config = SurveyConfig()
    config.seed = 20240
    config.bands = ["r"]
    config.fields.raList = [150.1]
    config.fields.decList = [2.2]
    config.skyMap.patchInnerDimensions = 600
    config.skyMap.patchBorder = 50
    config.camera.rows = 1
    config.camera.saturation = 25_000
    config.visits.count = 13
    config.visits.dither = 10
    config.visits.rotation = 1.5
    config.visits.zeroPoints = [30]
    config.sky.magnitudes = [20.8]
    config.stars.density = 160_000
    // Small detectors have as many stars for a kernel as large ones when none of them is too faint for it.
    config.stars.faintMagnitude = 22
    config.galaxies.density = 120_000
    // Those of the demo, whose area is twice as large, spoil the stamps of their neighbours.
    config.variables.count = 4
    config.transients.count = 0
    config.properMotion.count = 0
    config.solarSystem.count = 0
    return config
  }

  init() throws {
    let survey = try SyntheticSurvey(Self.config())
    self.survey = survey
    visits = survey.visits.sorted { ($0.seeing, $0.number) < ($1.seeing, $1.number) }
    let exposures = try visits.map { visit in
      try (0..<survey.detectorCount).map { try survey.makeExposure(visit: visit.number, detector: $0) }
    }
    let coadds = try Self.coadds(survey, visits, exposures.map { $0.map(\.exposure) })
    let light = try Self.coadds(
      survey, visits, exposures.map { try $0.map { try $0.withoutNoise() } }, solution: coadds.solution)
    func add(_ kind: Template, _ visit: Int, _ path: KeyPath<Coadds, [TemplatePatch]>) throws {
      for (detector, science) in exposures[visit].enumerated() {
        guard let wcs = science.exposure.wcs, let photoCalib = science.exposure.photoCalib else { continue }
        func template(_ patches: [TemplatePatch]) throws -> Exposure {
          try GetTemplateTask().run(patches, box: science.exposure.box, wcs: wcs, photoCalib: photoCalib)
        }
        pairs.append(
          Pair(
            kind: kind, visit: visits[visit].number, detector: detector, science: science,
            template: try template(coadds[keyPath: path]),
            templateLight: try template(light[keyPath: path]).maskedImage.image))
      }
    }
    for visit in [8, 11] { try add(.better, visit, \.sharp) }
    for visit in [2, 6] { try add(.equal, visit, \.sharp) }
    for visit in [0, 3] { try add(.worse, visit, \.blurred) }
  }

  private struct Coadds {
    let solution: TractSolution
    var sharp: [TemplatePatch] = []
    var blurred: [TemplatePatch] = []
  }

  private struct PatchWarp {
    /// Place among the visits.
    let visit: Int
    let warp: Exposure
    let meanVariance: Double
  }

  /// The coadds of all patches.
  private static func coadds(
    _ survey: SyntheticSurvey, _ visits: [SurveyVisit], _ exposures: [[Exposure]],
    solution known: TractSolution? = nil
  ) throws -> Coadds {
    let tract = try survey.tracts.skyMap().tract(0)
    let grid = try TractGrid(tract: tract.box, binSize: 128)
    /// Of each patch, the warps that have any data, with the places of their visits.
    let warps = try tract.patches.map { patch -> [PatchWarp] in
      try exposures.enumerated().compactMap { v, exposures in
        let task = try MakeWarpTask()
        let inputs = exposures.enumerated().map { i, one in WarpInput(detector: Int64(i)) { one } }
        do {
          let warp = try task.run(inputs, wcs: tract.wcs, box: patch.outerBox)
          return PatchWarp(visit: v, warp: warp, meanVariance: try task.metadata.double("meanVariance"))
        } catch is NoWorkFound { return nil }
      }
    }
    func solve() throws -> TractSolution {
      let bins = try zip(tract.patches, warps).map { patch, warps in
        let inputs = warps.map { content in
          WarpToBin(visit: visits[content.visit].number) { _ in content.warp.maskedImage }
        }
        return try BinWarpsTask().run(inputs, grid: grid, part: patch.innerBox)
      }
      return try MatchBackgroundsTask().runTract(TractBins(grid: grid, patches: bins))
    }
    let solution = try known ?? solve()
    var result = Coadds(solution: solution)
    for (patch, contents) in zip(tract.patches, warps) {
      let inputs = contents.map { content in
        let visit = visits[content.visit].number
        let model = solution.models.first { $0.visit == visit }
        return WarpedVisit(
          visit: visit, psf: content.warp.psf as? CoaddPSF, meanVariance: content.meanVariance,
          planes: content.warp.maskedImage.mask.planes, background: model?.background.map { BackgroundModel($0) }
        ) { try TemplatePatch.Coadd(content.warp).rows($0) }
      }
      func selection(_ name: String, _ members: [Int]) -> CoaddSelection {
        CoaddSelection(name: name, members: contents.indices.filter { members.contains(contents[$0].visit) })
      }
      let coadds = try AssembleCoaddTask().run(
        inputs, [selection("sharp", members.sharp), selection("blurred", members.blurred)], box: patch.outerBox,
        wcs: tract.wcs, band: "r")
      if let coadd = coadds[0] {
        result.sharp.append(TemplatePatch(tract: tract, patch: patch) { TemplatePatch.Coadd(coadd.exposure) })
      }
      if let coadd = coadds[1] {
        result.blurred.append(TemplatePatch(tract: tract, patch: patch) { TemplatePatch.Coadd(coadd.exposure) })
      }
    }
    return result
  }
}

extension SimulatedExposure {
  /// What the exposure would be without noise; masks and variances stay.
  fileprivate func withoutNoise() throws -> Exposure {
    var result = exposure
    result.maskedImage = try MaskedImage(
      image: noiseFree, mask: exposure.maskedImage.mask, variance: exposure.maskedImage.variance)
    return result
  }
}
