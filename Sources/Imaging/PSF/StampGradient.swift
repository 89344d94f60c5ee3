// SPDX-License-Identifier: GPL-3.0-or-later
// How the image of a star changes when the star moves.

package import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The image of a point source of flux 1, and its derivatives by the source's position.
package struct StampGradient: Sendable {
  /// The image that ``PSF/image(at:)`` gives, to rounding, in parent coordinates.
  package let value: Image<Double>
  /// Derivative by the x of the source, per pixel.
  package let alongX: Image<Double>
  /// Derivative by the y of the source, per pixel.
  package let alongY: Image<Double>

  /// The kernel image moved to a position by Lanczos-5, and what the derivatives of the Lanczos weights make of it.
  ///
  /// These are the derivatives of the interpolated image itself, to rounding, not an interpolation of the PSF's derivative. Across
  /// the borders of pixels value and derivatives are continuous, but for the flux that the shift moves out of the stamp.
  ///
  /// - Parameter kernel: as ``PSF/kernelImage(at:)`` gives it: odd sides, the source at pixel (0, 0). It is not looked up again
  ///   where the source moves to.
  /// - Returns: `nil` for a position that is not finite or where no image can be.
  package init?(_ kernel: Image<Double>, at position: Point2D) {
    guard let pixel = position.pixel else { return nil }
    let x = LanczosSlopes(shift: position.x - Double(pixel.x))
    let y = LanczosSlopes(shift: position.y - Double(pixel.y))
    let box = kernel.box.shifted(x: pixel.x, y: pixel.y)
    var (alongX, alongY) = (Image(box: box, fill: 0.0), Image(box: box, fill: 0.0))
    var value = alongX
    _ = value.withUnsafeMutablePixels { value in
      alongX.withUnsafeMutablePixels { alongX in
        alongY.withUnsafeMutablePixels { alongY in Self.resample(kernel, x, y, value, alongX, alongY) }
      }
    }
    (self.value, self.alongX, self.alongY) = (value, alongX, alongY)
  }

  package var box: Box2I { value.box }

  /// Moves an image along x, with weights and with slopes, then both along y.
  private static func resample(
    _ kernel: Image<Double>, _ x: LanczosSlopes, _ y: LanczosSlopes, _ value: UnsafeMutablePointer<Double>,
    _ alongX: UnsafeMutablePointer<Double>, _ alongY: UnsafeMutablePointer<Double>
  ) {
    let (width, height, reach) = (kernel.width, kernel.height, LanczosSlopes.reach)
    // Whole vectors in each row, and zeros on all sides.
    let columns = (width + 7) / 8 * 8
    let stride = columns + 2 * reach
    let size = (height + 2 * reach) * columns
    withUnsafeTemporaryAllocation(of: Double.self, capacity: stride + 2 * size + 3 * columns + 40) { scratch in
      scratch.initialize(repeating: 0)
      guard let line = scratch.baseAddress else { return }
      let moved = line + stride
      let slope = moved + size
      let rows = slope + size
      // In memory, from where each goes to all lanes at once.
      let weights = rows + 3 * columns
      for i in 0..<LanczosSlopes.count {
        (weights[i], weights[i + 10], weights[i + 20], weights[i + 30]) = (
          x.values[i], x.slopes[i], y.values[i], y.slopes[i]
        )
      }
      _ = kernel.withUnsafePixels { source in
        for v in 0..<height {
          (line + reach).update(from: source + v * width, count: width)
          let row = (v + reach) * columns
          for u in Swift.stride(from: 0, to: columns, by: 8) {
            var (a, b) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
            for i in 0..<LanczosSlopes.count {
              let values = load(line + reach + x.first + u + i)
              a.addProduct(values, SIMD8(repeating: weights[i]))
              b.addProduct(values, SIMD8(repeating: weights[i + 10]))
            }
            store(a, moved + row + u)
            store(b, slope + row + u)
          }
        }
      }
      for v in 0..<height {
        let row = (v + reach + y.first) * columns
        for u in Swift.stride(from: 0, to: columns, by: 8) {
          var (a, b, c) = (SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero)
          for i in 0..<LanczosSlopes.count {
            let values = load(moved + row + i * columns + u)
            a.addProduct(values, SIMD8(repeating: weights[i + 20]))
            b.addProduct(load(slope + row + i * columns + u), SIMD8(repeating: weights[i + 20]))
            c.addProduct(values, SIMD8(repeating: weights[i + 30]))
          }
          store(a, rows + u)
          store(b, rows + columns + u)
          store(c, rows + 2 * columns + u)
        }
        (value + v * width).update(from: rows, count: width)
        (alongX + v * width).update(from: rows + columns, count: width)
        (alongY + v * width).update(from: rows + 2 * columns, count: width)
      }
    }
  }
}

@inline(__always)
private func load(_ pointer: UnsafePointer<Double>) -> SIMD8<Double> {
  UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Double>.self)
}

@inline(__always)
private func store(_ value: SIMD8<Double>, _ pointer: UnsafeMutablePointer<Double>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: SIMD8<Double>.self)
}

/// The weights of Lanczos-5 that move an image by part of a pixel, and their derivatives: out(p) = Σᵢ valuesᵢ in(p + first + i).
private struct LanczosSlopes {
  static let count = 10
  /// Pixels beyond an image that they reach.
  static let reach = 5
  var values = SIMD16<Double>.zero
  /// By the shift.
  var slopes = SIMD16<Double>.zero
  let first: Int

  /// - Parameter shift: more than −1 and less than 1.
  init(shift: Double) {
    precondition(abs(shift) < 1)
    let whole = shift < 0 ? -1 : 0
    first = -whole - 5
    let fraction = 1 - (shift - Double(whole))
    // The sine of π times all ten arguments is the same but for the sign.
    let (sine, cosine) = (sin(.pi * fraction), cos(.pi * fraction))
    for i in 0..<Self.count {
      let t = fraction - Double(i - 4)
      let sign = i % 2 == 0 ? 1.0 : -1
      let (inner, window) = (sinc(.pi * t, sign * sine, sign * cosine), sinc(.pi * t / 5))
      guard abs(t) < 5 else { continue }
      // At whole numbers rounding leaves 1e-16 of the sine.
      values[i] = t != 0 && t == t.rounded() ? 0 : inner.value * window.value
      slopes[i] = -.pi * (inner.slope * window.value + inner.value * window.slope / 5)
    }
    // Scaled to sum 1 for every shift.
    let (sum, slope) = (values.sum(), slopes.sum())
    values /= sum
    slopes = slopes / sum - values * (slope / sum)
  }
}

/// sin a / a and its derivative.
private func sinc(_ a: Double) -> (value: Double, slope: Double) { sinc(a, sin(a), cos(a)) }

private func sinc(_ a: Double, _ sine: Double, _ cosine: Double) -> (value: Double, slope: Double) {
  // Where the two terms of the derivative cancel, the series is exact to 1e-15.
  if abs(a) < 1e-2 {
    let square = a * a
    return (1 - square / 6 * (1 - square / 20), -a / 3 * (1 - square / 10 * (1 - square / 28)))
  }
  return (sine / a, (cosine - sine / a) / a)
}
