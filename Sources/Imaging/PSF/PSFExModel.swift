// SPDX-License-Identifier: GPL-3.0-or-later
// The PSF model that PSFEx fits.

package import SkyGeometry

/// A PSF as PSFEx models it: images on a grid finer or coarser than the pixels, combined by a polynomial of the position.
///
/// **Model.** P(X, Y) = Σ xᵃ yᵇ Bₐᵦ with x = (X − zero₁) / scale₁, y likewise, a + b ≤ degree. A sample of B is `sampling`
/// pixels wide and already holds the pixel's response, so the image at the pixels is B interpolated (Lanczos-4, as PSFEx does).
///
/// **Source.** Bertin 2011 (ASP Conf. 442, 435).
package struct PSFExModel: PSF, Equatable {
  /// Samples of each term, in the order 1, x, x² and so on, y, xy and so on.
  package let components: [Image<Double>]
  package let degree: Int
  /// Position, 0-based, where x and y are 0, and the pixels over which they grow by 1.
  package let zero: Point2D
  package let scale: Point2D
  /// Pixels a sample.
  package let sampling: Double
  /// As fitted, in pixels.
  package let fwhm: Double?

  /// - Throws: ``ImagingError/invalidParameter(_:)`` unless the numbers make a model.
  package init(
    components: [Image<Double>], degree: Int, zero: Point2D, scale: Point2D, sampling: Double, fwhm: Double? = nil
  ) throws(ImagingError) {
    guard degree >= 0, degree <= 20, components.count == SpatialBasis.termCount(order: degree) else {
      throw .invalidParameter("PSFEx model: \(components.count) components do not fit a polynomial of degree \(degree)")
    }
    guard let first = components.first, components.allSatisfy({ $0.width == first.width && $0.height == first.height }),
      (1...4096).contains(first.width), (1...4096).contains(first.height)
    else { throw .invalidParameter("PSFEx model: the components are empty, too large, or differ in size") }
    guard sampling.isFinite, (0.01...100).contains(sampling) else {
      throw .invalidParameter("PSFEx model: the sampling step is \(sampling) pixels; it must be 0.01 to 100")
    }
    for side in [first.width, first.height] where Double(side / 2) * sampling > 2048 {
      throw .invalidParameter(
        "PSFEx model: \(side) samples of \(sampling) pixels make an image of more than 4097 pixels a side")
    }
    guard zero.isFinite, scale.isFinite, scale.x != 0, scale.y != 0 else {
      throw .invalidParameter("PSFEx model: the polynomial's zero point or scale is not usable")
    }
    guard components.allSatisfy({ $0.pixels.allSatisfy(\.isFinite) }) else {
      throw .invalidParameter("PSFEx model: a component has a sample that is not finite")
    }
    self.components = components
    self.degree = degree
    self.zero = zero
    self.scale = scale
    self.sampling = sampling
    self.fwhm = fwhm
    _ = try kernelImage(at: zero)
  }

  /// The centre of the stars that the model was fitted to.
  package var averagePosition: Point2D { zero }

  package func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
    try stamp(at: position, offsetX: 0, offsetY: 0)
  }

  /// The fine samples interpolated where the pixels are, with no second interpolation.
  package func image(at position: Point2D) throws(ImagingError) -> Image<Double> {
    guard let pixel = position.pixel else {
      throw .outOfRange("there is no PSF at (\(position.x), \(position.y))")
    }
    let stamp = try stamp(
      at: position, offsetX: position.x - Double(pixel.x), offsetY: position.y - Double(pixel.y))
    return stamp.moved(toX: pixel.x + stamp.box.minX, y: pixel.y + stamp.box.minY)
  }

  private func stamp(at position: Point2D, offsetX: Double, offsetY: Double) throws(ImagingError) -> Image<Double> {
    let fine = try samples(at: position)
    // Sides in pixels: what the samples cover, made odd.
    let halfX = max(0, Int((Double(fine.width / 2) * sampling).rounded(.down)))
    let halfY = max(0, Int((Double(fine.height / 2) * sampling).rounded(.down)))
    let columns = (-halfX...halfX).map { taps(atSample: (Double($0) - offsetX) / sampling + Double(fine.width / 2)) }
    let rows = (-halfY...halfY).map { taps(atSample: (Double($0) - offsetY) / sampling + Double(fine.height / 2)) }
    let box = Box2I(minX: -halfX, minY: -halfY, width: columns.count, height: rows.count)
    let resampled = Image<Double>(box: box) { x, y in
      let (column, row) = (columns[x + halfX], rows[y + halfY])
      var sum = 0.0
      for (j, weightY) in row.weights.enumerated() where row.first + j >= 0 && row.first + j < fine.height {
        for (i, weightX) in column.weights.enumerated() where column.first + i >= 0 && column.first + i < fine.width {
          sum += weightX * weightY * fine[column.first + i, row.first + j]
        }
      }
      return sum
    }
    return try normalizedStamp(resampled)
  }

  private func taps(atSample position: Double) -> (first: Int, weights: [Double]) {
    let whole = position.rounded(.down)
    return (Int(whole) - 3, LanczosKernel(order: 4).taps(at: position - whole))
  }

  private func samples(at position: Point2D) throws(ImagingError) -> Image<Double> {
    guard position.isFinite else { throw .outOfRange("there is no PSF at (\(position.x), \(position.y))") }
    let x = (position.x - zero.x) / scale.x
    let y = (position.y - zero.y) / scale.y
    var sum = [Double](repeating: 0, count: components[0].box.area)
    var powerY = 1.0
    var index = 0
    for degreeY in 0...degree {
      var term = powerY
      for _ in 0...degree - degreeY {
        for i in sum.indices { sum[i] += term * components[index].pixels[i] }
        term *= x
        index += 1
      }
      powerY *= y
    }
    let box = Box2I(width: components[0].width, height: components[0].height)
    return try Image(box: box, pixels: sum)
  }
}
