// SPDX-License-Identifier: GPL-3.0-or-later
// The light of a trail.

internal import SkyGeometry

/// A trail as a line of light of one count, convolved with a Gaussian (detection-measurement B.10.6).
///
/// In units of σ, with u along the trail and v across: [Φ(u + h) − Φ(u − h)] exp(−v²/2) times ``norm``, where h is half the length and
/// Φ(t) = erf(t/√2). Six σ away from the trail it is zero.
struct TrailModel {
  static let reach = 6.0
  /// √(2/π): the slope of Φ, as a multiple of the Gaussian.
  static let slope = (2 / Double.pi).squareRoot()

  let center: Point2D
  let length: Double
  let sigma: Double
  /// Along the trail.
  let direction: SIMD2<Double>
  let norm: Double
  private let profile: TrailProfile

  init(_ trail: Trail, sigma: Double) {
    (center, length, self.sigma, direction) = (trail.center, trail.length, sigma, trail.direction)
    norm = 1 / (2 * trail.length * (2 * Double.pi).squareRoot() * sigma)
    profile = TrailProfile(halfLength: 0.5 * trail.length / sigma)
  }

  /// Φ(u + h) − Φ(u − h), then difference and sum of the Gaussians at u + h and u − h.
  @inline(__always)
  func along(_ u: Double) -> SIMD4<Double> { profile(u) }

  /// The columns of a row, from the centre, that are near enough to matter; `nil` for none.
  func columns(dy: Double) -> ClosedRange<Double>? {
    let (c, s) = (direction.x, direction.y)
    let across = Self.reach * sigma
    var (low, high) = (-Double.infinity, Double.infinity)
    // |c dx + s dy| and |−s dx + c dy| stay within their reach.
    for (factor, offset, reach) in [(c, s * dy, across + 0.5 * length), (-s, c * dy, across)] {
      guard abs(factor) > 1e-9 else {
        if abs(offset) > reach { return nil }
        continue
      }
      let (a, b) = ((-reach - offset) / factor, (reach - offset) / factor)
      low = max(low, min(a, b))
      high = min(high, max(a, b))
    }
    return low <= high ? low...high : nil
  }
}

/// What a trail's light is like along it, by interpolation: the library's erf takes as long as a whole pixel may.
///
/// Polynomials of degree 5 over quarters of σ, from values and two derivatives at both ends: to 5·10⁻⁸.
private struct TrailProfile {
  private static let piecesPerUnit = 4.0
  /// Six coefficients a piece, by ascending power; each for Φ(u + h) − Φ(u − h), E(u + h) − E(u − h), E(u + h) + E(u − h).
  private let coefficients: [SIMD4<Double>]
  /// From the middle of the trail to here its light is even, and beyond the end there is none.
  private let start: Double
  private let end: Double

  /// - Parameter h: half the length of the trail, σ.
  init(halfLength h: Double) {
    let step = 1 / Self.piecesPerUnit
    start = max(0, h - 8)
    end = h + TrailModel.reach + 0.5
    let count = Int((end - start) * Self.piecesPerUnit) + 1
    var coefficients: [SIMD4<Double>] = []
    coefficients.reserveCapacity(6 * count)
    var low = Self.node(start, h, step)
    for i in 1...count {
      let high = Self.node(start + Double(i) * step, h, step)
      let rise = high.value - low.value - low.first - 0.5 * low.second
      let bend = high.first - low.first - low.second
      let turn = 0.5 * (high.second - low.second)
      coefficients.append(low.value)
      coefficients.append(low.first)
      coefficients.append(0.5 * low.second)
      coefficients.append(10 * rise - 4 * bend + turn)
      coefficients.append(-15 * rise + 7 * bend - 2 * turn)
      coefficients.append(6 * rise - 3 * bend + turn)
      low = high
    }
    self.coefficients = coefficients
  }

  /// Values with their first and second derivatives, by pieces.
  private static func node(
    _ u: Double, _ h: Double, _ step: Double
  ) -> (value: SIMD4<Double>, first: SIMD4<Double>, second: SIMD4<Double>) {
    func parts(_ t: Double) -> (Double, Double, Double, Double, Double) {
      let gaussian = exponential(-0.5 * t * t)
      let rise = TrailModel.slope * gaussian
      return (errorFunction(t / 2.0.squareRoot()), gaussian, rise, -t * gaussian, (t * t - 1) * gaussian)
    }
    let (a, b) = (parts(u + h), parts(u - h))
    return (
      SIMD4(a.0 - b.0, a.1 - b.1, a.1 + b.1, 0), step * SIMD4(a.2 - b.2, a.3 - b.3, a.3 + b.3, 0),
      step * step * SIMD4(TrailModel.slope * (a.3 - b.3), a.4 - b.4, a.4 + b.4, 0)
    )
  }

  @inline(__always)
  func callAsFunction(_ u: Double) -> SIMD4<Double> {
    let distance = abs(u)
    guard distance < end else { return .zero }
    guard distance >= start else { return SIMD4(2, 0, 0, 0) }
    let place = (distance - start) * Self.piecesPerUnit
    let piece = Int(place)
    let (f, i) = (SIMD4(repeating: place - Double(piece)), 6 * piece)
    var value = coefficients[i + 5]
    value = coefficients[i + 4].addingProduct(value, f)
    value = coefficients[i + 3].addingProduct(value, f)
    value = coefficients[i + 2].addingProduct(value, f)
    value = coefficients[i + 1].addingProduct(value, f)
    value = coefficients[i].addingProduct(value, f)
    // The difference is odd.
    if u < 0 { value.y = -value.y }
    return value
  }
}
