// SPDX-License-Identifier: GPL-3.0-or-later
// Pixels of a stamp that show something else than a star.

internal import Imaging
internal import SkyGeometry

extension KernelCandidate {
  /// How well a kernel is expected to match the light of a star at best: a bright one's core is no outlier for being 5 % off.
  private static var modelError: Double { 0.05 }
  /// Of a stamp, that may be left out; more is no matter of single pixels.
  private static var largestPart: Double { 0.2 }

  /// The pixels of the part that is fitted that a kernel leaves by far too much of: a transient, a variable neighbour, a cosmic ray; and those beside them (differencing D3.2).
  ///
  /// - Parameters:
  ///   - kernel: with its centre at (0, 0), of the other stars as well.
  ///   - sigmas: standard deviations that are too much.
  /// - Returns: row by row; `nil` where there are none, or too many.
  /// - Throws: ``Imaging/ImagingError``.
  func outliers(_ kernel: Image<Double>, background: Double, beyond sigmas: Double) throws(ImagingError) -> [Bool]? {
    let left = try difference(kernel, background: background)
    let light = science.image.cropped(to: left.box).pixels
    let found = left.values.indices.map { i -> Bool in
      let model = Self.modelError * max(0, Double(light[i]) - background)
      return left.values[i] * left.values[i] > sigmas * sigmas * (left.variance[i] + model * model)
    }
    guard found.contains(true) else { return nil }
    let (width, height) = (left.box.width, left.box.height)
    let grown = found.indices.map { i in
      let (x, y) = (i % width, i / width)
      return (max(0, y - 1)...min(height - 1, y + 1)).contains { v in
        (max(0, x - 1)...min(width - 1, x + 1)).contains { found[v * width + $0] }
      }
    }
    return Double(grown.count { $0 }) <= Self.largestPart * Double(grown.count) ? grown : nil
  }
}
