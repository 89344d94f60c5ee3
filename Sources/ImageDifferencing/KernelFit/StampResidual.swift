// SPDX-License-Identifier: GPL-3.0-or-later
// What a kernel leaves of a star.

package import Imaging
internal import SkyGeometry

/// What a kernel and a background leave of a star, in standard deviations of its pixels (differencing A7.6).
package struct StampResidual: Hashable, Sendable {
  package let mean: Double
  /// Unbiased standard deviation; its square stands for χ² a pixel.
  package let rms: Double
  package let count: Int
}

extension KernelCandidate {
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
    let matched = try convolve(template, with: try Kernel(kernel))
    let half = kernel.width / 2
    var part = template.box.grown(by: -half)
    if let coreRadius {
      let middle = Point2I(
        x: template.box.minX + template.box.width / 2, y: template.box.minY + template.box.height / 2)
      part = part.intersection(
        Box2I(
          minX: middle.x - coreRadius, minY: middle.y - coreRadius, width: 2 * coreRadius + 1,
          height: 2 * coreRadius + 1))
    }
    let (own, other) = (science.cropped(to: part), matched.cropped(to: part))
    var values: [Double] = []
    for i in own.image.pixels.indices {
      let variance = Double(own.variance.pixels[i] + other.variance.pixels[i])
      let difference = Double(own.image.pixels[i] - other.image.pixels[i]) - background
      guard (own.mask.bits.pixels[i] | other.mask.bits.pixels[i]) & bad == 0, variance > 0, variance.isFinite else {
        continue
      }
      values.append(difference / variance.squareRoot())
    }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return StampResidual(mean: mean, rms: (square / (count - 1)).squareRoot(), count: values.count)
  }
}
