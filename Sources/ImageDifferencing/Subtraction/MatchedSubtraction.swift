// SPDX-License-Identifier: GPL-3.0-or-later
// One image minus the other, once a kernel makes them alike.

package import Imaging
internal import SkyGeometry

/// The difference of two images of the same stars, on the science image's flux scale, and what was subtracted.
///
/// **Model.** With the kernel K and background b that make `convolved ⋆ K + b` like the other image:
/// - the template was convolved: D = S − b − K ⋆ T;
/// - the science image was: D = (K ⋆ S + b − T) / k with k = ΣK in the middle of the image, so that sources keep their flux. (The reference
///   system divides K ⋆ S alone, so its difference is right only where k is 1; differencing A12.2.)
///
/// The background is left in unless it is asked for. Masks unite, variances add; planes of `preservedPlanes` stay where they are when
/// the kernel spreads the others.
///
/// **Source.** differencing A11.5, A12.
package struct MatchedSubtraction: Sendable {
  package let difference: MaskedImage
  /// What was subtracted, on the scale of the difference and over its box.
  package let matchedTemplate: MaskedImage
  /// What it was subtracted from, on the scale of the difference; `nil` for the science image as it is.
  package let matchedScience: MaskedImage?
  /// The background of the fit on the scale of the difference, as it is subtracted from it; `nil` when it was left in.
  package let background: Image<Float>?

  /// - Parameters:
  ///   - template: at least over the science image's box; a border as wide as half the kernel keeps edges out of the difference.
  ///   - science: whose box and pixels the difference has.
  /// - Throws: ``Imaging/ImagingError``, also for a template that does not cover the science image's box, or a kernel whose sum is not
  ///   positive where fluxes need it.
  package init(
    template: consuming MaskedImage, science: consuming MaskedImage, _ matching: MatchingKernel,
    subtractsBackground: Bool = false,
    preservedPlanes: [String] = [], control: ConvolutionControl = .init()
  ) throws(ImagingError) {
    let box = science.box
    guard template.box.contains(box) else {
      throw .sizeMismatch(what: "the template's box", found: "\(template.box)", expected: "one that holds \(box)")
    }
    var level = subtractsBackground ? matching.background.map { $0.image(over: box).map { Float($0) } } : nil
    var matched: MaskedImage
    var result: MaskedImage
    switch matching.convolved {
    case .template:
      matched = try template.convolved(with: matching.kernel, over: box, control, keeping: preservedPlanes)
      // What nobody else holds gives its memory to the difference.
      template = MaskedImage(box: Box2I(width: 0, height: 0))
      matchedScience = nil
      result = science
    case .science:
      let sum = matching.sum(at: box.center)
      guard sum > 0, sum.isFinite else { throw .noResult("the kernel's sum is \(sum), so there is no flux scale") }
      result = try science.convolved(with: matching.kernel, over: box, control, keeping: preservedPlanes)
      science = MaskedImage(box: Box2I(width: 0, height: 0))
      matched = template.cropped(to: box)
      template = MaskedImage(box: Box2I(width: 0, height: 0))
      result.scale(by: 1 / sum)
      matched.scale(by: 1 / sum)
      level = level.map { $0.map { -$0 / Float(sum) } }
      matchedScience = result
    }
    matchedTemplate = matched
    try result.subtract(matched)
    if let level { try result.add(level, times: -1) }
    difference = result
    background = level
  }
}

extension MaskedImage {
  /// Convolved over a part, but for some planes of the mask, which are as they were.
  fileprivate func convolved(
    with kernel: Kernel, over part: Box2I, _ control: ConvolutionControl, keeping names: [String]
  ) throws(ImagingError) -> MaskedImage {
    let kept = mask.planes.bitMask(ofExisting: names)
    guard mask.presentBits & kept != 0 else { return try convolve(self, with: kernel, over: part, control: control) }
    var input = self
    try input.updateInPlace { _, mask, _ in mask.clear(kept) }
    var result = try convolve(input, with: kernel, over: part, control: control)
    let before = mask.bits.cropped(to: part)
    // Planes that the convolution added come after those that there were, so bits agree.
    try result.updateInPlace { _, mask, _ in mask.unite(before, pattern: kept) }
    return result
  }
}
