// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of pixels under stamps that overlap.

internal import Imaging
internal import SkyGeometry

/// The pixels that fluxes are solved for on, and what each counts.
struct ForcedPixels {
  let planes: MaskedImage
  /// Bits of masked pixels that do not count.
  let excluded: UInt32
  private let weights: JointForcedConfig.Weights

  init(_ planes: MaskedImage, _ config: JointForcedConfig) {
    self.planes = planes
    excluded = planes.mask.planes.bitMask(ofExisting: config.badMaskPlanes)
    weights = config.weights
  }

  var box: Box2I { planes.box }
  /// Pixels count whose variance is above it, and finite.
  var leastVariance: Float { weights == .uniform ? -.infinity : 0 }

  /// Sums over the pixels of two stamps, with weights w.
  struct Products {
    /// Σwmᵢmⱼ.
    var normal: Double
    /// Σw²vmᵢmⱼ.
    var noise: Double
  }

  /// Sums over the pixels of one stamp.
  struct Sums {
    /// Σwm², Σw²vm².
    var square = Products(normal: 0, noise: 0)
    /// Σwmd.
    var right = 0.0
  }

  func sums(of stamp: ForcedStamp) -> Sums {
    var (normal, noise, right) = (SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero)
    let (m, d, v) = (
      stamp.values.span.bytes, planes.image.pixels.span.bytes, planes.variance.pixels.span.bytes
    )
    forEachEight(of: stamp.box) { x, y in
      let (i, pixel) = (stamp.index(x: x, y: y), index(x: x, y: y))
      let value = m.doubles(at: i)
      let (weight, noiseWeight) = weight(v.floats(at: pixel))
      normal.addProduct(value * value, weight)
      noise.addProduct(value * value, noiseWeight)
      right.addProduct(value * weight, d.floats(at: pixel).finiteOrZero)
    }
    return Sums(square: Products(normal: normal.sum(), noise: noise.sum()), right: right.sum())
  }

  /// The sums of two stamps; both 0 when they share no pixel that counts.
  func products(of a: ForcedStamp, _ b: ForcedStamp) -> Products {
    var (normal, noise) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    let (own, other, v) = (
      a.values.span.bytes, b.values.span.bytes, planes.variance.pixels.span.bytes
    )
    forEachEight(of: a.box.intersection(b.box)) { x, y in
      let product = own.doubles(at: a.index(x: x, y: y)) * other.doubles(at: b.index(x: x, y: y))
      let (weight, noiseWeight) = weight(v.floats(at: index(x: x, y: y)))
      normal.addProduct(product, weight)
      noise.addProduct(product, noiseWeight)
    }
    return Products(normal: normal.sum(), noise: noise.sum())
  }

  /// Σ|m|(d − M)²/v over Σ|m|, of the pixels of a stamp whose variance is positive; NaN when there are none.
  ///
  /// - Parameters:
  ///   - flux: of the stamp.
  ///   - others: all stamps that share pixels with it, and their fluxes: with its own they make the model M.
  func reducedChi2(
    of stamp: ForcedStamp, flux: Double, others: [(stamp: ForcedStamp, flux: Double)]
  ) -> Double {
    let (m, d, v) = (
      stamp.values.span.bytes, planes.image.pixels.span.bytes, planes.variance.pixels.span.bytes
    )
    var (sum, total) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    forEachEight(of: stamp.box) { x, y in
      let (i, pixel) = (stamp.index(x: x, y: y), index(x: x, y: y))
      let value = m.doubles(at: i)
      let variance = v.floats(at: pixel)
      let counts = (variance .> 0) .& (variance .< .infinity)
      var weight = value
      weight.replace(with: -value, where: value .< 0)
      weight.replace(with: 0, where: .!counts)
      var residual = d.floats(at: pixel).finiteOrZero - value * flux
      for (other, flux) in others where other.hasColumns(x, y) {
        residual.addProduct(
          SIMD8(repeating: -flux), other.values.span.bytes.doubles(at: other.index(x: x, y: y)))
      }
      sum.addProduct(weight * residual, residual / variance.replacing(with: 1, where: .!counts))
      total += weight
    }
    return sum.sum() / total.sum()
  }

  private func index(x: Int, y: Int) -> Int { (y - box.minY) * box.width + x - box.minX }

  /// w and w²v; both finite whatever the variance, where the stamps are zero.
  @inline(__always)
  private func weight(_ variance: SIMD8<Double>) -> (SIMD8<Double>, SIMD8<Double>) {
    switch weights {
    case .uniform: return (SIMD8(repeating: 1), variance.finiteOrZero)
    case .inverseVariance:
      let inverse =
        1 / variance.replacing(with: 1, where: .!((variance .> 0) .& (variance .< .infinity)))
      return (inverse, inverse)
    }
  }

  /// The first of every eight columns of a box, row by row; the last eight of a row may reach beyond the box.
  @inline(__always)
  private func forEachEight(of box: Box2I, _ body: (_ x: Int, _ y: Int) -> Void) {
    var y = box.minY
    while y < box.endY {
      var x = box.minX
      while x < box.endX {
        body(x, y)
        x += 8
      }
      y += 1
    }
  }
}

extension SIMD8<Double> {
  @inline(__always)
  fileprivate var finiteOrZero: Self {
    replacing(with: 0, where: .!((self .> -.infinity) .& (self .< .infinity)))
  }
}

// Loads of a raw span are checked; their name warns of types that not all bytes are values of, which numbers are not.

extension RawSpan {
  /// Eight numbers from the i-th on.
  @inline(__always)
  fileprivate func doubles(at i: Int) -> SIMD8<Double> {
    unsafeLoadUnaligned(fromByteOffset: 8 * i, as: SIMD8<Double>.self)
  }

  /// Eight numbers from the i-th on, 0 behind the last.
  @inline(__always)
  fileprivate func floats(at i: Int) -> SIMD8<Double> {
    if 4 * i + 32 <= byteCount {
      return SIMD8(unsafeLoadUnaligned(fromByteOffset: 4 * i, as: SIMD8<Float>.self))
    }
    var result = SIMD8<Double>.zero
    for k in 0..<8 where 4 * (i + k) + 4 <= byteCount {
      result[k] = Double(unsafeLoadUnaligned(fromByteOffset: 4 * (i + k), as: Float.self))
    }
    return result
  }
}
