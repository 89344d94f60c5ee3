// SPDX-License-Identifier: GPL-3.0-or-later
// What a kernel leaves of a star.

package import Imaging
package import SkyGeometry

/// What a kernel and a background leave of a star, in standard deviations of its pixels (differencing A7.6).
package struct StampResidual: Hashable, Sendable {
  package let mean: Double
  /// Unbiased standard deviation; its square stands for χ² a pixel.
  package let rms: Double
  package let count: Int

  /// Statistics of the pixels that count: those whose variance is positive and finite.
  ///
  /// - Parameter isBad: pixels to leave out.
  package init(_ difference: [Double], variance: [Double], isBad: (Int) -> Bool = { _ in false }) {
    var values: [Double] = []
    values.reserveCapacity(difference.count)
    for (i, (pixel, variance)) in zip(difference, variance).enumerated()
    where variance > 0 && variance.isFinite && !isBad(i) {
      values.append(pixel / variance.squareRoot())
    }
    let number = Double(values.count)
    let mean = values.reduce(0, +) / number
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.mean = mean
    rms = (square / (number - 1)).squareRoot()
    count = values.count
  }
}

/// What is left of a star on the pixels that have the whole kernel within its stamp.
package struct StampDifference: Sendable {
  package let box: Box2I
  /// Row by row; their variances likewise.
  package let values: [Double]
  package let variance: [Double]
}

extension KernelCandidate {
  /// Science − background − kernel ⋆ template, and its variance V_S + K² ⋆ V_T, both exactly and in float64.
  ///
  /// Both sums are done anew for each kernel: combining convolved functions instead would subtract large numbers, as coefficients of functions
  /// that are far from orthogonal are, and no bound on the variance replaces the sum over a varying one.
  ///
  /// - Parameter kernel: with its centre at (0, 0).
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for a stamp smaller than the kernel.
  package func difference(_ kernel: Image<Double>, background: Double) throws(ImagingError) -> StampDifference {
    var (values, box) = try innerConvolution(template.image, with: kernel)
    var variance = try innerConvolution(template.variance, with: kernel.map { $0 * $0 }).values
    let (own, noise) = (science.image.cropped(to: box).pixels, science.variance.cropped(to: box).pixels)
    for i in values.indices {
      values[i] = Double(own[i]) - background - values[i]
      variance[i] += Double(noise[i])
    }
    return StampDifference(box: box, values: values, variance: variance)
  }

  /// What is left of the star after subtracting a template that was convolved with a kernel.
  ///
  /// - Parameters:
  ///   - kernel: with its centre at (0, 0).
  ///   - bad: pixels with any of these bits are left out; of the template they spread as far as the kernel reaches.
  ///   - coreRadius: looks at a square of this half side about the middle of the stamp alone.
  /// - Returns: NaN when no pixel counts.
  /// - Throws: ``Imaging/ImagingError``.
  package func residual(
    _ kernel: Image<Double>, background: Double, bad: UInt32, coreRadius: Int? = nil
  ) throws(ImagingError) -> StampResidual {
    let difference = try difference(kernel, background: background)
    let part = coreRadius.map(core) ?? difference.box
    let isBad = badPixels(kernel, over: difference.box, bad)
    let width = difference.box.width
    return StampResidual(difference.values, variance: difference.variance) { i in
      isBad[i] || !part.contains(x: difference.box.minX + i % width, y: difference.box.minY + i / width)
    }
  }

  /// The square about the middle of the stamp; a stamp of an even side has its middle at half of it.
  private func core(_ radius: Int) -> Box2I {
    let box = template.box
    return Box2I(
      minX: box.minX + box.width / 2 - radius, minY: box.minY + box.height / 2 - radius, width: 2 * radius + 1,
      height: 2 * radius + 1)
  }

  private func badPixels(_ kernel: Image<Double>, over box: Box2I, _ bad: UInt32) -> [Bool] {
    var isBad = science.mask.bits.cropped(to: box).pixels.map { $0 & bad != 0 }
    let half = kernel.width / 2
    for (i, bits) in template.mask.bits.pixels.enumerated() where bits & bad != 0 {
      // Where this pixel lies under a pixel of the kernel that is not zero.
      let (x, y) = (i % template.width - half, i / template.width - half)
      for v in 0..<kernel.height {
        for u in 0..<kernel.width where kernel.pixels[v * kernel.width + u] != 0 {
          let (column, row) = (x + half - u, y + half - v)
          guard (0..<box.width).contains(column), (0..<box.height).contains(row) else { continue }
          isBad[row * box.width + column] = true
        }
      }
    }
    return isBad
  }
}
