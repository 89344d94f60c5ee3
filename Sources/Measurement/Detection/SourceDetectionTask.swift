// SPDX-License-Identifier: GPL-3.0-or-later
// Finding sources.

package import Catalogs
package import Imaging
internal import SkyGeometry
package import TaskFramework

/// Finds sources: connected pixels above a threshold on the smoothed image, and their peaks (detection-measurement A.5).
///
/// The image and its variance are not changed; the mask gets EDGE where the smoothing kernel does not fit, and DETECTED or
/// DETECTED_NEGATIVE on the footprints. Equal input gives equal footprints in an equal order.
package final class SourceDetectionTask: Task {
  package static let defaultName: String? = "detection"
  package let node: TaskNode
  package let config: SourceDetectionConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Adds the column that tells negative sources, when there can be any: `is_negative`, also known as `flags_negative`.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package func addFields(to schema: inout Schema) throws(CatalogError) {
    guard config.thresholdPolarity != .positive else { return }
    try schema.addField("is_negative", as: Bool.self, doc: "the source was detected as significantly negative")
    try schema.setAlias("flags_negative", to: "is_negative")
  }

  /// Finds sources and makes a row for each, the negative ones first.
  ///
  /// - Parameters:
  ///   - schema: with the columns `id` and those of ``addFields(to:)``.
  ///   - ids: gives the rows their IDs.
  ///   - doSmooth, sigma, clearMask: as for ``detectFootprints(_:doSmooth:sigma:clearMask:)``.
  /// - Throws: as ``detectFootprints(_:doSmooth:sigma:clearMask:)``; ``Catalogs/CatalogError``.
  package func run(
    _ exposure: inout Exposure, schema: Schema, ids: inout IDFactory, doSmooth: Bool = true, sigma: Double? = nil,
    clearMask: Bool = true
  ) throws -> DetectedSources {
    let found = try detectFootprints(&exposure, doSmooth: doSmooth, sigma: sigma, clearMask: clearMask)
    let id: Key<Int64> = try schema.key("id")
    let negative: Key<Bool>? = try found.negative.map { _ in try schema.key("is_negative") }
    var sources = Catalog(schema, rowCount: found.numNeg + found.numPos)
    for (row, footprint) in ((found.negative?.footprints ?? []) + (found.positive?.footprints ?? [])).enumerated() {
      sources[id, row] = try ids.next()
      sources.setFootprint(footprint, row: row)
      if let negative { sources[negative, row] = row < found.numNeg }
    }
    return DetectedSources(sources: sources, footprints: found)
  }

  /// Finds sources.
  ///
  /// **Metadata.** `doSmooth`, `sigma` (px), `smoothingKernelWidth` (px), `nGrow` (px); for thresholds of type
  /// `pixel_stdev` the distribution of empty positions in standard deviations: `nullMean`, `nullStdev`, `nullCount`.
  ///
  /// - Parameters:
  ///   - doSmooth: false for an image that is a matched filter's output already.
  ///   - sigma: of the smoothing kernel, px; that of the PSF at its average position when left out.
  ///   - clearMask: whether the planes DETECTED and DETECTED_NEGATIVE are cleared before.
  /// - Throws: ``DetectionError``, ``Imaging/ImagingError``.
  package func detectFootprints(
    _ exposure: inout Exposure, doSmooth: Bool = true, sigma: Double? = nil, clearMask: Bool = true
  ) throws -> DetectedFootprints {
    try timer("run") { () throws in
      let sigma = try sigma ?? psfWidth(of: exposure)
      guard sigma > 0, sigma <= 1000 else { throw DetectionError.noPSFWidth("it is \(sigma) pixels") }
      let growth = wholePixels(config.nSigmaToGrow * sigma)
      let width = wholePixels(config.nSigmaForKernel * sigma) / 2 * 2 + 1
      try describe(sigma: sigma, doSmooth: doSmooth, width: width, growth: growth)
      try prepareMask(of: &exposure, clearing: clearMask, edge: doSmooth ? width / 2 : 0)
      var search = FootprintSearch(
        config,
        doSmooth
          ? try DetectionImage(
            exposure.maskedImage, smoothedBy: sigma, kernelWidth: width, needsMask: config.needsMask)
          : DetectionImage(exposure.maskedImage), region: exposure.box)
      var (positive, negative) = try search.find()
      if config.doTempLocalBackground {
        try search.subtractBackground(of: exposure.maskedImage, config.tempLocalBackground)
        positive = positive.map { search.refiningPeaks($0, sign: 1) }
        negative = negative.map { search.refiningPeaks($0, sign: -1) }
      }
      return try finish(&exposure, search, positive, negative, growth: growth)
    }
  }

  /// Grows the footprints, marks their pixels, and says how significant their peaks are.
  private func finish(
    _ exposure: inout Exposure, _ search: FootprintSearch, _ positive: FootprintSet?, _ negative: FootprintSet?,
    growth: Int
  ) throws -> DetectedFootprints {
    let stencil: Stencil = config.isotropicGrow ? .disk : .diamond
    func grown(_ set: FootprintSet) -> FootprintSet { growth > 0 ? set.grown(by: growth, stencil) : set }
    let all = (positive: positive.map(grown), negative: negative.map(grown))
    try exposure.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
      try mask.set("DETECTED", on: all.positive?.footprints ?? [])
      try mask.set("DETECTED_NEGATIVE", on: all.negative?.footprints ?? [])
    }
    let kept = config.returnOriginalFootprints ? (positive: positive, negative: negative) : all
    let numbered = kept.positive.map { search.rating($0).numberingPeaks(from: 1) }
    let null = try search.nullDistribution(exposure.maskedImage.mask)
    if let null {
      try metadata.set("nullMean", null.mean)
      try metadata.set("nullStdev", null.stdev)
      try metadata.set("nullCount", null.count)
    }
    return DetectedFootprints(
      positive: numbered,
      negative: kept.negative.map { search.rating($0).numberingPeaks(from: Int64(numbered?.peakCount ?? 0) + 1) },
      null: null)
  }

  private func describe(sigma: Double, doSmooth: Bool, width: Int, growth: Int) throws {
    try metadata.set("sigma", sigma)
    try metadata.set("doSmooth", doSmooth)
    if doSmooth { try metadata.set("smoothingKernelWidth", width) }
    try metadata.set("nGrow", growth)
  }

  /// The determinant radius of the PSF at its average position, px.
  private func psfWidth(of exposure: Exposure) throws(DetectionError) -> Double {
    guard let psf = exposure.psf else { throw .noPSFWidth("the exposure has no PSF") }
    let moments: AdaptiveMoments
    do throws(ImagingError) {
      moments = adaptiveMoments(ofPSF: try psf.kernelImage(at: psf.averagePosition))
    } catch {
      throw .noPSFWidth("\(error)")
    }
    guard !moments.isBad else { throw .noPSFWidth("its moments do not converge") }
    return moments.determinantRadius
  }

  private func prepareMask(of exposure: inout Exposure, clearing: Bool, edge: Int) throws(ImagingError) {
    try exposure.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
      let detected = try mask.addPlane("DETECTED") | mask.addPlane("DETECTED_NEGATIVE")
      if clearing { mask.clear(detected) }
      guard edge > 0 else { return }
      try mask.addPlane("EDGE")
      let box = mask.box
      for y in [box.minY, box.endY - edge] {
        try mask.set("EDGE", in: Box2I(minX: box.minX, minY: y, width: box.width, height: edge))
      }
      for x in [box.minX, box.endX - edge] {
        try mask.set("EDGE", in: Box2I(minX: x, minY: box.minY, width: edge, height: box.height))
      }
    }
  }
}

extension SourceDetectionConfig {
  /// Whether it matters which mask bits reach a smoothed pixel.
  fileprivate var needsMask: Bool { !excludeMaskPlanes.isEmpty || thresholdType == .stdev }
}

/// Rounded to the nearest; for what configuration and PSF keep below 10⁵.
private func wholePixels(_ length: Double) -> Int { Int(min(length, 100_000) + 0.5) }

extension Mask {
  /// Sets a plane on the pixels of footprints.
  ///
  /// - Throws: ``Imaging/ImagingError/unknownMaskPlane(name:known:)``.
  package mutating func set(_ name: String, on footprints: [Footprint]) throws(ImagingError) {
    let pattern = try planes.bitMask(name)
    for footprint in footprints {
      for span in footprint.spans.clipped(to: box).spans {
        let columns = span.x0 - box.minX...span.x1 - box.minX
        bits.withMutableRow(span.y) { row in for i in columns { row[i] |= pattern } }
      }
    }
  }
}
