// SPDX-License-Identifier: GPL-3.0-or-later
// Subtracting a template from a science exposure.

package import Catalogs
package import Imaging
internal import SkyGeometry
package import TaskFramework

/// Subtracts a template from a science exposure of the same pixels, after a kernel has made their PSFs alike.
///
/// **Metadata.** `convolvedExposure`, `templateCoveragePercent`, `scaleTemplateVarianceFactor`, `scaleScienceVarianceFactor`, `sciencePsfSize`,
/// `templatePsfSize` (FWHM, pixels), `residualBackgroundLevel`, `residualBackgroundPart` (of its structure that was taken off), `trialResidualTemplate`, `trialResidualScience` (with `mode: trial`), `scienceLimitingMagnitude`, `templateLimitingMagnitude`, `diffimLimitingMagnitude`, `nPsfSources`, `nInterpolated`, `isDecorrelated`,
/// `differenceFootprintRatioMean`, `differenceFootprintRatioStdev` and the same of `SkyRatio`; the kernel's are its subtask's.
///
/// **Source.** Alard & Lupton 1998 (ApJ 503, 325); differencing A.
package final class AlardLuptonSubtractTask: Task {
  package static let defaultName: String? = "subtractImages"
  package let node: TaskNode
  package let config: AlardLuptonSubtractConfig
  let makeKernel: MakeKernelTask
  let decorrelate: DecorrelateALKernelSpatialTask

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    makeKernel = try node.makeSubtask("makeKernel")
    decorrelate = try node.makeSubtask("decorrelate")
  }

  /// Subtracts.
  ///
  /// - Parameters:
  ///   - template: on the science exposure's pixels and flux scale, with a border of 20 pixels or more, so that no edge gets into the difference.
  ///   - science: with its PSF.
  ///   - sources: measured on the science exposure; footprints, where it has them, are what the residuals are judged over.
  ///   - calibration: what the visit summary says, if `doApplyExternalCalibrations` asks for it.
  /// - Throws: ``SubtractionError`` for two exposures that are no pair; ``TaskFramework/NoWorkFound`` where the template covers too little;
  ///   ``UnknownPSFSizeError``, ``ExceedsMaxVarianceScaleError``, ``InsufficientKernelSourcesError``, ``NoKernelCandidatesError``,
  ///   ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  package func run(
    template: consuming Exposure, science: consuming Exposure, sources: Catalog, calibration: ExternalCalibration? = nil
  ) throws -> SubtractionResult {
    var (template, science) = (template, science)
    return try timer("run") { () throws in
      let coverage = try checkPair(template: template, science: science)
      if config.doApplyExternalCalibrations { science = calibrated(science, calibration) }
      try scaleVariances(template: &template, science: &science)
      let sizes = try measureSizes(template: template, science: science)
      let convolved = try direction(sizes, template, science, sources)
      try prepare(convolved, template: &template, science: &science)
      let (matching, rows) = try tellingCoverage(coverage) { () throws in
        let found = try findKernel(convolved, template: template, science: science, sources, sizes)
        return (try self.matching(found.solution, convolved), found.rows)
      }
      return try subtract(
        matching, template: &template, science: &science, sources, kernelSources: rows.map { sources.selecting($0) })
    }
  }

  /// Subtracts with a kernel that is known already (differencing A14.2; the reference system has a task of its own for it).
  ///
  /// The result is that of the run that found the kernel, bit for bit.
  ///
  /// - Throws: as ``run(template:science:sources:calibration:)``, but for what seeks a kernel.
  package func run(
    template: consuming Exposure, science: consuming Exposure, sources: Catalog?, kernel: MatchingKernel
  ) throws -> SubtractionResult {
    var (template, science) = (template, science)
    return try timer("run") { () throws in
      _ = try checkPair(template: template, science: science)
      try scaleVariances(template: &template, science: &science)
      _ = try measureSizes(template: template, science: science)
      try prepare(kernel.convolved, template: &template, science: &science)
      return try subtract(kernel, template: &template, science: &science, sources, kernelSources: nil)
    }
  }

  // MARK: - The kernel

  private func direction(
    _ sizes: PSFSizes, _ template: Exposure, _ science: Exposure, _ sources: Catalog
  ) throws -> MatchingKernel.Convolved {
    let sharper: MatchingKernel.Convolved = sizes.isTemplateSharper ? .template : .science
    switch config.mode {
    case .convolveTemplate: return .template
    case .convolveScience: return .science
    case .auto: return sharper
    case .trial: return try tried(sharper, template, science, sources, sizes)
    }
  }

  /// The direction in which the kernel leaves less of the stars (differencing D5).
  ///
  /// A kernel that has to sharpen much may collapse and leave little of nothing; its sum is then not the inverse of the other's.
  ///
  /// - Parameter preferred: where both do equally well, sums do not fit, or neither has a kernel.
  private func tried(
    _ preferred: MatchingKernel.Convolved, _ template: Exposure, _ science: Exposure, _ sources: Catalog,
    _ sizes: PSFSizes
  ) throws -> MatchingKernel.Convolved {
    func trial(_ convolved: MatchingKernel.Convolved) throws -> (residual: Double, sum: Double)? {
      var (template, science) = (template, science)
      try prepare(convolved, template: &template, science: &science)
      guard
        let solution = try? findKernel(convolved, template: template, science: science, sources, sizes).solution,
        let residual = solution.medianResidual
      else { return nil }
      try metadata.set("trialResidual\(convolved.rawValue)", residual)
      return (residual, solution.spatialKernelSum)
    }
    return try timer("trial") { () throws in
      let other: MatchingKernel.Convolved = preferred == .template ? .science : .template
      let (second, first) = (try trial(other), try trial(preferred))
      guard let second, second.sum > 0 else { return preferred }
      guard let first else { return other }
      let isInverse = Self.plausibleProduct.contains(first.sum * second.sum)
      return isInverse && second.residual < first.residual ? other : preferred
    }
  }

  /// Of the kernel sums of both directions.
  private static var plausibleProduct: ClosedRange<Double> { 0.95...1.05 }

  /// - Returns: the kernel, and the rows of the sources that became candidates; `nil` when they were detected here.
  private func findKernel(
    _ convolved: MatchingKernel.Convolved, template: Exposure, science: Exposure, _ sources: Catalog, _ sizes: PSFSizes
  ) throws -> (solution: KernelSolution, rows: [Int]?) {
    let isTemplate = convolved == .template
    let (target, reference) =
      isTemplate ? (sizes.template.fwhm, sizes.science.fwhm) : (sizes.science.fwhm, sizes.template.fwhm)
    // The stamps are as wide as the kernel that will be fitted, in both directions (differencing A5.2).
    let side = try makeKernel.kernelSide(targetFwhm: target, referenceFwhm: reference)
    // Uncropped: sources are taken where both are, which is the science exposure's box.
    let other = template.maskedImage
    func candidates(_ chosen: [KernelSource]) throws -> [KernelCandidate] {
      try config.candidates.candidates(
        chosen, convolved: isTemplate ? other : science.maskedImage,
        reference: isTemplate ? science.maskedImage : other,
        side: side)
    }
    let all = try KernelSource.all(of: sources)
    let selected = all.filter { $0.source.isSelected(config.sourceSelector) }
    var rows: [Int]?
    let stamps: [KernelCandidate]
    do {
      stamps = try candidates(selected.map(\.source))
      rows = selected.rows(of: stamps)
    } catch let error as InsufficientKernelSourcesError where config.allowKernelSourceDetection {
      warn("\(error): stars are sought on the science image")
      let found = try makeKernel.detectSources(on: science, excluding: other.mask.cropped(to: science.box), side: side)
      stamps = try candidates(found.filter { $0.isSelected(config.fallbackSourceSelector) })
    }
    try metadata.set("nPsfSources", stamps.count)
    try metadata.set("convolvedExposure", convolved.rawValue)
    return (try makeKernel.solve(stamps, targetFwhm: target, referenceFwhm: reference, region: science.box), rows)
  }

  func matching(_ solution: KernelSolution, _ convolved: MatchingKernel.Convolved) throws -> MatchingKernel {
    guard solution.spatialKernelSum > 0, solution.spatialKernelSum.isFinite else {
      throw NoKernelCandidatesError(
        description: "the kernel's sum is \(solution.spatialKernelSum): the two images do not show the same stars")
    }
    return try solution.fit.matching(convolved)
  }

  /// What failed for want of a template is no failure.
  func tellingCoverage<Value>(_ coverage: Double, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch  where coverage < config.minTemplateFractionForExpectedSuccess {
      throw NoWorkFound(
        "no kernel was found, and the template covers only \(percent(coverage)) of the exposure "
          + "(minTemplateFractionForExpectedSuccess: \(percent(config.minTemplateFractionForExpectedSuccess))): \(error)"
      )
    }
  }

  // MARK: - The difference

  /// - Parameters:
  ///   - template: loses its pixels, so that their memory can be used again; so does `science` where it is convolved.
  private func subtract(
    _ matching: MatchingKernel, template: inout Exposure, science: inout Exposure, _ sources: Catalog?,
    kernelSources: Catalog?
  ) throws -> SubtractionResult {
    let missing = missingPixels(of: matching.convolved == .template ? template : science)
    let originals = try originals(of: science, template, matching)
    let result = try timer("subtract") { () throws in
      let other = template.takePixels()
      let own = matching.convolved == .template ? science.maskedImage : science.takePixels()
      return try MatchedSubtraction(
        template: consume other, science: consume own, matching,
        subtractsBackground: config.doSubtractBackground, preservedPlanes: config.preserveMaskPlanes,
        control: ConvolutionControl(softMaskFraction: config.softMaskFraction))
    }
    var difference = science
    difference.maskedImage = result.difference
    let residual = try residualBackground(of: &difference)
    difference.psf =
      matching.convolved == .template
      ? science.psf : convolved(science.psf, matching, over: difference.box) ?? template.psf
    var matchedScience = difference
    matchedScience.maskedImage = result.matchedScience ?? science.maskedImage
    var matchedTemplate = Exposure(
      result.matchedTemplate, psf: matching.convolved == .template ? science.psf : template.psf, wcs: science.wcs,
      photoCalib: science.photoCalib,
      visitInfo: template.visitInfo, filter: template.filter ?? science.filter, detector: template.detector)
    matchedTemplate.apCorrMap = science.apCorrMap
    if let missing {
      try difference.maskedImage.blank(where: missing)
      if matching.convolved == .template { try matchedTemplate.maskedImage.blank(where: missing) }
    }
    let score = try decorrelated(
      &difference, originals, matching, subtracted: matchedTemplate.maskedImage.image)
    if let sources { try measureResiduals(of: difference, on: matchedScience, sources) }
    return SubtractionResult(
      difference: difference, score: score, matchedTemplate: matchedTemplate, matchedScience: matchedScience,
      backgroundModel: try result.background.sum(residual), psfMatchingKernel: matching, kernelSources: kernelSources)
  }
}

extension [(row: Int, source: KernelSource)] {
  /// The rows of the sources that became candidates.
  func rows(of stamps: [KernelCandidate]) -> [Int] {
    let chosen = Set(stamps.map(\.id))
    return filter { chosen.contains($0.source.id) }.map(\.row)
  }
}

extension AlardLuptonSubtractTask {
  /// The PSF of the science exposure under the kernel: what a new source looks like in the difference.
  ///
  /// That of the template is what the kernel aims at, and never quite hits.
  private func convolved(_ psf: (any PSF)?, _ matching: MatchingKernel, over box: Box2I) -> (any PSF)? {
    guard config.doConvolvePsf, let psf else { return nil }
    do throws(ImagingError) {
      return try PolynomialPSF(convolving: psf, with: matching.kernel, over: box)
    } catch {
      warn("the science exposure's PSF cannot be convolved: \(error); the difference has the template's")
      return nil
    }
  }

  /// The mask of an exposure whose pixels without data were filled, so that the convolution could not spread NaN: there is still nothing there.
  func missingPixels(of exposure: Exposure) -> Mask? {
    let mask = exposure.maskedImage.mask
    let noData = mask.planes.bitMask(ofExisting: ["NO_DATA"])
    return config.doFillMaskedPixels && mask.presentBits & noData != 0 ? mask : nil
  }
}

extension MaskedImage {
  /// Takes the pixels away that have NO_DATA in a mask that covers the image.
  mutating func blank(where mask: Mask) throws(ImagingError) {
    let noData = mask.planes.bitMask(ofExisting: ["NO_DATA"])
    let columns = box.minX - mask.box.minX..<box.endX - mask.box.minX
    try updateInPlace { image, _, variance throws(ImagingError) in
      for y in image.box.minY..<image.box.endY {
        let bits = mask.bits.row(y)
        image.withMutableRow(y) { pixels in
          for (i, j) in columns.enumerated() where bits[j] & noData != 0 { pixels[i] = .nan }
        }
        variance.withMutableRow(y) { pixels in
          for (i, j) in columns.enumerated() where bits[j] & noData != 0 { pixels[i] = .infinity }
        }
      }
    }
  }
}

extension Exposure {
  /// Hands over the pixels, and keeps none.
  fileprivate mutating func takePixels() -> MaskedImage {
    let pixels = maskedImage
    maskedImage = MaskedImage(box: Box2I(width: 0, height: 0), planes: pixels.mask.planes)
    return pixels
  }
}
