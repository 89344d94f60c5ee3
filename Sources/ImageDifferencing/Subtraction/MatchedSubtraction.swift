// SPDX-License-Identifier: GPL-3.0-or-later
// One image minus the other, once a kernel makes them alike.

package import Imaging
internal import SkyGeometry

/// The difference of two images of the same stars, on the science image's flux scale, and what was subtracted.
///
/// **Model.** With the kernel K and background b of a fit that made `convolved ⋆ K + b` like the other image:
/// - the template was convolved: D = S − b − K ⋆ T;
/// - the science image was: D = (K ⋆ S + b − T) / k with k = ΣK, so that sources keep their flux. (The reference system divides K ⋆ S alone, so
///   its difference is right only where k is 1; differencing A12.2.)
///
/// The background is left in unless it is asked for. Masks unite, variances add.
///
/// **Source.** differencing A12.
package struct MatchedSubtraction: Sendable {
  /// Which image was convolved.
  package enum Convolved: String, Sendable {
    case template = "Template"
    case science = "Science"
  }

  package let convolved: Convolved
  package let difference: MaskedImage
  /// What was subtracted, on the scale of the difference and over its box.
  package let matchedTemplate: MaskedImage
  /// What it was subtracted from, on the scale of the difference.
  package let matchedScience: MaskedImage
  /// The background of the fit on the scale of the difference, as it is subtracted from it; `nil` when it was left in.
  package let background: Image<Float>?

  /// - Parameters:
  ///   - template: at least over the science image's box; a border as wide as half the kernel keeps edges out of the difference.
  ///   - science: whose box and pixels the difference has.
  ///   - fit: for the image that is convolved.
  /// - Throws: ``Imaging/ImagingError``, also for a template that does not cover the science image's box, or a kernel of sum 0.
  package init(
    template: MaskedImage, science: MaskedImage, convolved: Convolved, _ fit: SpatialKernelFit,
    subtractsBackground: Bool = false, control: ConvolutionControl = .init()
  ) throws(ImagingError) {
    let box = science.box
    guard template.box.contains(box) else {
      throw .sizeMismatch(what: "the template's box", found: "\(template.box)", expected: "one that holds \(box)")
    }
    let kernel = try fit.kernel()
    var level = subtractsBackground ? fit.background.map { $0.image(over: box).map { Float($0) } } : nil
    switch convolved {
    case .template:
      matchedTemplate = try convolve(template, with: kernel, control: control).cropped(to: box)
      matchedScience = science
    case .science:
      let sum = fit.image(at: box.center).sum
      guard sum > 0, sum.isFinite else { throw .noResult("the kernel's sum is \(sum), so there is no flux scale") }
      var (own, other) = (try convolve(science, with: kernel, control: control), template.cropped(to: box))
      own.scale(by: 1 / sum)
      other.scale(by: 1 / sum)
      level = level.map { $0.map { -$0 / Float(sum) } }
      (matchedScience, matchedTemplate) = (own, other)
    }
    var result = matchedScience
    try result.subtract(matchedTemplate)
    if let level { try result.add(level, times: -1) }
    difference = result
    background = level
    self.convolved = convolved
  }
}
