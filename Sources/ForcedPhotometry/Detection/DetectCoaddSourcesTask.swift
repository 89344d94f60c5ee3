// SPDX-License-Identifier: GPL-3.0-or-later
// Sources of a band's coadd.

package import Catalogs
package import Imaging
internal import Measurement
internal import SingleFrame
internal import SkyGeometry
package import TaskFramework

/// Makes a band's coadd ready to be measured, and finds its sources (detection-measurement A.5).
///
/// **Steps.** The sky that is left is subtracted. A first search marks the sources, the noise between them gives the factor of the variance, and the second
/// search, with the right threshold, counts.
///
/// **Variance.** Warps share noise between pixels, so a coadd's variance plane is that of single pixels and too small for anything larger. It is multiplied by what makes it right for fits of the
/// PSF (``VarianceScale``), which is what thresholds and errors of point sources need; for a single pixel it is then too large, by about as much. (The reference's ScaleVarianceTask compares single
/// pixels with the plane, and so leaves the errors of all fluxes too small.)
package final class DetectCoaddSourcesTask: Task {
  package static let defaultName: String? = "detectCoadd"
  package let node: TaskNode
  package let config: DetectCoaddSourcesConfig
  /// Columns `id`, `coord_ra`, `coord_dec`, `parent`.
  package let schema: Schema
  private static let detectionPlanes = ["DETECTED", "DETECTED_NEGATIVE"]
  private let detection: SourceDetectionTask
  private let id: Key<Int64>
  private let coord: CoordKey

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    detection = try node.makeSubtask("detection")
    var schema = try Schema.minimalSource()
    try detection.addFields(to: &schema)
    id = try schema.key("id")
    coord = try CoordKey(in: schema)
    self.schema = schema
  }

  /// By the name of the catalog's dataset type, as the configuration's connections have it.
  package func schemaCatalogs() -> [String: Catalog] {
    let names = config.connections.values
    return [names["outputSources"] ?? (names["coaddName"] ?? "deep") + "Coadd_det": Catalog(schema)]
  }

  /// Makes a coadd ready and finds its sources.
  ///
  /// A coadd without a pixel that has data comes back as it is, with an empty catalog and a warning. Nothing is found within half a smoothing kernel of a pixel without data. Where the factor of the variance cannot be told, or is beyond its limits, the variance stays as it is, with a warning.
  ///
  /// **Metadata.** `skyLevel`, `skyScatter`, `skyFraction`; `varianceScale`, the factor that was applied, `varianceScaleOfPixels`, what single pixels would ask for, `varianceScalePositions`,
  /// how many it is from, `varianceScaleRejected`, one that was not believed; `detectedCount`, `peakCount`.
  ///
  /// - Parameter idFactory: of the rows.
  /// - Returns: positions on the sky are those of the strongest peaks; NaN without a WCS.
  /// - Throws: ``Measurement/DetectionError`` for a coadd without PSF or smaller than its kernel; ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  package func run(_ coadd: Exposure, idFactory: IDFactory = IDFactory()) throws -> DetectedCoadd {
    try timer("run") { () throws in
      var result = DetectedCoadd(exposure: coadd, background: nil, sources: Catalog(schema))
      try result.exposure.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
        for plane in Self.detectionPlanes + ["EDGE"] { try mask.addPlane(plane) }
      }
      if hasData(result.exposure.maskedImage) {
        if config.doSubtractBackground { result.background = try subtractBackground(from: &result.exposure) }
        if config.doScaleVariance { try scaleVariance(of: &result.exposure) }
        var ids = idFactory
        result.sources = try timer("detect") { () throws in
          try detection.run(&result.exposure, schema: schema, ids: &ids).sources
        }
        setPositions(of: &result.sources, wcs: coadd.wcs)
      } else {
        warn("no pixel of the coadd has data, so there is nothing to detect")
      }
      try metadata.set("detectedCount", result.sources.rowCount)
      try metadata.set("peakCount", result.sources.footprints.reduce(0) { $0 + ($1?.peaks.count ?? 0) })
      return result
    }
  }

  private func hasData(_ image: MaskedImage) -> Bool {
    let noData = image.mask.planes.bitMask(ofExisting: ["NO_DATA"])
    for y in image.box.minY..<image.box.endY {
      let pixels = image.image.row(y)
      let bits = image.mask.bits.row(y)
      for i in pixels.indices where pixels[i].isFinite && bits[i] & noData == 0 { return true }
    }
    return false
  }

  /// - Returns: what was subtracted, which is the model's surface bit for bit.
  private func subtractBackground(from exposure: inout Exposure) throws -> BackgroundModel? {
    try timer("background") { () throws in
      let sky = try SkyModel(of: exposure.maskedImage, config.background)
      guard let model = try BackgroundModel(sampling: sky) else { return nil }
      try exposure.maskedImage.add(try model.image(), times: -1)
      try metadata.set("skyLevel", sky.level)
      try metadata.set("skyScatter", sky.scatter)
      try metadata.set("skyFraction", sky.skyFraction)
      return model
    }
  }

  private func setPositions(of sources: inout Catalog, wcs: SkyWCS?) {
    guard let wcs else { return }
    let peaks = (0..<sources.rowCount).map { sources.footprint(row: $0)?.peaks.first?.position }
    let sky = wcs.pixelToSky(peaks.map { $0 ?? Point2D(x: .nan, y: .nan) })
    for row in peaks.indices where peaks[row] != nil { sources[coord, row] = sky[row] }
  }

  /// Rounds in which the factor is found: a search with the wrong threshold takes noise for sources, or sources for noise.
  private static let mostRounds = 3
  /// A factor this close to 1 changes no more what is found than chance does.
  private static let closeToOne = 0.7...1.5

  /// Multiplies the variance, by what the noise between sources says.
  private func scaleVariance(of exposure: inout Exposure) throws {
    try timer("scaleVariance") { () throws in
      let original = exposure.maskedImage.variance
      let planes = config.scaleVariance.maskPlanes
      // A search needs a threshold; for that the noise among all that is there is good enough.
      var scale = try measureScale(of: exposure, ignoring: planes)?.ofSources ?? 1
      var isKnown = false
      for _ in 0..<Self.mostRounds {
        try setVariance(of: &exposure, to: original, times: scale)
        _ = try detection.detectFootprints(&exposure)
        let measured = try measureScale(of: exposure, ignoring: planes + Self.detectionPlanes)
        isKnown = measured != nil
        guard let measured else { break }
        if (scale * measured.ofPixels).isFinite {
          try metadata.set("varianceScaleOfPixels", scale * measured.ofPixels)
        }
        try metadata.set("varianceScalePositions", measured.positionCount)
        scale *= measured.ofSources
        if Self.closeToOne.contains(measured.ofSources) { break }
      }
      let (low, high) = (config.scaleVariance.lowerLimit, config.scaleVariance.upperLimit)
      let isBelieved = isKnown && scale >= low && scale <= high
      try metadata.set("varianceScale", isBelieved ? scale : 1)
      try setVariance(of: &exposure, to: original, times: isBelieved ? scale : 1)
      if !isKnown {
        warn("too few positions are blank to tell how large the noise is; the variance stays as it is")
      } else if !isBelieved {
        try metadata.set("varianceScaleRejected", scale)
        warn("the variance asks for a factor of \(scale), which is not from \(low) to \(high); it stays as it is")
      }
    }
  }

  private func measureScale(of exposure: Exposure, ignoring planes: [String]) throws -> VarianceScale? {
    guard let psf = exposure.psf else { return nil }
    let moments = try adaptiveMoments(ofPSF: psf.kernelImage(at: psf.averagePosition))
    guard !moments.isBad else { return nil }
    let distance = config.scaleVariance.growMask * moments.fwhm
    return try VarianceScale(of: exposure.maskedImage, psf: psf, ignoring: planes, within: distance)
  }

  private func setVariance(of exposure: inout Exposure, to variance: Image<Float>, times factor: Double) throws {
    try exposure.maskedImage.updateInPlace { _, _, plane in
      plane = variance
      if factor != 1 { plane.scale(by: Float(factor)) }
    }
  }
}
