// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution of masked images.

internal import SkyGeometry

/// Convolves a masked image with a fixed or varying kernel.
///
/// **Model.** Image: Σ k·in, variance: Σ k²·in, mask: OR over the kernel's pixels that are not exactly zero (for a varying
/// kernel: not zero in every term). See ``Kernel`` for the sign convention.
///
/// **Invalid pixels.** NaN spreads over the kernel's footprint, infinite variance likewise. The frame where the kernel reaches
/// beyond the image is the input with EDGE set, or no data, as the control says.
///
/// **Guarantees.** The kernel is followed to ``ConvolutionControl/kernelTolerance``; sums are float32, in an order that depends
/// on the sizes alone. Twin: ``obviousConvolution(_:with:control:)``.
///
/// **Cost.** About 2 multiply-adds a kernel pixel for each of image and variance where the kernel varies, 1 where it does not.
///
/// **Source.** differencing 0.3, A11.
///
/// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel larger than the image or, with `doNormalize`, without a sum.
package func convolve(
  _ input: MaskedImage, with kernel: Kernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> MaskedImage {
  let good = kernel.goodRegion(of: input.box)
  guard !good.isEmpty else { throw kernelTooLarge(kernel.width, kernel.height, input.box) }
  let frame = ConvolutionFrame(control)
  var planes = input.mask.planes
  let edge = try planes.add(frame.maskPlane)
  return try MaskedImage(
    image: convolvedPlane(
      input.image, good: good, KernelField(kernel, power: 1, over: good, control), frame: frame.isCopied ? nil : .nan),
    mask: Mask(
      bits: spreadMask(input.mask.bits, over: kernel, good: good, frame: frame.isCopied ? nil : 0, edge: edge),
      planes: planes),
    variance: convolvedVariance(input.variance, good: good, kernel, control, frame: frame.isCopied ? nil : .infinity))
}

/// Convolves a plain image; the frame where the kernel reaches beyond it is the input, or NaN.
///
/// - Throws: as ``convolve(_:with:control:)-(MaskedImage,_,_)``.
package func convolve(
  _ input: Image<Float>, with kernel: Kernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> Image<Float> {
  let good = kernel.goodRegion(of: input.box)
  guard !good.isEmpty else { throw kernelTooLarge(kernel.width, kernel.height, input.box) }
  let field = try KernelField(kernel, power: 1, over: good, control)
  return convolvedPlane(input, good: good, field, frame: control.doCopyEdge ? nil : .nan)
}

/// The variance plane.
private func convolvedVariance(
  _ variance: Image<Float>, good: Box2I, _ kernel: Kernel, _ control: ConvolutionControl, frame: Float?
) throws(ImagingError) -> Image<Float> {
  let field = try KernelField(kernel, power: 2, over: good, control, isTrimmed: true)
  return keepingInfinities(of: variance, width: kernel.width, height: kernel.height, good: good, frame: frame) {
    convolvedPlane($0, good: good, field, frame: frame)
  }
}
