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
  guard !good.isEmpty else { throw kernelTooLarge(kernel, input.box) }
  let image = try convolvedPlane(input.image, good: good, KernelField(kernel, power: 1, over: good, control))
  let variance = try convolvedVariance(input.variance, good: good, kernel, control)
  let bits = spreadMask(input.mask.bits, over: kernel, good: good)
  var result = try frame(of: input, control)
  try result.update { resultImage, resultMask, resultVariance throws(ImagingError) in
    resultImage.paste(image)
    resultVariance.paste(variance)
    resultMask.bits.paste(bits)
  }
  return result
}

/// Convolves a plain image; the frame where the kernel reaches beyond it is NaN.
///
/// - Throws: as ``convolve(_:with:control:)-(MaskedImage,_,_)``.
package func convolve(
  _ input: Image<Float>, with kernel: Kernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> Image<Float> {
  let good = kernel.goodRegion(of: input.box)
  guard !good.isEmpty else { throw kernelTooLarge(kernel, input.box) }
  var result = Image<Float>(box: input.box, fill: control.doCopyEdge ? 0 : .nan)
  if control.doCopyEdge { result = input }
  result.paste(try convolvedPlane(input, good: good, KernelField(kernel, power: 1, over: good, control)))
  return result
}

/// The variance plane, with infinite values kept apart: times a series of kernels of both signs they would become NaN.
private func convolvedVariance(
  _ variance: Image<Float>, good: Box2I, _ kernel: Kernel, _ control: ConvolutionControl
) throws(ImagingError) -> Image<Float> {
  let field = try KernelField(kernel, power: 2, over: good, control)
  guard variance.pixels.contains(.infinity) else { return try convolvedPlane(variance, good: good, field) }
  let finite = variance.map { $0 == .infinity ? 0 : $0 }
  let infinite = variance.map { $0 == .infinity ? UInt32(1) : 0 }
  let reached = runningOr(infinite, width: kernel.width, height: kernel.height)
  var result = try convolvedPlane(finite, good: good, field)
  for y in good.minY..<good.endY {
    let flags = reached.row(y - good.minY)
    result.withMutableRow(y) { row in
      for i in row.indices where flags[i] != 0 && !row[i].isNaN { row[i] = .infinity }
    }
  }
  return result
}
