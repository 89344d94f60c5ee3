// SPDX-License-Identifier: GPL-3.0-or-later
// A varying kernel, prepared for convolution in short pieces of rows.

internal import SkyGeometry

/// A kernel, or its square, over the pixels to be computed, as a short Chebyshev series along each piece of a row.
///
/// A piece is ``PlaneConvolution/pieceWidth`` pixels. Along it K(x) ≈ Σ Tₜ(ξ) Cₜ with ξ from −1 to 1; from one row to another the
/// Cₜ change linearly within ``rowStep`` rows. Terms beyond the first are small and need not reach as far as the kernel: their
/// ``supports`` are trimmed. Number of terms, step and supports are the cheapest that keep to a tolerance, which is checked at
/// positions all over the region.
struct KernelField {
  let kernel: Kernel
  let power: Int
  let isNormalized: Bool
  let region: Box2I
  /// Terms of the series; 1 for a kernel that does not vary along a piece.
  private(set) var termCount = 1
  /// Rows over which the series is interpolated.
  private(set) var rowStep: Int
  /// Which pixels of each term are used.
  private(set) var supports: [KernelSupport]

  /// - Parameters:
  ///   - power: 1 for the kernel, 2 for its square.
  ///   - isTrimmed: whether the first term's support may be trimmed as well.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel to normalise whose sum is zero somewhere.
  init(
    _ kernel: Kernel, power: Int, over region: Box2I, _ control: ConvolutionControl, isTrimmed: Bool = false
  ) throws(ImagingError) {
    self.kernel = kernel
    self.power = power
    self.region = region
    isNormalized = control.doNormalize
    rowStep = max(1, region.height)
    supports = [KernelSupport(width: kernel.width, height: kernel.height)]
    if isNormalized {
      for position in probes {
        let sum = kernel.image(at: position).sum
        guard sum != 0, (1 / sum).isFinite else {
          throw .invalidParameter(
            "the kernel cannot be normalised: its sum at (\(position.x), \(position.y)) is \(sum)")
        }
      }
    }
    try control.validate()
    let tolerance = power == 2 ? control.varianceTolerance : control.kernelTolerance
    if kernel.isVarying {
      let degree = isNormalized ? 12 : kernel.basis.order * power
      while termCount <= degree, seriesError > tolerance / 2 { termCount += 1 }
      rowStep = 64
      while rowStep > 1, chordError > tolerance / 4 { rowStep /= 2 }
    }
    trimSupports(budget: tolerance / 4 / Double(termCount), isFirstTrimmed: isTrimmed)
  }

  /// The kernel at a position, as the convolution uses it.
  func image(at position: Point2D) -> [Double] {
    var pixels = [Double](repeating: 0, count: kernel.width * kernel.height)
    pixels.withUnsafeMutableBufferPointer { evaluate(at: position, into: $0) }
    return pixels
  }

  private func evaluate(at position: Point2D, into pixels: UnsafeMutableBufferPointer<Double>) {
    for (index, term) in kernel.basis.terms(at: position).enumerated() {
      kernel.planes[index].pixels.withUnsafeBufferPointer { plane in
        if index == 0 {
          for i in pixels.indices { pixels[i] = term * plane[i] }
        } else {
          for i in pixels.indices { pixels[i] += term * plane[i] }
        }
      }
    }
    if isNormalized {
      let sum = pixels.reduce(0, +)
      for i in pixels.indices { pixels[i] /= sum }
    }
    if power == 2 { for i in pixels.indices { pixels[i] *= pixels[i] } }
  }

  /// The coefficients Cₜ of the piece whose middle is at column `middle`, in a row, written one image after the other.
  func evaluateSeries(middle: Double, row: Double, into series: inout [Double]) {
    let n = termCount
    let size = kernel.width * kernel.height
    series.withUnsafeMutableBufferPointer { series in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: size) { sample in
        series.update(repeating: 0)
        for k in 0..<n {
          let node = cosine(Double(k) + 0.5, n)
          evaluate(at: Point2D(x: middle + node * Self.halfWidth, y: row), into: sample)
          for t in 0..<n {
            let weight = (t == 0 ? 1 : 2) / Double(n) * cosine(Double(t) * (Double(k) + 0.5), n)
            let target = UnsafeMutableBufferPointer(rebasing: series[t * size..<(t + 1) * size])
            for i in target.indices { target[i] += weight * sample[i] }
          }
        }
      }
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

  /// The series at each probe.
  private var probedSeries: [[Double]] {
    probes.map { position in
      var series = [Double](repeating: 0, count: termCount * kernel.width * kernel.height)
      evaluateSeries(middle: position.x, row: position.y, into: &series)
      return series
    }
  }

  /// The largest error of the series along a piece, as a part of the kernel's absolute sum.
  private var seriesError: Double {
    let size = kernel.width * kernel.height
    return zip(probes, probedSeries).map { position, series in
      [-1, -0.5, 0, 0.5, 1].map { xi -> Double in
        let exact = image(at: Point2D(x: position.x + xi * Self.halfWidth, y: position.y))
        var (previous, current) = (1.0, xi)
        var sum = Array(series[0..<size])
        for term in 1..<max(1, termCount) {
          for i in sum.indices { sum[i] += current * series[term * size + i] }
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

  /// Trims each term's support by what the budget, a part of the kernel's absolute sum, allows.
  private mutating func trimSupports(budget: Double, isFirstTrimmed: Bool) {
    let size = kernel.width * kernel.height
    var largest = [Double](repeating: 0, count: termCount * size)
    for (position, series) in zip(probes, probedSeries) {
      let sum = image(at: position).reduce(0) { $0 + abs($1) }
      for i in largest.indices { largest[i] = max(largest[i], sum > 0 ? abs(series[i]) / sum : 0) }
    }
    supports = (0..<termCount).map { term in
      let full = KernelSupport(width: kernel.width, height: kernel.height)
      guard term > 0 || isFirstTrimmed else { return full }
      return full.trimmed(of: Array(largest[term * size..<(term + 1) * size]), width: kernel.width, budget: budget)
    }
  }

  private func cosine(_ numerator: Double, _ n: Int) -> Double { cos(Angle(radians: .pi * numerator / Double(n))) }
}
