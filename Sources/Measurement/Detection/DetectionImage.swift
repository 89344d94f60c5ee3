// SPDX-License-Identifier: GPL-3.0-or-later
// The image that is searched for sources.

internal import Imaging
internal import SkyGeometry

/// The image that is searched: smoothed or as it is.
struct DetectionImage {
  var image: Image<Float>
  let variance: Image<Float>
  /// Of smoothed pixels: what any pixel under the kernel has; `nil` where nothing is asked of it.
  let mask: Mask?
  /// The part that is searched: where the whole kernel fits.
  let box: Box2I

  /// The image as it is.
  init(_ input: MaskedImage) {
    (image, variance, mask, box) = (input.image, input.variance, input.mask, input.box)
  }

  /// The image smoothed by a Gaussian of the PSF's width (detection-measurement A.5.5).
  ///
  /// - Parameter needsMask: whether the mask will be asked for; it takes as long as an image.
  /// - Throws: ``DetectionError``, ``Imaging/ImagingError``.
  init(_ input: MaskedImage, smoothedBy sigma: Double, kernelWidth width: Int, needsMask: Bool) throws {
    let half = width / 2
    guard input.width >= width, input.height >= width else {
      throw DetectionError.imageTooSmall(box: input.box, kernelWidth: width)
    }
    let kernel = try SeparableKernel(gaussianSigma: sigma, halfWidth: half)
    if needsMask {
      let smoothed = try convolve(input, with: kernel)
      (image, variance, mask) = (smoothed.image, smoothed.variance, smoothed.mask)
    } else {
      (image, variance) = (try convolve(input.image, with: kernel), try convolveVariance(input.variance, with: kernel))
      mask = nil
    }
    box = input.box.grown(by: -half)
  }

  /// Sets the pixels that have any of some mask planes to 0, so that nothing is found there (A.5.6).
  mutating func exclude(_ names: [String]) {
    guard let mask else { return }
    let pattern = mask.planes.bitMask(ofExisting: names)
    guard pattern != 0 else { return }
    let (planes, rows) = (mask.bits, box.minY..<box.endY)
    for y in rows {
      let bits = planes.row(y)
      image.withMutableRow(y) { row in for i in row.indices where bits[i] & pattern != 0 { row[i] = 0 } }
    }
  }

  /// Subtracts a plane that covers the part that is searched.
  mutating func subtract(_ plane: Image<Float>) {
    let columns = box.minX - image.box.minX..<box.endX - image.box.minX
    let offset = image.box.minX - plane.box.minX
    let rows = box.minY..<box.endY
    for y in rows {
      let source = plane.row(y)
      image.withMutableRow(y) { row in for i in columns { row[i] -= source[i + offset] } }
    }
  }
}
