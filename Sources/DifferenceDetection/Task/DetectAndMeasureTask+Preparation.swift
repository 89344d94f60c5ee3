// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to a difference before sources are looked for.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import TaskFramework

extension DetectAndMeasureTask {
  /// Whether the PSF is one, and a mask with all planes, those of an earlier detection empty (detection-measurement A.4.4).
  ///
  /// - Throws: ``TaskFramework/NoWorkFound`` for a PSF without a width.
  func prepare(_ exposure: inout Exposure) throws {
    guard psfSigma(of: exposure) > 0 else {
      throw NoWorkFound("Invalid PSF: that of the image to be searched has no width", cause: .upstreamFailure)
    }
    try exposure.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
      for plane in config.clearMaskPlanes + DetectAndMeasureConfig.extraMaskPlanes + ["DETECTED", "DETECTED_NEGATIVE"] {
        try mask.addPlane(plane)
      }
      mask.clear(mask.planes.bitMask(ofExisting: config.clearMaskPlanes + ["DETECTED", "DETECTED_NEGATIVE"]))
    }
  }

  /// The determinant radius of the PSF at its average position, pixels; NaN when there is none.
  func psfSigma(of exposure: Exposure) -> Double {
    guard let psf = exposure.psf, let kernel = try? psf.kernelImage(at: psf.averagePosition) else { return .nan }
    let moments = adaptiveMoments(ofPSF: kernel)
    return moments.isBad ? .nan : moments.determinantRadius
  }

  /// Subtracts the difference's background, fitted beside the sources that are found on it less a first one (A.14.1).
  ///
  /// - Returns: what was subtracted.
  func subtractBackground(from difference: inout Exposure) throws -> Image<Float> {
    var first = difference
    try first.maskedImage.add(
      try fitBackground(of: first.maskedImage, config.subtractInitialBackground), times: -1)
    _ = try detection.detectFootprints(&first)
    return try subtractFinalBackground(from: &difference, detectedOn: first)
  }

  /// As ``subtractBackground(from:)``, with sources that are found on the score less the first background.
  ///
  /// The filter of a score has sum 1, so the same background is subtracted from it.
  func subtractBackground(from difference: inout Exposure, and score: inout Exposure) throws -> Image<Float> {
    var first = score
    try first.maskedImage.add(
      try fitBackground(of: difference.maskedImage, config.subtractInitialBackground), times: -1)
    _ = try detection.detectFootprints(&first, doSmooth: false)
    let background = try subtractFinalBackground(from: &difference, detectedOn: first)
    try score.maskedImage.add(background, times: -1)
    return background
  }

  private func subtractFinalBackground(
    from difference: inout Exposure, detectedOn first: Exposure
  ) throws -> Image<Float> {
    var marked = difference.maskedImage
    try marked.copyDetections(from: first.maskedImage.mask)
    let background = try fitBackground(of: marked, config.subtractFinalBackground)
    try difference.maskedImage.add(background, times: -1)
    return background
  }

  /// Marks cosmic rays in the mask (A.14.4).
  ///
  /// - Returns: that there are too many, if there are.
  func markCosmicRays(on exposure: inout Exposure) throws -> TooManyCosmicRays? {
    guard let psf = exposure.psf else { return nil }
    do {
      let found = try findCosmicRays(
        in: &exposure.maskedImage, psf: try psf.kernelImage(at: psf.averagePosition), config.cosmicray)
      try metadata.set("cosmic_ray_count", found.count)
      return nil
    } catch let error as TooManyCosmicRays {
      return error
    }
  }
}

extension MaskedImage {
  /// Sets the planes DETECTED, DETECTED_NEGATIVE and EDGE where another mask of the same box has them.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  mutating func copyDetections(from other: Mask) throws(ImagingError) {
    let planes = ["DETECTED", "DETECTED_NEGATIVE", "EDGE"]
    try updateInPlace { _, mask, _ throws(ImagingError) in
      for plane in planes { try mask.addPlane(plane) }
      let same = try other.conformed(to: mask.planes)
      mask.unite(same.bits, pattern: same.planes.bitMask(ofExisting: planes))
    }
  }
}
