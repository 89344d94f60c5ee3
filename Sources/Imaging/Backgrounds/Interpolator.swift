// SPDX-License-Identifier: GPL-3.0-or-later
// A curve through nodes.

/// A curve through nodes: a cubic on each interval, and beyond the nodes the quadratic that continues the outermost cubic.
///
/// **Model.** framework A.9: Akima 1970 (J. ACM 17, 589) without special ends, natural cubic spline (second derivative 0 at
/// both ends, so linear beyond), linear, and constant. ``InterpolationStyle/constant`` takes the nearest node, halves upward;
/// the reference system's returns the mean of a cell and the one before it.
package struct Interpolator: Sendable {
  /// `y(x) = a + t (b + t (c + t d))` with `t = x − start`, for x from `start` on.
  struct Piece: Sendable {
    var start: Double
    var a: Double
    var b = 0.0
    var c = 0.0
    var d = 0.0

    func callAsFunction(_ x: Double) -> Double {
      let t = x - start
      return a + t * (b + t * (c + t * d))
    }
  }

  /// Where each piece begins to count, ascending; the first one counts from minus infinity.
  private let breaks: [Double]
  private let pieces: [Piece]

  /// - Parameters:
  ///   - x: strictly increasing.
  ///   - y: as many.
  /// - Throws: ``ImagingError/outOfRange(_:)`` for fewer nodes than the style needs,
  ///   ``ImagingError/invalidParameter(_:)`` for nodes that do not increase.
  package init(_ style: InterpolationStyle, x: [Double], y: [Double]) throws(ImagingError) {
    guard x.count == y.count else {
      throw .sizeMismatch(what: "the number of values", found: "\(y.count)", expected: "\(x.count), one a node")
    }
    guard x.count >= style.minimumNodeCount else {
      throw .outOfRange("\(style.rawValue) needs \(style.minimumNodeCount) nodes, there are \(x.count)")
    }
    for i in x.indices.dropFirst() where !(x[i] > x[i - 1]) {
      throw .invalidParameter("interpolation nodes must increase: \(x[i]) follows \(x[i - 1])")
    }
    switch style {
    case .constant:
      pieces = zip(x, y).map { Piece(start: $0, a: $1) }
      breaks = x.indices.map { $0 == 0 ? x[0] : (x[$0 - 1] + x[$0]) / 2 }
    case .linear: (breaks, pieces) = Self.withEnds(x, Self.linear(x, y))
    case .naturalSpline, .cubicSpline: (breaks, pieces) = Self.withEnds(x, Self.naturalSpline(x, y))
    case .akimaSpline: (breaks, pieces) = Self.withEnds(x, Self.akima(x, y))
    }
  }

  package func callAsFunction(_ x: Double) -> Double {
    guard !x.isNaN else { return .nan }
    var (low, high) = (0, pieces.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if breaks[middle] <= x { low = middle } else { high = middle - 1 }
    }
    return pieces[low](x)
  }

  /// The curve at `count` whole numbers from `first` on, written one after the other.
  func evaluate<T: BinaryFloatingPoint>(from first: Int, count: Int, into out: UnsafeMutablePointer<T>) {
    var done = 0
    for i in pieces.indices {
      let limit: Int
      if i + 1 < pieces.count {
        // The first whole number that belongs to the next piece, kept within the range that is asked for.
        let next = breaks[i + 1].rounded(.up) - Double(first)
        limit = next <= 0 ? 0 : next >= Double(count) ? count : Int(next)
      } else {
        limit = count
      }
      guard limit > done else { continue }
      let piece = pieces[i]
      let offset = Double(first) - piece.start
      for j in done..<limit {
        let t = Double(j) + offset
        out[j] = T(piece.a + t * (piece.b + t * (piece.c + t * piece.d)))
      }
      done = limit
    }
  }

  /// Adds the quadratics beyond the first and the last node.
  private static func withEnds(_ x: [Double], _ inner: [Piece]) -> (breaks: [Double], pieces: [Piece]) {
    guard let first = inner.first, let last = inner.last, let end = x.last else { return ([], []) }
    let h = end - last.start
    let before = Piece(start: first.start, a: first.a, b: first.b, c: first.c)
    let after = Piece(
      start: end, a: last(end), b: last.b + h * (2 * last.c + 3 * h * last.d), c: last.c + 3 * h * last.d)
    // A position on the last node itself is still inside.
    return ([-.infinity] + inner.map(\.start) + [end.nextUp], [before] + inner + [after])
  }

  private static func linear(_ x: [Double], _ y: [Double]) -> [Piece] {
    (0..<x.count - 1).map { i in
      Piece(start: x[i], a: y[i], b: (y[i + 1] - y[i]) / (x[i + 1] - x[i]))
    }
  }

  private static func naturalSpline(_ x: [Double], _ y: [Double]) -> [Piece] {
    let n = x.count
    let h = (0..<n - 1).map { (i: Int) -> Double in x[i + 1] - x[i] }
    let slope = (0..<n - 1).map { (i: Int) -> Double in (y[i + 1] - y[i]) / h[i] }
    // Half the second derivatives, by elimination along the tridiagonal system.
    var c = [Double](repeating: 0, count: n)
    var ratio = [Double](repeating: 0, count: n)
    for i in 1..<n - 1 {
      let pivot = 2 * (h[i - 1] + h[i]) - h[i - 1] * ratio[i - 1]
      ratio[i] = h[i] / pivot
      c[i] = (3 * (slope[i] - slope[i - 1]) - h[i - 1] * c[i - 1]) / pivot
    }
    for i in stride(from: n - 2, through: 1, by: -1) { c[i] -= ratio[i] * c[i + 1] }
    return (0..<n - 1).map { (i: Int) -> Piece in
      let b = slope[i] - h[i] * (c[i + 1] + 2 * c[i]) / 3
      return Piece(start: x[i], a: y[i], b: b, c: c[i], d: (c[i + 1] - c[i]) / (3 * h[i]))
    }
  }

  private static func akima(_ x: [Double], _ y: [Double]) -> [Piece] {
    let n = x.count
    let inner = (0..<n - 1).map { (i: Int) -> Double in (y[i + 1] - y[i]) / (x[i + 1] - x[i]) }
    // m[i + 2] is the slope of interval i; two more at each end.
    func extrapolated(_ last: Double, _ beforeLast: Double, _ steps: Double) -> Double {
      last + steps * (last - beforeLast)
    }

    let before = [2.0, 1.0].map { extrapolated(inner[0], inner[1], $0) }
    let after = [1.0, 2.0].map { extrapolated(inner[n - 2], inner[n - 3], $0) }
    let m: [Double] = before + inner + after

    /// The tangent at node i, or the slope of the interval that asks when the slopes about the node are pairwise equal.
    func tangent(_ i: Int, otherwise own: Double) -> Double {
      let (before, after) = (abs(m[i + 1] - m[i]), abs(m[i + 3] - m[i + 2]))
      guard before + after > 0 else { return own }
      let alpha = before / (before + after)
      return (1 - alpha) * m[i + 1] + alpha * m[i + 2]
    }
    return (0..<n - 1).map { (i: Int) -> Piece in
      let h = x[i + 1] - x[i]
      let slope = m[i + 2]
      let (before, after) = (abs(m[i + 1] - m[i]), abs(m[i + 3] - m[i + 2]))
      guard before + after > 0 else { return Piece(start: x[i], a: y[i], b: slope) }
      let left = tangent(i, otherwise: slope)
      let right = tangent(i + 1, otherwise: slope)
      let c = (3 * slope - 2 * left - right) / h
      let d = (left + right - 2 * slope) / (h * h)
      return Piece(start: x[i], a: y[i], b: left, c: c, d: d)
    }
  }
}
