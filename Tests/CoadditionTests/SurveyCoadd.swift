// SPDX-License-Identifier: GPL-3.0-or-later
// A simulated survey from exposures to coadds, in memory.

import Foundation
import BackgroundMatching
import Catalogs
import Coaddition
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework

/// A simulated survey of one band, from its exposures to matched coadds, with the truth of each step beside it.
struct SurveyCoadd {
  /// A visit on one patch.
  struct PatchVisit {
    var warp: Exposure
    /// The injected background on the warp's pixels, nJy.
    var background: Image<Float>
    /// All light but the injected background, without noise, nJy.
    var light: Image<Float>
    /// Light that comes and goes, nJy.
    var changing: Image<Float>
    /// Cosmic rays: positive where one is.
    var cosmicRays: Image<Float>
    var meanVariance: Double
    /// Variance of an exposure's own pixel away from sources, nJy² per pixel of the camera.
    var originalVariance: Double
  }

  struct Patch {
    let info: PatchInfo
    var visits: [PatchVisit]
    var bins: [WarpBin]
  }

  let survey: SyntheticSurvey
  let tract: TractInfo
  let visits: [Int64]
  var patches: [Patch] = []
  let grid: TractGrid

  static func config(seed: Int = 7, visits: Int = 12) -> SurveyConfig {
    var config = SurveyConfig()
    config.seed = seed
    config.bands = ["r"]
    config.fields.raList = [150.1]
    config.fields.decList = [2.2]
    config.camera.width = 512
    config.camera.height = 512
    config.skyMap.patchInnerDimensions = 600
    config.skyMap.patchBorder = 50
    config.visits.count = visits
    config.visits.dither = 10
    config.visits.rotation = 1.5
    config.visits.zeroPoints = [30]
    config.stars.density = 100_000
    config.stars.faintMagnitude = 23
    config.galaxies.density = 60_000
    config.variables.count = 0
    config.transients.count = 0
    config.solarSystem.count = 40
    config.properMotion.count = 0
    config.sky.magnitudes = [20.8]
    return config
  }

  init(_ config: SurveyConfig, binSize: Int = 128) throws {
    survey = try SyntheticSurvey(config)
    tract = try survey.tracts.skyMap().tract(0)
    visits = survey.visits.map(\.number)
    grid = try TractGrid(tract: tract.box, binSize: Int(ProcessInfo.processInfo.environment["BIN"] ?? "128")!)
    patches = tract.patches.map { Patch(info: $0, visits: [], bins: []) }
    for visit in visits {
      let exposures = try (0..<survey.detectorCount).map { try survey.makeExposure(visit: visit, detector: $0) }
      for p in patches.indices { patches[p].visits.append(try warp(exposures, patches[p].info)) }
    }
    for p in patches.indices {
      let task = try BinWarpsTask(config: binConfig(grid.binSize))
      let warps = zip(visits, patches[p].visits).map { visit, content in
        WarpToBin(visit: visit) { content.warp.maskedImage }
      }
      patches[p].bins = try task.run(warps, grid: grid, part: patches[p].info.innerBox)
    }
  }

  private func binConfig(_ size: Int) -> BinWarpsConfig {
    var config = BinWarpsConfig()
    config.binSize = size
    if let planes = ProcessInfo.processInfo.environment["PLANES"] { config.badMaskPlanes += planes.split(separator: ",").map(String.init) }
    if let s = ProcessInfo.processInfo.environment["STAT"] { config.gridStatistic = .init(rawValue: s)! }
    if let s = ProcessInfo.processInfo.environment["CLIP"] { config.numSigmaClip = Double(s)! }
    return config
  }

  private func warp(_ exposures: [SimulatedExposure], _ patch: PatchInfo) throws -> PatchVisit {
    func warped(_ replace: (SimulatedExposure) throws -> Image<Float>?) throws -> Exposure {
      let inputs = try exposures.enumerated().map { i, simulated in
        var exposure = simulated.exposure
        if let image = try replace(simulated) {
          exposure.maskedImage = try MaskedImage(
            image: image, mask: exposure.maskedImage.mask, variance: exposure.maskedImage.variance)
        }
        return WarpInput(detector: Int64(i)) { exposure }
      }
      return try MakeWarpTask().run(inputs, wcs: tract.wcs, box: patch.outerBox)
    }
    let task = try MakeWarpTask()
    let warp = try task.run(
      exposures.enumerated().map { i, simulated in WarpInput(detector: Int64(i)) { simulated.exposure } },
      wcs: tract.wcs, box: patch.outerBox)
    let background = try warped { $0.background }
    let all = try warped { $0.noiseFree }
    var light = all.maskedImage.image
    for (y, row) in rows(background) { light.withMutableRow(y) { out in for i in row.indices { out[i] -= row[i] } } }
    let original = try exposures.map { simulated -> Double in
      let scale = simulated.exposure.photoCalib?.mean ?? 1
      return scale * scale
        * (try PixelStatistics(of: simulated.exposure.maskedImage.variance, .quartiles)[.median])
    }
    return PatchVisit(
      warp: warp, background: background.maskedImage.image, light: light,
      changing: try warped { $0.changingLight }.maskedImage.image,
      cosmicRays: try warped { $0.cosmicRays.map { Float($0) } }.maskedImage.image,
      meanVariance: try task.metadata.double("meanVariance"),
      originalVariance: original.reduce(0, +) / Double(original.count))
  }

  private func rows(_ exposure: Exposure) -> [(Int, [Float])] {
    let image = exposure.maskedImage.image
    return (image.box.minY..<image.box.endY).map { y in
      let row = image.row(y)
      return (y, row.indices.map { row[$0] })
    }
  }

  /// The models of all visits, in their order.
  func solve(_ strategy: TractMatchingConfig.Strategy) throws -> TractSolution {
    var config = MatchBackgroundsConfig()
    config.tract.strategy = strategy
    if let s = ProcessInfo.processInfo.environment["SMOOTH"] { config.tract.smoothness = Double(s)! }
    return try MatchBackgroundsTask(config: config).runTract(TractBins(grid: grid, patches: patches.map(\.bins)))
  }

  /// The coadd of a patch.
  func coadd(
    _ patch: Patch, _ solution: TractSolution?, _ config: AssembleCoaddConfig = .init()
  ) throws -> Coadd? {
    let warps = zip(visits, patch.visits).enumerated().map { i, pair in
      let (visit, content) = pair
      return WarpedVisit(
        visit: visit, psf: content.warp.psf as? CoaddPSF, meanVariance: content.meanVariance,
        planes: content.warp.maskedImage.mask.planes,
        background: solution?.models[i].background.map { BackgroundModel($0) }
      ) { rows in
        let box = content.warp.box
        return content.warp.maskedImage.cropped(
          to: Box2I(minX: box.minX, minY: rows.lowerBound, width: box.width, height: rows.count))
      }
    }
    return try AssembleCoaddTask(config: config).run(
      warps, [CoaddSelection(name: "coadd", members: Array(warps.indices))], box: patch.info.outerBox, wcs: tract.wcs,
      band: "r")[0]
  }
}
