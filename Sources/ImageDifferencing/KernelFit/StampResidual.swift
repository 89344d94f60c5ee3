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
  /// - Parameter isBad: pixels to leave out; none when empty.
  package init(_ difference: [Double], variance: [Double], isBad: [Bool] = []) {
    var values: [Double] = []
    values.reserveCapacity(difference.count)
    for i in difference.indices where variance[i] > 0 && variance[i].isFinite && (isBad.isEmpty || !isBad[i]) {
      values.append(difference[i] / variance[i].squareRoot())
    }
    let number = Double(values.count)
    var sum = 0.0
    for value in values { sum += value }
    let mean = sum / number
    var square = 0.0
    for value in values { square += (value - mean) * (value - mean) }
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
  /// Science − background − kernel ⋆ template in float64, and its variance V_S + K² ⋆ V_T.
  ///
  /// Both sums are done anew for each kernel. (Combining convolved functions in float32 instead would subtract large numbers, as coefficients of
  /// functions that are far from orthogonal are; and no bound replaces the sum over a varying variance.)
  ///
  /// - Parameters:
  ///   - kernel: with its centre at (0, 0).
  ///   - matched: kernel ⋆ template, when it is known already.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for a stamp smaller than the kernel.
  package func difference(
    _ kernel: Image<Double>, background: Double, matched: [Double]? = nil
  ) throws(ImagingError) -> StampDifference {
    let (noise, box) = try innerVariance(template.variance, with: kernel)
    var values = matched ?? []
    if values.count != noise.count { values = try innerConvolution(template.image, with: kernel).values }
    var variance = noise.map { Double($0) }
    for y in 0..<box.height {
      let own = science.image.row(box.minY + y)
      let ownNoise = science.variance.row(box.minY + y)
      let start = box.minX - science.box.minX
      for x in 0..<box.width {
        let i = y * box.width + x
        values[i] = Double(own[start + x]) - background - values[i]
        variance[i] += Double(ownNoise[start + x])
      }
    }
    return StampDifference(box: box, values: values, variance: variance)
  }

  /// What is left of the star after subtracting a template that was convolved with a kernel.
  ///
  /// - Parameters:
  ///   - kernel: with its centre at (0, 0).
  ///   - bad: pixels with any of these bits are left out; of the template they spread as far as the kernel reaches.
  ///   - coreRadius: looks at a square of this half side about the middle of the stamp alone.
  ///   - matched: kernel ⋆ template, when it is known already.
  ///   - ignored: pixels of the difference that do not count, row by row; none when empty.
  /// - Returns: NaN when no pixel counts.
  /// - Throws: ``Imaging/ImagingError``.
  package func residual(
    _ kernel: Image<Double>, background: Double, bad: UInt32, coreRadius: Int? = nil, matched: [Double]? = nil,
    ignoring ignored: [Bool] = []
  ) throws(ImagingError) -> StampResidual {
    let difference = try difference(kernel, background: background, matched: matched)
    var isBad = badPixels(kernel, over: difference.box, bad)
    if ignored.count == isBad.count { for i in isBad.indices where ignored[i] { isBad[i] = true } }
    if let part = coreRadius.map(core) {
      let width = difference.box.width
      for i in isBad.indices
      where !part.contains(x: difference.box.minX + i % width, y: difference.box.minY + i / width) {
        isBad[i] = true
      }
    }
    return StampResidual(difference.values, variance: difference.variance, isBad: isBad)
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
