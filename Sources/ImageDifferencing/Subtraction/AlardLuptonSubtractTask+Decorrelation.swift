// SPDX-License-Identifier: GPL-3.0-or-later
// Decorrelation and score of a difference that was just made.

internal import Imaging
internal import SkyGeometry
internal import TaskFramework

extension AlardLuptonSubtractTask {
  /// What decorrelation has to know of the images before they give their memory to the difference.
  struct Originals {
    let inputs: DifferenceInputs
    /// The images themselves, where the method needs them; planes are shared, not copied.
    let images: (science: Exposure, template: Exposure)?
  }

  /// - Returns: `nil` when there is neither decorrelation nor a score.
  func originals(of science: Exposure, _ template: Exposure, _ matching: MatchingKernel) throws -> Originals? {
    guard config.doDecorrelation || config.doScore else { return nil }
    let inputs = try decorrelate.inputs(
      science: science.maskedImage, template: template.maskedImage, box: science.box,
      templateMatched: matching.convolved == .template,
      sampled: config.doDecorrelation && decorrelate.config.method == .compact)
    let needsImages = config.doDecorrelation && decorrelate.config.method != .compact
    return Originals(inputs: inputs, images: needsImages ? (science, template) : nil)
  }

  /// Makes the difference's noise white, and the score.
  ///
  /// - Parameter subtracted: what was, for the score's noise.
  func decorrelated(
    _ difference: inout Exposure, _ originals: Originals?, _ matching: MatchingKernel, subtracted: Image<Float>
  ) throws -> Exposure? {
    let isWhite = config.doDecorrelation && originals?.inputs.means.areUsable ?? false
    try metadata.set("isDecorrelated", isWhite)
    guard let originals else { return nil }
    return try timer("decorrelate") { () throws in
      let templateMatched = matching.convolved == .template
      let scale = templateMatched ? 1 : matching.sum(at: difference.box.center)
      let error = config.scoreRegistrationError
      let noise = ScoreNoise(
        ofSources: config.doScoreSourceNoise, registration: error > 0 ? (light: subtracted, sigma: error) : nil)
      guard let images = originals.images else {
        return try decorrelate.correct(
          &difference, originals.inputs, matching.kernel, scale: scale, whitens: config.doDecorrelation,
          makesScore: config.doScore, scoreNoise: noise)
      }
      var raw = difference
      difference = try decorrelate.run(
        scienceExposure: images.science, templateExposure: images.template, subtractedExposure: difference,
        psfMatchingKernel: matching.kernel, templateMatched: templateMatched)
      guard config.doScore else { return nil }
      return try decorrelate.correct(
        &raw, originals.inputs, matching.kernel, scale: scale, whitens: true, makesScore: true,
        scoreNoise: noise)
    }
  }
}
