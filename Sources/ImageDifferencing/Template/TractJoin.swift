// SPDX-License-Identifier: GPL-3.0-or-later
// Templates of several tracts as one.

internal import Imaging
internal import SkyGeometry
internal import TaskFramework

/// What several tracts say of the same pixels, joined one tract after the other.
///
/// **Model.** A pixel is Σ w x / Σ w over the tracts that have it, its standard deviation Σ w σ / Σ w, its mask the OR of theirs. The
/// tracts' coadds are made of the same visits, so their noise is the same and does not average out: standard deviations are what adds. The
/// weight of a tract is the inverse of its mean variance, one number, times the distance to the tract's edge: where a tract ends its weight
/// is zero, so there is no step, and a pixel's weight does not follow its own light.
struct TractJoin {
  private(set) var image: MaskedImage?
  private var weights: Image<Float>?

  /// - Parameter weight: of each pixel; `nil` for the only tract that there is.
  /// - Throws: ``Imaging/ImagingError``.
  mutating func add(_ other: MaskedImage, weight: Image<Float>?) throws(ImagingError) {
    guard var joined = image, let weight, var sums = weights else {
      image = other
      weights = weight
      return
    }
    image = nil
    weights = nil
    let otherMask = try other.mask.conformed(to: joined.mask.planes)
    let noData = try otherMask.planes.bitMask("NO_DATA")
    try joined.update { image, mask, variance throws(ImagingError) in
      mask = try mask.conformed(to: otherMask.planes)
      for y in image.box.minY..<image.box.endY {
        let (pixels, variances) = (other.image.row(y), other.variance.row(y))
        let (bits, own) = (otherMask.bits.row(y), weight.row(y))
        image.withMutableRow(y) { image in
          variance.withMutableRow(y) { variance in
            mask.bits.withMutableRow(y) { mask in
              sums.withMutableRow(y) { sums in
                for i in image.indices where bits[i] & noData == 0 {
                  guard mask[i] & noData == 0 else {
                    (image[i], variance[i], mask[i], sums[i]) = (pixels[i], variances[i], bits[i], own[i])
                    continue
                  }
                  let (a, b) = (Double(sums[i]), Double(own[i]))
                  let sum = a + b
                  let sigma =
                    (a * Double(variance[i]).squareRoot() + b * Double(variances[i]).squareRoot()) / sum
                  image[i] = Float((a * Double(image[i]) + b * Double(pixels[i])) / sum)
                  variance[i] = Float(sigma * sigma)
                  mask[i] |= bits[i]
                  sums[i] = Float(sum)
                }
              }
            }
          }
        }
      }
    }
    image = joined
    weights = sums
  }
}

/// The weight of a tract at each pixel of a template.
struct TractWeight {
  /// One over the mean variance of the tract's pixels.
  let inverseVariance: Double
  /// Where the tract has what an interpolation takes.
  private let inner: Box2D

  /// - Parameters:
  ///   - warped: the tract's coadd on the template's pixels, with data in some of them.
  ///   - tapCount: pixels along an axis that the interpolation takes.
  /// - Throws: ``TaskFramework/TaskError`` for variances from which no weight follows, ``Imaging/ImagingError``.
  init(of warped: MaskedImage, tract: TractInfo, tapCount: Int) throws {
    let noData = try warped.mask.planes.bitMask("NO_DATA")
    let variance = try PixelStatistics(
      of: warped.variance, mask: warped.mask, control: StatisticsControl(andMask: noData), .clipped)[.meanclip]
    guard variance > 0, variance.isFinite, (1 / variance).isFinite else {
      throw TaskError(
        "the coadds of tract \(tract.id) have a mean variance of \(variance) nJy², from which no weight follows")
    }
    inverseVariance = 1 / variance
    inner = Box2D(tract.box).grown(by: 0.5 - Double(tapCount / 2))
  }

  /// The tract's inverse variance times the distance, in its pixels, to where it ends; a little more than nothing beyond.
  ///
  /// Made of planes, it is computed at nodes and interpolated.
  func image(over box: Box2I, along map: some PixelMap) -> Image<Float> {
    let spacing = 16
    let (columns, rows) = ((box.width - 1) / spacing + 2, (box.height - 1) / spacing + 2)
    let nodes = (0..<rows).flatMap { j in
      (0..<columns).map { i in Point2D(x: Double(box.minX + i * spacing), y: Double(box.minY + j * spacing)) }
    }
    let distances = map.toSource(nodes).map { p in
      min(p.x - inner.minX, inner.maxX - p.x, p.y - inner.minY, inner.maxY - p.y)
    }
    return Image<Float>(box: box) { x, y in
      let (column, row) = (x - box.minX, y - box.minY)
      let (i, j) = (column / spacing, row / spacing)
      let (s, t) = (Double(column % spacing) / Double(spacing), Double(row % spacing) / Double(spacing))
      let k = j * columns + i
      let low = distances[k] + s * (distances[k + 1] - distances[k])
      let high = distances[k + columns] + s * (distances[k + columns + 1] - distances[k + columns])
      let distance = low + t * (high - low)
      // Also for a position that the tract does not know.
      return Float(inverseVariance * (distance > 1e-3 ? distance : 1e-3))
    }
  }
}
