// SPDX-License-Identifier: GPL-3.0-or-later
// A simulated survey from exposures to coadds of two overlapping tracts, in memory.

import Coaddition
import ImageDifferencing
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework

/// A simulated survey from exposures to coadds of two overlapping tracts.
///
/// Six visits for coadds and one to subtract from, of one detector each, on two tracts side by side that share a strip of 100 pixels in the
/// middle of it; patches of 150 pixels. Nothing is clipped and no camera fails, so what comes out is linear in what goes in.
struct TemplateSurvey {
  struct PatchCoadd {
    let tract: TractInfo
    let patch: PatchInfo
    var exposure: Exposure
  }

  let survey: SyntheticSurvey
  let skyMap: SkyMap
  /// Of the visits of the coadds.
  let exposures: [SimulatedExposure]
  let science: Exposure
  let scienceVisit: Int64

  static func config() -> SurveyConfig {
    var config = SurveyConfig()
    config.seed = 11
    config.bands = ["r"]
    config.fields.raList = [150.1]
    config.fields.decList = [2.2]
    config.camera.columns = 1
    config.camera.rows = 1
    config.camera.width = 512
    config.camera.height = 384
    config.camera.badColumns = 0
    config.camera.edge = 0
    config.camera.saturation = 1e9
    config.cosmicRays.perMegapixel = 0
    config.visits.count = 7
    config.visits.dither = 6
    config.stars.density = 60_000
    config.stars.brightMagnitude = 18
    config.stars.faintMagnitude = 21.7
    config.galaxies.density = 0
    config.variables.count = 0
    config.transients.count = 0
    config.properMotion.count = 0
    config.solarSystem.count = 0
    config.sky.offset = 0
    config.sky.plane = 0
    config.sky.curvature = 0
    config.sky.wave = 0
    return config
  }

  init() throws {
    survey = try SyntheticSurvey(Self.config())
    let visits = survey.visits.map(\.number)
    exposures = try visits.dropLast().map { [survey] in try survey.makeExposure(visit: $0, detector: 0) }
    scienceVisit = visits[visits.count - 1]
    science = try survey.makeExposure(visit: scienceVisit, detector: 0).exposure
    let center = SpherePoint(raDegrees: 150.1, decDegrees: 2.2)
    let tracts = [0.0, 180].map { bearing in
      DiscreteTract(
        center: center.offset(bearing: .degrees(bearing), distance: .arcseconds(100.0625)), radius: .arcseconds(100))
    }
    // 880 pixels, which whole patches make 900, 800.5 apart: what is a pixel's centre in one tract is an edge in the other.
    skyMap = try SkyMap(
      SkyMapConfiguration(
        layout: .discrete(tracts), patches: .legacy(inner: 150, border: 30), tractOverlap: .arcseconds(10),
        pixelScale: .arcseconds(0.25), projection: "TAN"))
  }

  /// The coadds of all patches that have data.
  ///
  /// - Parameter image: what of the exposures goes into them, in counts; nothing else changes.
  func coadds(_ image: (SimulatedExposure) -> Image<Float>) throws -> [PatchCoadd] {
    let inputs = try exposures.map { simulated -> Exposure in
      var exposure = simulated.exposure
      let masked = exposure.maskedImage
      exposure.maskedImage = try MaskedImage(
        image: image(simulated), mask: Mask(box: masked.box), variance: masked.variance)
      return exposure
    }
    var result: [PatchCoadd] = []
    for id in 0..<skyMap.tractCount {
      let tract = try skyMap.tract(id)
      for patch in tract.patches {
        var warps: [WarpedVisit] = []
        for (i, exposure) in inputs.enumerated() {
          let task = try MakeWarpTask()
          do {
            let warp = try task.run(
              [WarpInput(detector: 0) { exposure }], wcs: tract.wcs, box: patch.outerBox)
            warps.append(
              WarpedVisit(
                visit: Int64(i), psf: warp.psf as? CoaddPSF, meanVariance: try task.metadata.double("meanVariance"),
                planes: warp.maskedImage.mask.planes
              ) { rows in TemplatePatch.Coadd(warp).read(rows) })
          } catch is NoWorkFound { continue }
        }
        guard !warps.isEmpty else { continue }
        var config = AssembleCoaddConfig()
        config.doClip = false
        let coadd = try AssembleCoaddTask(config: config).run(
          warps, [CoaddSelection(name: "coadd", members: Array(warps.indices))], box: patch.outerBox, wcs: tract.wcs,
          band: "r")[0]
        if let coadd { result.append(PatchCoadd(tract: tract, patch: patch, exposure: coadd.exposure)) }
      }
    }
    return result
  }

  /// The template of the exposure, or of one like it.
  func template(
    _ coadds: [PatchCoadd], box: Box2I? = nil, wcs: SkyWCS? = nil, photoCalib: PhotoCalib? = nil,
    task: GetTemplateTask? = nil
  ) throws -> Exposure {
    guard let ownWCS = science.wcs, let ownCalib = science.photoCalib else { throw TaskError("no calibration") }
    let patches = coadds.map { coadd in
      TemplatePatch(tract: coadd.tract, patch: coadd.patch) { TemplatePatch.Coadd(coadd.exposure) }
    }
    return try (task ?? GetTemplateTask()).run(
      patches, box: box ?? science.box, wcs: wcs ?? ownWCS, photoCalib: photoCalib ?? ownCalib)
  }
}

extension TemplatePatch.Coadd {
  /// Rows of an image in memory, of which none fails.
  fileprivate func read(_ range: Range<Int>) -> MaskedImage {
    (try? rows(range)) ?? MaskedImage(box: Box2I(width: 0, height: 0))
  }
}
