// SPDX-License-Identifier: GPL-3.0-or-later
// The brightness across a streak.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A streak about a line that it nearly follows: how far it is from it, how it turns away, and how wide it is.
struct StreakModel {
  /// Distance from the line where that is nearest to the image's centre, px.
  var offset = 0.0
  /// Change of the distance a pixel along the line.
  var slope = 0.0
  /// Logarithm of the profile's scale in pixels.
  var logScale: Double

  /// One part of a streak: its own height and background.
  struct Part {
    var height = 0.0
    var heightError = Double.infinity
    var background = 0.0
    var chi2 = 0.0
    var cellCount = 0
  }

  /// Normal equations of offset, slope and logarithm of the scale, and what they are of.
  struct Equations {
    var matrix = [Double](repeating: 0, count: 9)
    var right = [Double](repeating: 0, count: 3)
    var chi2 = 0.0
    var parts: [Part] = []
  }

  var scale: Double { exp(logScale) }

  /// A Moffat function with β = 2.5 that is 1 in the middle, and its derivative by the square of the distance in units of its scale.
  @inline(__always)
  private static func profile(_ square: Double) -> (value: Double, derivative: Double) {
    let q = 1 + square
    let value = 1 / (q * q * q.squareRoot())
    return (value, -2.5 * value / q)
  }

  /// The model beside the cells, with the height and the background of each part that fit best.
  ///
  /// Heights and backgrounds enter linearly, so the other three are fitted with them at their best (Golub and Pereyra 1973; the derivatives
  /// less what a change of height or background makes up for).
  func equations(_ cells: StreakCells) -> Equations {
    var result = Equations()
    let scale = scale
    for part in cells.parts {
      // Weighted sums of 1, f, f², v, f v.
      var (s, f, ff, v, fv, vv) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
      var terms: [(f: Double, gradient: SIMD3<Double>)] = []
      for cell in part {
        let t = (cell.distance - offset - slope * cell.place) / scale
        let (value, derivative) = Self.profile(t * t)
        let g = 2 * t * derivative
        terms.append((value, SIMD3(-g / scale, -g * cell.place / scale, -g * t)))
        s += cell.weight
        f += cell.weight * value
        ff += cell.weight * value * value
        v += cell.weight * cell.value
        fv += cell.weight * value * cell.value
        vv += cell.weight * cell.value * cell.value
      }
      let determinant = s * ff - f * f
      guard determinant > 1e-12 * s * ff else {
        result.parts.append(Part())
        continue
      }
      var own = Part(
        height: (s * fv - f * v) / determinant, heightError: (s / determinant).squareRoot(),
        background: (ff * v - f * fv) / determinant, cellCount: part.count)
      // Derivatives of the model, less their projection on f and 1.
      var (gradientSum, gradientF) = (SIMD3<Double>.zero, SIMD3<Double>.zero)
      for (cell, term) in zip(part, terms) {
        let weighted = term.gradient * (own.height * cell.weight)
        gradientSum += weighted
        gradientF += weighted * term.f
      }
      let alongF = (gradientF * s - gradientSum * f) / determinant
      let alongOne = (gradientSum * ff - gradientF * f) / determinant
      for (cell, term) in zip(part, terms) {
        let residual = cell.value - own.height * term.f - own.background
        let g = term.gradient * own.height - alongF * term.f - alongOne
        own.chi2 += cell.weight * residual * residual
        for i in 0..<3 {
          result.right[i] += cell.weight * g[i] * residual
          for j in 0..<3 { result.matrix[3 * i + j] += cell.weight * g[i] * g[j] }
        }
      }
      result.chi2 += own.chi2
      result.parts.append(own)
    }
    return result
  }

  /// The line that the model is about.
  func line(about line: ImageLine) -> ImageLine {
    let turn = atan(slope)
    return ImageLine(rho: (line.rho + offset) / (1 + slope * slope).squareRoot(), theta: line.theta - turn)
  }
}
