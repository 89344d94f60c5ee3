// SPDX-License-Identifier: GPL-3.0-or-later
// A simulated survey from exposures to coadds, in memory.

import BackgroundMatching
import Coaddition
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework

/// A simulated survey of one band, from its exposures to warps and what is known of their backgrounds, with the truth beside it.
struct SurveyCoadd {
  /// A visit on one patch; all images are in nJy on the warp's pixels.
  struct PatchVisit {
    var warp: Exposure
    var meanVariance: Double
    /// The injected background.
    var background: Image<Float>
    /// Light that is always there, without noise.
    var light: Image<Float>
    /// Light that comes and goes.
    var changing: Image<Float>
    /// Above 0 near a cosmic ray that nobody found.
    var cosmicRays: Image<Float>
  }

  struct Patch {
    let info: PatchInfo
    var visits: [PatchVisit] = []
    var bins: [WarpBin] = []
  }

  let survey: SyntheticSurvey
  let tract: TractInfo
  let visits: [Int64]
  private(set) var patches: [Patch]
  let grid: TractGrid
  /// Of each visit: variance of one of the camera's own pixels away from sources, nJy².
  private(set) var pixelVariances: [Double] = []

  /// Detectors of 384², nine visits with a seeing from 1 to 1.5 arcseconds.
  static func config(seed: Int, visits: Int = 9) -> SurveyConfig {
    var config = SurveyConfig()
    config.seed = seed
    config.bands = ["r"]
    config.fields.raList = [150.1]
    config.fields.decList = [2.2]
    config.camera.width = 384
    config.camera.height = 384
    config.skyMap.patchInnerDimensions = 420
    config.skyMap.patchBorder = 40
    config.visits.count = visits
    config.visits.dither = 8
    config.visits.rotation = 1.5
    config.visits.zeroPoints = [30]
    config.stars.density = 50_000
    config.stars.faintMagnitude = 21.7
    config.galaxies.density = 20_000
    config.variables.count = 0
    config.transients.count = 0
    config.properMotion.count = 0
    config.solarSystem.count = 30
    config.sky.magnitudes = [20.8]
    config.sky.plane = 40
    config.sky.curvature = 20
    return config
  }

  init(_ config: SurveyConfig, binSize: Int = 128) throws {
    survey = try SyntheticSurvey(config)
    tract = try survey.tracts.skyMap().tract(0)
    visits = survey.visits.map(\.number)
    grid = try TractGrid(tract: tract.box, binSize: binSize)
    patches = tract.patches.map { Patch(info: $0) }
    for visit in visits {
      let exposures = try (0..<survey.detectorCount).map { try survey.makeExposure(visit: visit, detector: $0) }
      pixelVariances.append(try Self.pixelVariance(exposures))
      for p in patches.indices { patches[p].visits.append(try warp(exposures, patches[p].info)) }
    }
    var binning = BinWarpsConfig()
    binning.binSize = binSize
    for p in patches.indices {
      let warps = zip(visits, patches[p].visits).map { visit, content in
        WarpToBin(visit: visit) { _ in content.warp.maskedImage }
      }
      patches[p].bins = try BinWarpsTask(config: binning).run(warps, grid: grid, part: patches[p].info.innerBox)
    }
  }

  private static func pixelVariance(_ exposures: [SimulatedExposure]) throws -> Double {
    let variances = try exposures.map { simulated -> Double in
      let scale = simulated.exposure.photoCalib?.mean ?? 1
      let statistics = try PixelStatistics(of: simulated.exposure.maskedImage.variance, .quartiles)
      return scale * scale * statistics[.median]
    }
    return variances.reduce(0, +) / Double(variances.count)
  }

  private func warp(_ exposures: [SimulatedExposure], _ patch: PatchInfo) throws -> PatchVisit {
    /// Another image of the exposures, on the same way.
    func warped(_ image: (SimulatedExposure) -> Image<Float>) throws -> Image<Float> {
      let inputs = try exposures.enumerated().map { i, simulated in
        var exposure = simulated.exposure
        exposure.psf = nil
        let masked = exposure.maskedImage
        exposure.maskedImage = try MaskedImage(image: image(simulated), mask: masked.mask, variance: masked.variance)
        return WarpInput(detector: Int64(i)) { exposure }
      }
      return try MakeWarpTask().run(inputs, wcs: tract.wcs, box: patch.outerBox).maskedImage.image
    }
    let task = try MakeWarpTask()
    let warp = try task.run(
      exposures.enumerated().map { i, simulated in WarpInput(detector: Int64(i)) { simulated.exposure } },
      wcs: tract.wcs, box: patch.outerBox)
    let background = try warped(\.background)
    let changing = try warped(\.changingLight)
    let all = try warped(\.noiseFree)
    return PatchVisit(
      warp: warp, meanVariance: try task.metadata.double("meanVariance"), background: background,
      light: all.minus(background).minus(changing), changing: changing,
      cosmicRays: try warped { $0.cosmicRays.map { $0 == 2 ? 1 : 0 } })
  }

  /// The models of all visits, in their order.
  func solve(_ strategy: TractMatchingConfig.Strategy) throws -> TractSolution {
    var config = MatchBackgroundsConfig()
    config.tract.strategy = strategy
    return try MatchBackgroundsTask(config: config).runTract(TractBins(grid: grid, patches: patches.map(\.bins)))
  }

  /// The coadd of a patch, and the mean of an image of its visits with the same weights.
  func coadd(
    _ patch: Patch, _ solution: TractSolution, _ config: AssembleCoaddConfig = .init()
  ) throws -> (coadd: Coadd, weights: [Double])? {
    let warps = zip(visits, patch.visits).enumerated().map { i, pair in
      let (visit, content) = pair
      return WarpedVisit(
        visit: visit, psf: content.warp.psf as? CoaddPSF, meanVariance: content.meanVariance,
        planes: content.warp.maskedImage.mask.planes,
        background: solution.models[i].background.map { BackgroundModel($0) }
      ) { rows in
        let box = content.warp.box
        return content.warp.maskedImage.cropped(
          to: Box2I(minX: box.minX, minY: rows.lowerBound, width: box.width, height: rows.count))
      }
    }
    let task = try AssembleCoaddTask(config: config)
    let coadd = try task.run(
      warps, [CoaddSelection(name: "coadd", members: Array(warps.indices))], box: patch.info.outerBox, wcs: tract.wcs,
      band: "r")[0]
    let weights = patch.visits.map { 1 / $0.meanVariance }
    return coadd.map { ($0, weights) }
  }
}

extension Image<Float> {
  func minus(_ other: Image<Float>) -> Image<Float> {
    var result = self
    for y in box.minY..<box.endY {
      let row = other.row(y)
      result.withMutableRow(y) { out in for i in row.indices { out[i] -= row[i] } }
    }
    return result
  }

  /// Σ w image / Σ w over those that have data.
  static func mean(_ images: [Image<Float>], _ weights: [Double]) -> Image<Float> {
    let box = images[0].box
    var (sum, norm) = (Image<Double>(box: box, fill: 0), Image<Double>(box: box, fill: 0))
    for (image, weight) in zip(images, weights) {
      for y in box.minY..<box.endY {
        let row = image.row(y)
        sum.withMutableRow(y) { out in for i in row.indices where row[i].isFinite { out[i] += weight * Double(row[i]) }
        }
        norm.withMutableRow(y) { out in for i in row.indices where row[i].isFinite { out[i] += weight } }
      }
    }
    var index = -1
    return Image<Float>(box: box) { _, _ in
      index += 1
      return Float(sum.pixels[index] / norm.pixels[index])
    }
  }
}

/// The scatter of numbers that outliers do not matter to.
func robustScatter(_ values: [Float]) throws -> Double {
  try PixelStatistics(of: values, .quartiles).robustStandardDeviation
}
