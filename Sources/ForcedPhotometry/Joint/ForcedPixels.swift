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

  /// Which of eight variances pixels can have that count.
  @inline(__always)
  func haveWeights(_ variance: EightPixels) -> SIMD8<Int32> {
    weights == .uniform ? variance.areFinite : variance.arePositive
  }

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
      let value = m.numbers(at: i)
      let (weight, noiseWeight) = weight(v.pixels(at: pixel))
      normal.addProduct(value * value, weight)
      noise.addProduct(value * value, noiseWeight)
      right.addProduct(value * weight, finite(d.pixels(at: pixel)))
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
      let product = own.numbers(at: a.index(x: x, y: y)) * other.numbers(at: b.index(x: x, y: y))
      let (weight, noiseWeight) = weight(v.pixels(at: index(x: x, y: y)))
      normal.addProduct(product, weight)
      noise.addProduct(product, noiseWeight)
    }
    return Products(normal: normal.sum(), noise: noise.sum())
  }

  /// Σ|m|(d − M)²/v over Σ|m|, of the pixels of a stamp whose variance is positive; NaN when there are none.
  ///
  /// - Parameters:
  ///   - others: the places of all stamps that share pixels with it: with it they make the model M.
  ///   - stamps: those that the places are of.
  ///   - fluxes: theirs.
  func reducedChi2(of place: Int, _ others: [Int], in stamps: [ForcedStamp], fluxes: [Double]) -> Double {
    let stamp = stamps[place]
    var model = [Double](repeating: 0, count: stamp.values.count)
    Self.add(stamp, times: fluxes[place], to: &model, of: stamp)
    for other in others { Self.add(stamps[other], times: fluxes[other], to: &model, of: stamp) }
    var (sum, total) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    let (m, light) = (stamp.values.span.bytes, model.span.bytes)
    let (d, v) = (planes.image.pixels.span.bytes, planes.variance.pixels.span.bytes)
    forEachEight(of: stamp.box) { x, y in
      let (i, pixel) = (stamp.index(x: x, y: y), index(x: x, y: y))
      let value = m.numbers(at: i)
      let variance = v.pixels(at: pixel)
      let counts = variance.arePositive
      let weight = value.magnitudes * EightPixels.ones(where: counts)
      let residual = finite(d.pixels(at: pixel)) - light.numbers(at: i)
      sum.addProduct(weight * residual, residual / variance.valuesOrOne(where: counts))
      total += weight
    }
    return sum.sum() / total.sum()
  }

  /// Adds the light of a source to the pixels of another stamp.
  private static func add(
    _ source: ForcedStamp, times flux: Double, to model: inout [Double], of stamp: ForcedStamp
  ) {
    let values = source.values.span.bytes
    var numbers = model.mutableSpan
    var target = numbers.mutableBytes
    let box = stamp.box.intersection(source.box)
    var y = box.minY
    while y < box.endY {
      var (from, to) = (source.index(x: box.minX, y: y), stamp.index(x: box.minX, y: y))
      let end = to + box.width
      while to < end {
        target.add(values.numbers(at: from) * flux, at: to)
        from += 8
        to += 8
      }
      y += 1
    }
  }

  /// Where a pixel is in the planes.
  func index(x: Int, y: Int) -> Int { (y - box.minY) * box.width + x - box.minX }

  /// w and w²v; both finite whatever the variance, where the stamps are zero.
  @inline(__always)
  private func weight(_ variance: EightPixels) -> (SIMD8<Double>, SIMD8<Double>) {
    guard weights == .inverseVariance else {
      return (SIMD8(repeating: 1), variance.values(where: variance.areFinite))
    }
    let inverse = 1 / variance.valuesOrOne(where: variance.arePositive)
    return (inverse, inverse)
  }

  @inline(__always)
  private func finite(_ pixels: EightPixels) -> SIMD8<Double> { pixels.values(where: pixels.areFinite) }

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
