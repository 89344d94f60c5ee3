// SPDX-License-Identifier: GPL-3.0-or-later
// Three by three pixels of the smoothed image.

internal import Imaging
internal import SkyGeometry

/// The image smoothed by a kernel, at a pixel and its eight neighbours; bins in place of pixels for large sources.
struct SmoothedStamp {
  /// Row by row, the centre fifth.
  var image = [Double](repeating: 0, count: 9)
  /// As if the pixels had not been averaged: the bins' and the kernel's gain is undone.
  var variance = [Double](repeating: 0, count: 9)

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
    let gain = Double(binX * binY) * 4 * .pi * sigma * sigma
    for v in 0..<kernel.height {
      let weights = kernel.row(kernel.box.minY + v)
      for b in 0..<3 {
        let start = (v + 1 + b) * width + 1
        for a in 0..<3 {
          var (sum, sumOfVariance) = (0.0, 0.0)
          for u in weights.indices {
            let weight = weights[u]
            sum += weight * binned.image[start + a + u]
            sumOfVariance += weight * weight * binned.variance[start + a + u]
          }
          image[3 * b + a] += sum
          variance[3 * b + a] += sumOfVariance * gain
        }
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
