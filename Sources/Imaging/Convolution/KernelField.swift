// SPDX-License-Identifier: GPL-3.0-or-later
// A varying kernel, prepared for convolution in short pieces of rows.

internal import SkyGeometry

/// A kernel, or its square, over the pixels to be computed, as a short Chebyshev series along each piece of a row.
///
/// A piece is ``PlaneConvolution/pieceWidth`` pixels. Along it K(x) ≈ Σ Tₜ(ξ) Cₜ with ξ from −1 to 1; from one row to another the
/// Cₜ change linearly within ``rowStep`` rows. The number of terms and the step are the cheapest that keep to the tolerance,
/// which is checked at positions all over the region.
struct KernelField {
  let kernel: Kernel
  let power: Int
  let isNormalized: Bool
  let region: Box2I
  /// Terms of the series; 1 for a kernel that does not vary.
  private(set) var termCount = 1
  /// Rows over which the series is interpolated.
  private(set) var rowStep: Int

  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel to normalise whose sum is zero somewhere.
  init(_ kernel: Kernel, power: Int, over region: Box2I, _ control: ConvolutionControl) throws(ImagingError) {
    self.kernel = kernel
    self.power = power
    self.region = region
    isNormalized = control.doNormalize
    rowStep = max(1, region.height)
    if isNormalized {
      for position in probes {
        let sum = kernel.image(at: position).sum
        guard sum != 0, (1 / sum).isFinite else {
          throw .invalidParameter("the kernel cannot be normalised: its sum at (\(position.x), \(position.y)) is \(sum)")
        }
      }
    }
    guard kernel.isVarying else { return }
    let degree = isNormalized ? 12 : kernel.basis.order * power
    while termCount <= degree, seriesError > control.kernelTolerance / 2 { termCount += 1 }
    rowStep = 64
    while rowStep > 1, chordError > control.kernelTolerance / 2 { rowStep /= 2 }
  }

  /// The kernel at a position, as the convolution uses it.
  func image(at position: Point2D) -> [Double] {
    var pixels = kernel.image(at: position).pixels
    if isNormalized {
      let sum = pixels.reduce(0, +)
      for i in pixels.indices { pixels[i] /= sum }
    }
    if power == 2 { for i in pixels.indices { pixels[i] *= pixels[i] } }
    return pixels
  }

  /// The coefficients Cₜ of the piece whose middle is at column `middle`, in a row: one image of the kernel's size a term.
  func series(middle: Double, row: Double) -> [[Double]] {
    guard termCount > 1 else { return [image(at: Point2D(x: middle, y: row))] }
    let n = termCount
    let nodes = (0..<n).map { cosine(Double($0) + 0.5, n) }
    let samples = nodes.map { image(at: Point2D(x: middle + $0 * Self.halfWidth, y: row)) }
    return (0..<n).map { t in
      var sum = [Double](repeating: 0, count: samples[0].count)
      for (k, sample) in samples.enumerated() {
        let weight = (t == 0 ? 1 : 2) / Double(n) * cosine(Double(t) * (Double(k) + 0.5), n)
        sample.withUnsafeBufferPointer { sample in for i in sum.indices { sum[i] += weight * sample[i] } }
      }
      return sum
    }
  }

  /// From a piece's middle to the centre of its outermost pixels.
  private static let halfWidth = Double(PlaneConvolution.pieceWidth - 1) / 2

  /// Tₜ at each pixel of a piece.
  static func chebyshevValues(term: Int) -> [Float] {
    (0..<PlaneConvolution.pieceWidth).map { i in
      let xi = (Double(i) - halfWidth) / halfWidth
      var (previous, current) = (1.0, xi)
      if term == 0 { return 1 }
      for _ in 1..<max(1, term) { (previous, current) = (current, 2 * xi * current - previous) }
      return Float(current)
    }
  }

  /// Positions all over the region.
  private var probes: [Point2D] {
    let last = (x: Double(region.width - 1), y: Double(region.height - 1))
    return (0..<5).flatMap { j in
      (0..<5).map { i in
        Point2D(
          x: Double(region.minX) + last.x * Double(i) / 4, y: Double(region.minY) + last.y * Double(j) / 4)
      }
    }
  }

  /// The largest error of the series along a piece, as a part of the kernel's absolute sum.
  private var seriesError: Double {
    probes.map { position in
      let series = series(middle: position.x, row: position.y)
      return [-1, -0.5, 0, 0.5, 1].map { xi -> Double in
        let exact = image(at: Point2D(x: position.x + xi * Self.halfWidth, y: position.y))
        var (previous, current) = (1.0, xi)
        var sum = series[0]
        for term in series.dropFirst() {
          for i in sum.indices { sum[i] += current * term[i] }
          (previous, current) = (current, 2 * xi * current - previous)
        }
        return relativeDistance(sum, exact)
      }.max() ?? 0
    }.max() ?? 0
  }

  /// The largest error of the interpolation between rows, as a part of the kernel's absolute sum.
  private var chordError: Double {
    probes.map { position in
      let half = Double(rowStep) / 2
      let low = image(at: Point2D(x: position.x, y: position.y - half))
      let high = image(at: Point2D(x: position.x, y: position.y + half))
      return relativeDistance(zip(low, high).map { ($0 + $1) / 2 }, image(at: position))
    }.max() ?? 0
  }

  private func relativeDistance(_ a: [Double], _ exact: [Double]) -> Double {
    let distance = zip(a, exact).reduce(0) { $0 + abs($1.0 - $1.1) }
    let size = exact.reduce(0) { $0 + abs($1) }
    return size > 0 ? distance / size : 0
  }

  private func cosine(_ numerator: Double, _ n: Int) -> Double { cos(Angle(radians: .pi * numerator / Double(n))) }
}
