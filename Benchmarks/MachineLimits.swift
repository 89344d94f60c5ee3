// SPDX-License-Identifier: GPL-3.0-or-later
// What one core of this machine can do.

import Imaging

/// What one core of this machine can do: every stage says how far it is from this.
struct MachineLimits {
  let multiplyAdd: Measurement
  let copy: Measurement
  let fourier: Measurement

  init(fourierSide: Int) throws {
    multiplyAdd = Self.multiplyAddRate()
    copy = Self.memoryRate()
    fourier = try Self.fourierRate(side: fourierSide)
  }

  var all: [Measurement] { [multiplyAdd, copy, fourier] }

  /// Twelve independent running sums in registers: nothing but multiply-adds.
  private static func multiplyAddRate() -> Measurement {
    let rounds = 5_000_000
    var result = measure("float32 multiply-add, registers only") { keep(multiplyAddLoop(rounds)) }
    result.rate = Double(rounds) * 12 * 8 * 2 / result.fastest / 1e9
    result.unit = "GFLOP/s"
    return result
  }

  /// Copying a plane that fits no cache: read and write.
  private static func memoryRate() -> Measurement {
    let count = 64 << 20
    let source = [Float](repeating: 1, count: count)
    var target = [Float](repeating: 0, count: count)
    var result = measure("memory, copy 256 MiB") {
      source.withUnsafeBytes { source in target.withUnsafeMutableBytes { $0.copyMemory(from: source) } }
    }
    keep(target[count / 2])
    result.rate = 2 * 4 * Double(count) / result.seconds / 1e9
    result.unit = "GB/s"
    return result
  }

  private static func fourierRate(side: Int) throws -> Measurement {
    let transform = try RealFFT2D<Float>(width: side, height: side)
    let plane = try AlignedBuffer<Float>(count: side * side)
    let spectrum = try AlignedBuffer<Float>(count: transform.spectrumCount)
    for i in stride(from: 0, to: plane.count, by: 7) { plane[i] = Float(i % 97) }
    var result = measure("float32 real Fourier transform", side: side) { transform.forward(plane, into: spectrum) }
    let points = Double(side * side)
    // The usual count: 2.5 n log₂ n for real input.
    result.rate = 2.5 * points * Double(points.exponent) / result.seconds / 1e9
    result.unit = "GFLOP/s"
    return result
  }
}

@inline(never) private func multiplyAddLoop(_ rounds: Int) -> Float {
  typealias Lanes = SIMD8<Float>
  let (factor, term) = (Lanes(repeating: 0.999), Lanes(repeating: 1e-3))
  var (a, b, c, d, e, f) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  var (g, h, i, j, k, l) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  for _ in 0..<rounds {
    a = term.addingProduct(a, factor)
    b = term.addingProduct(b, factor)
    c = term.addingProduct(c, factor)
    d = term.addingProduct(d, factor)
    e = term.addingProduct(e, factor)
    f = term.addingProduct(f, factor)
    g = term.addingProduct(g, factor)
    h = term.addingProduct(h, factor)
    i = term.addingProduct(i, factor)
    j = term.addingProduct(j, factor)
    k = term.addingProduct(k, factor)
    l = term.addingProduct(l, factor)
  }
  let first = a + b + c + d + e + f
  let second = g + h + i + j + k + l
  return (first + second).sum()
}
