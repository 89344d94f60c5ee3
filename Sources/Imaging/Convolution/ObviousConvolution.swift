// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution as its formula says it.

internal import SkyGeometry

/// Convolution pixel by pixel in float64 with the exact kernel at each: what ``convolve(_:with:over:control:)`` is compared with.
///
/// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel larger than the image.
package func obviousConvolution(
  _ input: MaskedImage, with kernel: Kernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> MaskedImage {
  let good = kernel.goodRegion(of: input.box)
  guard !good.isEmpty else { throw kernelTooLarge(kernel.width, kernel.height, input.box) }
  var result = try ConvolutionFrame(control).applied(to: input)
  try result.update { image, mask, variance throws(ImagingError) in
    for y in good.minY..<good.endY {
      for x in good.minX..<good.endX {
        var k = kernel.image(at: Point2D(x: Double(x), y: Double(y)))
        if control.doNormalize {
          let sum = k.sum
          k = k.map { $0 / sum }
        }
        var (pixel, spread, bits) = (0.0, 0.0, UInt32(0))
        for v in 0..<k.height {
          for u in 0..<k.width {
            let (column, row) = (x - kernel.centerX + u, y - kernel.centerY + v)
            let weight = k[u, v]
            pixel += weight * Double(input.image[column, row])
            // Nothing is known of a pixel with infinite variance, however small its weight.
            let v = Double(input.variance[column, row])
            spread += v == .infinity ? v : weight * weight * v
            if weight != 0 { bits |= input.mask[column, row] }
          }
        }
        image[x, y] = Float(pixel)
        variance[x, y] = Float(spread)
        mask[x, y] = bits
      }
    }
  }
  return result
}

func kernelTooLarge(_ width: Int, _ height: Int, _ box: Box2I) -> ImagingError {
  .invalidParameter(
    "a kernel of \(width)×\(height) pixels does not fit into an image of \(box.width)×\(box.height)")
}
