// SPDX-License-Identifier: GPL-3.0-or-later
// From a plain image to an exposure that can be subtracted.

package import Catalogs
package import Imaging
internal import Logging
internal import Measurement
internal import SkyGeometry
package import TaskFramework

/// Makes an exposure that can be subtracted of a plain image: sky removed, variance, PSF, detections and measured sources.
///
/// Sources are looked for on a copy whose masked pixels are filled (``Imaging/MaskedImage/fillMaskedPixels(_:)``); the exposure itself keeps its pixels.
package final class CharacterizeImageTask: Task {
  package static let defaultName: String? = "characterizeImage"
  package let node: TaskNode
  package let config: CharacterizeImageConfig
  private let detection: SourceDetectionTask
  private let measurement: SingleFrameMeasurementTask
  private let table: SourceTable

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    detection = try node.makeSubtask("detection")
    measurement = try node.makeSubtask("measurement")
    table = try SourceTable(detection, measurement)
  }

  package func schemaCatalogs() -> [String: Catalog] { ["src": Catalog(table.schema)] }

  /// Characterises an exposure.
  ///
  /// A variance plane without a positive, finite value counts as none: it is then made from the pixels and the detector's gain. A PSF that the exposure
  /// has is kept.
  ///
  /// **Metadata.** `skyLevel`, `skyScatter`, `skyFraction`, `varianceScale`, `detectedCount`, `psfStarCount`, `psfOrder`, `psfFwhm` (px), as far as they are found.
  ///
  /// - Parameters:
  ///   - keepSky: for an image without sky, or whose sky is to stay: none is looked for.
  ///   - ids: of the catalog's rows.
  /// - Throws: ``CharacterizeImageError``; ``Measurement/DetectionError`` for an image that the PSF does not fit into; ``Measurement/MeasurementError``,
  ///   ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  package func run(
    _ exposure: Exposure, keepSky: Bool = false, ids: IDFactory = IDFactory()
  ) throws -> CharacterizedImage {
    try timer("run") { () throws in
      var (result, ids) = (exposure, ids)
      try requireUsablePixels(of: exposure.maskedImage)
      let sky = keepSky ? nil : try timer("sky") { () throws in try subtractSky(from: &result) }
      let noise = try timer("noise") { () throws in try installVariance(in: &result, sky) }
      var working = result
      try working.maskedImage.fillMaskedPixels()
      let psfFit =
        exposure.psf == nil
        ? try timer("psf") { () throws in try measurePSF(on: result.maskedImage, looking: &working) } : nil
      if let psfFit { (result.psf, working.psf) = (psfFit.psf, psfFit.psf) }
      let found = try timer("detect") { () throws in try detection.detectFootprints(&working) }
      try copyDetections(from: working.maskedImage, to: &result.maskedImage)
      let footprints = found.positive?.footprints ?? []
      let peaks = sortedPeaks(footprints)
      let fwhm = try psfFit?.fwhm ?? width(of: result)
      var sources = try table.catalog(
        of: footprints, peaks, fwhm: fwhm, box: result.box, stars: psfFit?.positions ?? [], ids: &ids,
        limit: config.maxSources)
      try timer("measure") { () throws in try measurement.run(&sources, on: working) }
      let scale = noise == nil ? (try? PixelNoise(of: result.maskedImage))?.varianceScale : nil
      try describe(sky, scale, peaks.count, psfFit)
      return CharacterizedImage(
        exposure: result, sky: sky, noise: noise, varianceScale: scale, psfFit: psfFit, sources: sources, peaks: peaks)
    }
  }

  private func requireUsablePixels(of image: MaskedImage) throws(CharacterizeImageError) {
    let bad = image.mask.planes.bitMask(ofExisting: PSFFit.badMaskPlanes)
    let (pixels, bits) = (image.image.pixels, image.mask.bits.pixels)
    for i in pixels.indices where bits[i] & bad == 0 && pixels[i].isFinite { return }
    throw .noUsablePixels
  }

  private func subtractSky(from exposure: inout Exposure) throws -> SkyModel {
    let sky = try SkyModel(of: exposure.maskedImage, config.background)
    try exposure.maskedImage.add(sky.image, times: -1)
    return sky
  }

  /// Makes the variance of an exposure that has none.
  ///
  /// - Returns: what it was made from; `nil` when there was one.
  private func installVariance(in exposure: inout Exposure, _ sky: SkyModel?) throws -> NoiseModel? {
    guard !exposure.maskedImage.variance.pixels.contains(where: { $0 > 0 && $0.isFinite }) else { return nil }
    let detector = exposure.detector
    let (gain, readNoise) = (detector?.gain, detector?.readNoise)
    // A first guess, to find the sources with that the noise is then measured between.
    var variance = try? PixelNoise(of: exposure.maskedImage).variance
    let surface = try sky ?? SkyModel(of: exposure.maskedImage, config.background)
    if case .spline = surface.mesh { variance = max(variance ?? 0, surface.scatter * surface.scatter) }
    guard let first = variance, first > 0 else {
      let model = try NoiseModel(
        of: exposure.maskedImage.image, mask: exposure.maskedImage.mask, gain: gain, readNoise: readNoise, config.noise)
      try install(model, in: &exposure)
      return model
    }
    try install(NoiseModel(level: 0, variance: first, gain: nil, readNoise: nil), in: &exposure)
    var working = exposure
    try working.maskedImage.fillMaskedPixels()
    _ = try detection.detectFootprints(&working, sigma: config.installSimplePsfFwhm / fwhmPerSigma)
    var marked = exposure.maskedImage
    try copyDetections(from: working.maskedImage, to: &marked)
    let model = try NoiseModel(level: 0, variance: noiseVariance(of: marked), gain: gain, readNoise: readNoise)
    try install(model, in: &exposure)
    return model
  }

  private func install(_ model: NoiseModel, in exposure: inout Exposure) throws {
    try exposure.maskedImage.updateInPlace { image, _, variance in variance = model.variance(of: image) }
  }

  /// Finds stars with a Gaussian of a usual width, and fits the PSF to them.
  ///
  /// - Parameter working: the same image with its masked pixels filled, in which sources are looked for.
  private func measurePSF(on image: MaskedImage, looking working: inout Exposure) throws -> PSFFit {
    let found = try detection.detectFootprints(&working, sigma: config.installSimplePsfFwhm / fwhmPerSigma)
    let peaks = sortedPeaks(found.positive?.footprints ?? [])
    let fit = try StarSearch(peaks, on: image, config).psf(on: image, peaks: peaks, config.psf)
    if fit.order == nil {
      warn("too few stars for a PSF model: a Gaussian of their width, \(fit.fwhm) pixels, stands for it")
    }
    return fit
  }

  /// All peaks, the highest first.
  private func sortedPeaks(_ footprints: [Footprint]) -> [Peak] {
    footprints.flatMap(\.peaks).sorted { ($0.value, $1.id) > ($1.value, $0.id) }
  }

  private func copyDetections(from working: MaskedImage, to image: inout MaskedImage) throws(ImagingError) {
    let copied = try working.mask.planes.bitMask(["DETECTED", "DETECTED_NEGATIVE", "EDGE"])
    try image.updateInPlace { _, mask, _ throws(ImagingError) in
      mask = try mask.conformed(to: working.mask.planes)
      mask.unite(working.mask.bits, pattern: copied)
    }
  }

  private func width(of exposure: Exposure) throws -> Double {
    guard let psf = exposure.psf else { return config.installSimplePsfFwhm }
    let moments = try adaptiveMoments(ofPSF: psf.kernelImage(at: psf.averagePosition))
    return moments.isBad ? config.installSimplePsfFwhm : moments.fwhm
  }

  private func describe(_ sky: SkyModel?, _ varianceScale: Double?, _ detected: Int, _ fit: PSFFit?) throws {
    if let sky {
      try metadata.set("skyLevel", sky.level)
      try metadata.set("skyScatter", sky.scatter)
      try metadata.set("skyFraction", sky.skyFraction)
    }
    if let varianceScale { try metadata.set("varianceScale", varianceScale) }
    try metadata.set("detectedCount", detected)
    guard let fit else { return }
    try metadata.set("psfStarCount", fit.usedStars.count)
    if let order = fit.order { try metadata.set("psfOrder", order) }
    try metadata.set("psfFwhm", fit.fwhm)
  }
}
