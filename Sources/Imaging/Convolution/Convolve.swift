// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution of masked images.

package import SkyGeometry

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
/// - Parameter part: the pixels that are wanted, all when `nil`; what of it lies outside the image is left out. Its borders are no frame as long as
///   the kernel finds pixels beyond them.
/// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel larger than the image or, with `doNormalize`, without a sum.
package func convolve(
  _ input: MaskedImage, with kernel: Kernel, over part: Box2I? = nil, control: ConvolutionControl = .init()
) throws(ImagingError) -> MaskedImage {
  let whole = kernel.goodRegion(of: input.box)
  guard !whole.isEmpty else { throw kernelTooLarge(kernel.width, kernel.height, input.box) }
  let part = part.map(input.box.intersection) ?? input.box
  let good = whole.intersection(part)
  // A part that is frame alone has nothing to choose the series of a varying kernel by.
  guard !good.isEmpty else { return try convolve(input, with: kernel, control: control).cropped(to: part) }
  let frame = ConvolutionFrame(control)
  var planes = input.mask.planes
  let edge = try planes.add(frame.maskPlane)
  let (value, bits, variance): (Float?, UInt32?, Float?) = frame.isCopied ? (nil, nil, nil) : (.nan, 0, .infinity)
  let field = try KernelField(kernel, power: 1, over: good, control)
  let squared = try KernelField(kernel, power: 2, over: good, control, isTrimmed: true)
  return try MaskedImage(
    image: convolvedPlane(input.image, over: part, good: good, field, frame: value),
    mask: Mask(
      bits: spreadMask(
        input.mask.bits, by: kernel, over: part, good: good, frame: bits, edge: edge,
        leaving: control.softMaskFraction), planes: planes),
    variance: keepingInfinities(
      of: input.variance, width: kernel.width, height: kernel.height, over: part, good: good, frame: variance
    ) { convolvedPlane($0, over: part, good: good, squared, frame: variance) })
}

/// Convolves a plain image; the frame where the kernel reaches beyond it is the input, or NaN.
///
/// - Throws: as ``convolve(_:with:over:control:)``.
package func convolve(
  _ input: Image<Float>, with kernel: Kernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> Image<Float> {
  let good = kernel.goodRegion(of: input.box)
  guard !good.isEmpty else { throw kernelTooLarge(kernel.width, kernel.height, input.box) }
  let field = try KernelField(kernel, power: 1, over: good, control)
  return convolvedPlane(input, over: input.box, good: good, field, frame: control.doCopyEdge ? nil : .nan)
}
