// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of pixels under a stamp.

internal import SkyGeometry

/// What the fit of one stamp's amplitude to the pixels under it needs (detection-measurement B.4).
///
/// The cost is a pass over the pixels that both have. Rows are summed in an order of their own, eight columns at a time, that depends on
/// nothing but their width.
package struct StampSums: Sendable {
  package private(set) var pixelCount = 0
  /// Σm.
  package private(set) var model = 0.0
  /// Σm².
  package private(set) var squares = 0.0
  /// Σmd.
  package private(set) var products = 0.0
  /// Σm²v.
  package private(set) var variances = 0.0
  private let stamp: Image<Double>
  private let pixels: MaskedImage
  private let excluded: UInt32

  /// - Parameters:
  ///   - stamp: m, in the coordinates of the pixels; what of it lies beyond them does not count.
  ///   - pixels: d and v.
  ///   - excluded: bits of masked pixels that do not count.
  package init(of stamp: Image<Double>, on pixels: MaskedImage, leavingOut excluded: UInt32 = 0) {
    self.stamp = stamp
    self.pixels = pixels
    self.excluded = excluded
    var sums = (model: Lanes(), squares: Lanes(), products: Lanes(), variances: Lanes())
    var count = 0
    forEachRow { m, d, v, bits, width in
      var i = 0
      if bits == nil {
        while i + 8 <= width {
          let weight = UnsafeRawPointer(m + i).loadUnaligned(as: SIMD8<Double>.self)
          let value = SIMD8<Double>(UnsafeRawPointer(d + i).loadUnaligned(as: SIMD8<Float>.self))
          let variance = SIMD8<Double>(UnsafeRawPointer(v + i).loadUnaligned(as: SIMD8<Float>.self))
          sums.model.vector += weight
          sums.squares.vector.addProduct(weight, weight)
          sums.products.vector.addProduct(weight, value)
          sums.variances.vector.addProduct(weight * weight, variance)
          i += 8
        }
        count += i
      }
      while i < width {
        defer { i += 1 }
        if let bits, bits[i] & excluded != 0 { continue }
        let weight = m[i]
        sums.model.rest += weight
        sums.squares.rest += weight * weight
        sums.products.rest += weight * Double(d[i])
        sums.variances.rest += weight * weight * Double(v[i])
        count += 1
      }
    }
    pixelCount = count
    (model, squares) = (sums.model.total, sums.squares.total)
    (products, variances) = (sums.products.total, sums.variances.total)
  }

  /// Σ(d − am)²/v of the same pixels.
  package func chi2(amplitude: Double) -> Double {
    var sum = Lanes()
    forEachRow { m, d, v, bits, width in
      var i = 0
      if bits == nil {
        while i + 8 <= width {
          let weight = UnsafeRawPointer(m + i).loadUnaligned(as: SIMD8<Double>.self)
          let value = SIMD8<Double>(UnsafeRawPointer(d + i).loadUnaligned(as: SIMD8<Float>.self))
          let variance = SIMD8<Double>(UnsafeRawPointer(v + i).loadUnaligned(as: SIMD8<Float>.self))
          let rest = value - amplitude * weight
          sum.vector += rest * rest / variance
          i += 8
        }
      }
      while i < width {
        defer { i += 1 }
        if let bits, bits[i] & excluded != 0 { continue }
        let rest = Double(d[i]) - amplitude * m[i]
        sum.rest += rest * rest / Double(v[i])
      }
    }
    return sum.total
  }

  /// Eight sums side by side, and that of the columns which fill no eight.
  private struct Lanes {
    var vector = SIMD8<Double>.zero
    var rest = 0.0
    var total: Double { vector.sum() + rest }
  }

  /// The rows that stamp and pixels share: m, d, v, the mask where something is left out, and how many columns there are.
  private func forEachRow(
    _ body: (
      UnsafePointer<Double>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<UInt32>?, Int
    ) -> Void
  ) {
    let box = stamp.box.intersection(pixels.box)
    guard !box.isEmpty else { return }
    let (own, theirs) = (stamp.box, pixels.box)
    let start = (box.minY - own.minY) * own.width + box.minX - own.minX
    let offset = (box.minY - theirs.minY) * theirs.width + box.minX - theirs.minX
    stamp.withUnsafePixels { m in
      pixels.image.withUnsafePixels { d in
        pixels.variance.withUnsafePixels { v in
          pixels.mask.bits.withUnsafePixels { bits in
            for j in 0..<box.height {
              let shift = offset + j * theirs.width
              body(m + start + j * own.width, d + shift, v + shift, excluded == 0 ? nil : bits + shift, box.width)
            }
          }
        }
      }
    }
  }
}
