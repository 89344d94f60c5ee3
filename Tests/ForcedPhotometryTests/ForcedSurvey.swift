// SPDX-License-Identifier: GPL-3.0-or-later
// A simulated survey in two bands, from exposures to the coadds of all patches, in memory.

import BackgroundMatching
import Coaddition
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework

/// A field in two bands, six visits each, on two tracts of 2 × 2 patches; patches and tracts overlap.
///
/// Stars and galaxies as in a rich field, none of which changes. Between them more stars are painted into the exposures, alone and in pairs (``TrueSky``), so that a
/// small field has many stars without neighbours.
struct ForcedSurvey {
  struct Patch {
    let tract: TractInfo
    let info: PatchInfo
    /// By band, nJy.
    var coadds: [Exposure] = []
  }

  static let bands = ["g", "r"]
  let survey: SyntheticSurvey
  let skyMap: SkyMap
  let truth: TrueSky
  private(set) var patches: [Patch] = []

  /// Of the exposures, and of the patches.
  static let pixelScale = 0.25
  private static let (innerSide, border) = (300, 40)
  /// Half of what the centres of the two tracts are apart, pixels.
  private static let halfDistance = 270.0

  static func config(seed: Int) -> SurveyConfig {
    var config = SurveyConfig()
    config.seed = seed
    config.bands = bands
    config.fields.raList = [150.1]
    config.fields.decList = [2.2]
    config.camera.columns = 2
    config.camera.rows = 1
    config.camera.width = 620
    config.camera.height = 700
    config.camera.pixelScale = pixelScale
    config.camera.saturation = 25_000
    config.visits.count = 12
    config.visits.dither = 8
    config.visits.rotation = 1.5
    config.visits.zeroPoints = [30]
    config.sky.magnitudes = [21.6, 20.8]
    config.psf.radius = 3
    config.psf.spatialOrder = 2
    config.stars.density = 80_000
    config.galaxies.density = 60_000
    config.variables.count = 0
    config.transients.count = 0
    config.properMotion.count = 0
    config.solarSystem.count = 0
    return config
  }

  init(seed: Int) throws {
    let survey = try SyntheticSurvey(Self.config(seed: seed))
    self.survey = survey
    let center = survey.tracts.centers[0]
    let scale = Angle.arcseconds(Self.pixelScale)
    let tracts = [-1.0, 1].map { side in
      DiscreteTract(
        center: center.offset(bearing: .zero, distance: scale * (side * Self.halfDistance)),
        // Grown to whole patches.
        radius: scale * (Double(Self.innerSide) - 10))
    }
    skyMap = try SkyMap(
      SkyMapConfiguration(
        layout: .discrete(tracts), patches: .legacy(inner: Self.innerSide, border: Self.border), tractOverlap: .zero,
        pixelScale: scale))
    let half = (
      x: (Self.halfDistance + Double(Self.innerSide)) * Self.pixelScale, y: Double(Self.innerSide) * Self.pixelScale
    )
    let area = Box2D(minX: -half.x, minY: -half.y, maxX: half.x, maxY: half.y)
    let truth = TrueSky(survey, painting: area)
    self.truth = truth
    let exposures = try survey.visits.map { visit in
      try (0..<survey.detectorCount).map { detector in
        try survey.makeExposure(visit: visit.number, detector: detector).painting(
          truth, band: visit.bandIndex, visit: visit.number, detector: detector, survey)
      }
    }
    for id in 0..<skyMap.tractCount {
      let tract = try skyMap.tract(id)
      var added = tract.patches.map { Patch(tract: tract, info: $0) }
      for band in Self.bands.indices {
        let visits = survey.visits.indices.filter { survey.visits[$0].bandIndex == band }
        let coadds = try Self.coadds(tract, visits.map { (survey.visits[$0].number, exposures[$0]) }, Self.bands[band])
        for p in added.indices { added[p].coadds.append(coadds[p]) }
      }
      patches += added
    }
  }

  /// A visit on a patch.
  private struct Warp {
    let visit: Int64
    let exposure: Exposure
    let meanVariance: Double
  }

  /// The coadds of a tract's patches.
  private static func coadds(
    _ tract: TractInfo, _ visits: [(number: Int64, exposures: [Exposure])], _ band: String
  ) throws -> [Exposure] {
    let grid = try TractGrid(tract: tract.box, binSize: 128)
    let warps = try tract.patches.map { patch in
      try visits.map { visit, exposures in
        let task = try MakeWarpTask()
        let inputs = exposures.enumerated().map { i, exposure in WarpInput(detector: Int64(i)) { exposure } }
        let warp = try task.run(inputs, wcs: tract.wcs, box: patch.outerBox)
        return Warp(visit: visit, exposure: warp, meanVariance: try task.metadata.double("meanVariance"))
      }
    }
    let bins = try zip(tract.patches, warps).map { patch, warps in
      let inputs = warps.map { warp in WarpToBin(visit: warp.visit) { _ in warp.exposure.maskedImage } }
      return try BinWarpsTask().run(inputs, grid: grid, part: patch.innerBox)
    }
    let solution = try MatchBackgroundsTask().runTract(TractBins(grid: grid, patches: bins))
    return try zip(tract.patches, warps).map { patch, warps in
      let inputs = warps.map { warp in
        WarpedVisit(
          visit: warp.visit, psf: warp.exposure.psf as? CoaddPSF, meanVariance: warp.meanVariance,
          planes: warp.exposure.maskedImage.mask.planes,
          background: solution.models.first { $0.visit == warp.visit }?.background.map { BackgroundModel($0) }
        ) { rows in
          let box = warp.exposure.box
          return warp.exposure.maskedImage.cropped(
            to: Box2I(minX: box.minX, minY: rows.lowerBound, width: box.width, height: rows.count))
        }
      }
      let coadds = try AssembleCoaddTask().run(
        inputs, [CoaddSelection(name: "coadd", members: Array(inputs.indices))], box: patch.outerBox, wcs: tract.wcs,
        band: band)
      guard let coadd = coadds[0] else { throw TaskError("a patch without data") }
      return coadd.exposure
    }
  }
}
