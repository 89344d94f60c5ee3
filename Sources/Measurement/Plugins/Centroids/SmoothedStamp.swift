// SPDX-License-Identifier: GPL-3.0-or-later
// Three by three pixels of the smoothed image.

internal import Imaging
internal import SkyGeometry

/// The image smoothed by a kernel, at a pixel and its eight neighbours; bins in place of pixels for large sources.
struct SmoothedStamp {
  /// Row by row, the centre fifth.
  var image = [Double](repeating: 0, count: 9)
  /// Variances of what the position follows from; those of the pixels under the kernel, whatever they are, make them.
  var noise = Noise()

  /// Of the smoothed image's slope, half the difference of the neighbours along an axis, and of its curvature, twice the centre less both neighbours.
  struct Noise {
    var slopeX = 0.0
    var slopeY = 0.0
    var curveX = 0.0
    var curveY = 0.0
  }

  /// What stands for the PSF where it does not fit: a Gaussian of half a pixel.
  static let smallKernel: Image<Double> = {
    let profile = (-2...2).map { exponential(-0.5 * Double($0 * $0) / 0.25) }
    let sum = profile.reduce(0, +)
    return Image(box: Box2I(minX: -2, minY: -2, width: 5, height: 5)) { x, y in
      profile[x + 2] * profile[y + 2] / (sum * sum)
    }
  }()
  static let smallSigma = adaptiveMoments(ofPSF: smallKernel).determinantRadius

  /// - Parameters:
  ///   - kernel: of sum 1, its centre at (0, 0).
  ///   - sigma: its determinant radius.
  /// - Returns: `nil` when kernel and neighbours, with one more bin on each side, do not fit into the image.
  init?(
    _ source: MeasurementImage, at pixel: Point2I, _ kernel: Image<Double>, _ sigma: Double, binX: Int, binY: Int
  ) {
    let (width, height) = (kernel.width + 4, kernel.height + 4)
    let box = Box2I(
      minX: pixel.x - binX * (2 + kernel.width / 2), minY: pixel.y - binY * (2 + kernel.height / 2),
      width: binX * width, height: binY * height)
    guard source.box.contains(box) else { return nil }
    let binned = Self.bin(source, box, width: width, height: height, binX: binX, binY: binY)
    for v in 0..<kernel.height {
      let weights = kernel.row(kernel.box.minY + v)
      for b in 0..<3 {
        let start = (v + 1 + b) * width + 1
        for a in 0..<3 {
          var sum = 0.0
          for u in weights.indices { sum += weights[u] * binned.image[start + a + u] }
          image[3 * b + a] += sum
        }
      }
    }
    addNoise(kernel, binned.variance, width)
  }

  /// Slope and curvature are sums of pixels with weights of their own: differences of the kernel.
  private mutating func addNoise(_ kernel: Image<Double>, _ variance: [Double], _ width: Int) {
    let (columns, rows) = (kernel.width, kernel.height)
    // The kernel with two zeros on all sides.
    let stride = columns + 4
    var padded = [Double](repeating: 0, count: stride * (rows + 4))
    for v in 0..<rows {
      let weights = kernel.row(kernel.box.minY + v)
      for u in weights.indices { padded[(v + 2) * stride + 2 + u] = weights[u] }
    }
    for v in 1..<rows + 3 {
      for u in 1..<columns + 3 {
        let i = v * stride + u
        let value = variance[v * width + u]
        let (left, right, down, up) = (padded[i - 1], padded[i + 1], padded[i - stride], padded[i + stride])
        let center = 2 * padded[i]
        let (slopeX, slopeY) = (0.5 * (left - right), 0.5 * (down - up))
        let (curveX, curveY) = (center - left - right, center - down - up)
        noise.slopeX += slopeX * slopeX * value
        noise.slopeY += slopeY * slopeY * value
        noise.curveX += curveX * curveX * value
        noise.curveY += curveY * curveY * value
      }
    }
  }

  /// The means of bins, and the variances of these means.
  private static func bin(
    _ source: MeasurementImage, _ box: Box2I, width: Int, height: Int, binX: Int, binY: Int
  ) -> (image: [Double], variance: [Double]) {
    var image = [Double](repeating: 0, count: width * height)
    var variance = image
    let area = Double(binX * binY)
    let offset = box.minX - source.box.minX
    let (sourceImage, sourceVariance) = (source.image, source.variance)
    for j in 0..<height {
      for y in box.minY + j * binY..<box.minY + (j + 1) * binY {
        let pixels = sourceImage.row(y)
        let variances = sourceVariance.row(y)
        for i in 0..<width {
          let target = j * width + i
          for k in offset + i * binX..<offset + (i + 1) * binX {
            image[target] += Double(pixels[k]) / area
            variance[target] += Double(variances[k]) / (area * area)
          }
        }
      }
    }
    return (image, variance)
  }
}
