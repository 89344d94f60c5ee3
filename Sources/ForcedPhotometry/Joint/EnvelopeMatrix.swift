// SPDX-License-Identifier: GPL-3.0-or-later
// Sparse symmetric systems whose unknowns have an order in the sky.

/// A positive definite matrix A, and beside it another symmetric one B of the same places: what least squares with many local unknowns make.
///
/// **Envelope.** Row i reaches from the diagonal to the last column that it, or a row before it, is coupled to: what elimination fills. With
/// unknowns in the order of their positions it is a strip of the sky wide, and the cost is n times its square.
///
/// **Covariance.** A⁻¹BA⁻¹ is minus the derivative of (A + tB)⁻¹ by t at 0. So all steps are done with numbers and their derivatives: the decomposition
/// A = LDLᵀ, then the elements of A⁻¹ in the envelope, last row first (Takahashi, Fagan & Chin 1973; Erisman & Tinney 1975, Commun. ACM 18, 177).
/// They are exact, for no more than the cost of a few decompositions, where A⁻¹ itself would be dense.
struct EnvelopeMatrix {
  let size: Int
  /// By row, the last column of the envelope; ascending.
  private let last: [Int]
  /// By row, where its columns begin: four at a time from column i − i mod 4 on.
  private let start: [Int]
  /// A above its diagonal; then Lᵀ; then A⁻¹.
  private var values: [SIMD4<Double>]
  /// B; then the derivatives.
  private var slopes: [SIMD4<Double>]
  private var diagonal: [Double]
  private var diagonalSlopes: [Double]

  /// A matrix of zeros.
  ///
  /// - Parameter reach: by row, the last column that it is coupled to, not below the row's own.
  init(reach: [Int]) {
    size = reach.count
    var (last, start) = ([Int](), [Int]())
    var (furthest, count) = (0, 0)
    for (row, column) in reach.enumerated() {
      furthest = max(furthest, column, row)
      last.append(furthest)
      start.append(count)
      count += furthest / 4 - row / 4 + 1
    }
    (self.last, self.start) = (last, start)
    values = Array(repeating: .zero, count: count)
    slopes = values
    diagonal = Array(repeating: 0, count: size)
    diagonalSlopes = diagonal
  }

  /// Columns of all rows of the envelope that a reach makes.
  static func cost(reach: [Int]) -> Int {
    var (furthest, sum) = (0, 0)
    for (row, column) in reach.enumerated() {
      furthest = max(furthest, column, row)
      sum += (furthest - row + 1) * (furthest - row + 1)
    }
    return sum
  }

  /// Adds to an element of A and to that of B.
  ///
  /// - Precondition: the column is not below the row, and in its reach.
  mutating func add(_ value: Double, _ slope: Double, row: Int, column: Int) {
    precondition(row <= column && column <= last[row])
    guard row < column else {
      diagonal[row] += value
      diagonalSlopes[row] += slope
      return
    }
    let place = start[row] + column / 4 - row / 4
    values[place][column % 4] += value
    slopes[place][column % 4] += slope
  }

  /// Decomposes the matrix in its own place.
  ///
  /// - Parameter tolerance: of a diagonal element; what those before must leave of it.
  /// - Returns: the unknowns that those before them determine within the tolerance. Unless there are none, nothing else of the matrix is of use.
  mutating func decompose(tolerance: Double) -> [Int] {
    let original = diagonal
    var lost: [Int] = []
    var (row, rowSlopes) = ([SIMD4<Double>](), [SIMD4<Double>]())
    for i in 0..<size {
      let blocks = start[i]..<start[i] + last[i] / 4 - i / 4 + 1
      let (pivot, pivotSlope) = (diagonal[i], diagonalSlopes[i])
      guard pivot > tolerance * original[i] else {
        lost.append(i)
        for block in blocks { values[block] = .zero }
        continue
      }
      row = Array(values[blocks])
      rowSlopes = Array(slopes[blocks])
      for k in i + 1..<last[i] + 1 {
        let first = k / 4 - i / 4
        let (value, slope) = (row[first][k % 4], rowSlopes[first][k % 4])
        guard value != 0 || slope != 0 else { continue }
        let factor = value / pivot
        let factorSlope = (slope - factor * pivotSlope) / pivot
        diagonal[k] -= factor * value
        diagonalSlopes[k] -= factorSlope * value + factor * slope
        Self.subtract(row, rowSlopes, from: first, times: factor, factorSlope, of: &values, &slopes, at: start[k])
      }
      for (block, (value, slope)) in zip(blocks, zip(row, rowSlopes)) {
        values[block] = value / pivot
        slopes[block] = (slope - values[block] * pivotSlope) / pivot
      }
    }
    return lost
  }

  /// Takes a multiple of a row, from one of its blocks on, from the blocks at a place.
  private static func subtract(
    _ row: [SIMD4<Double>], _ rowSlopes: [SIMD4<Double>], from first: Int, times factor: Double, _ factorSlope: Double,
    of values: inout [SIMD4<Double>], _ slopes: inout [SIMD4<Double>], at place: Int
  ) {
    let (minus, minusSlope) = (SIMD4(repeating: -factor), SIMD4(repeating: -factorSlope))
    let (source, sourceSlopes) = (row.span, rowSlopes.span)
    let shift = place - first
    var target = values.mutableSpan
    var targetSlopes = slopes.mutableSpan
    for from in first..<source.count {
      target[from + shift].addProduct(minus, source[from])
      targetSlopes[from + shift].addProduct(minusSlope, source[from])
      targetSlopes[from + shift].addProduct(minus, sourceSlopes[from])
    }
  }

  /// x of Ax = b.
  ///
  /// - Precondition: the matrix is decomposed, with no unknown lost; there are ``size`` right sides.
  func solve(_ right: [Double]) -> [Double] {
    var x = right
    for i in 0..<size { for k in i + 1..<last[i] + 1 { x[k] -= factor(i, k) * x[i] } }
    for i in (0..<size).reversed() {
      x[i] /= diagonal[i]
      for k in i + 1..<last[i] + 1 { x[i] -= factor(i, k) * x[k] }
    }
    return x
  }

  private func factor(_ row: Int, _ column: Int) -> Double {
    values[start[row] + column / 4 - row / 4][column % 4]
  }

  /// Puts A⁻¹ and its derivative in the place of the decomposition.
  ///
  /// - Precondition: the matrix is decomposed, with no unknown lost.
  mutating func invert() {
    for i in (0..<size).reversed() {
      let blocks = start[i]..<start[i] + last[i] / 4 - i / 4 + 1
      // Columns i + 1 to last[i]: elimination has left something in those before, and the inverse goes on behind.
      let columns = blocks.indices.map { block in
        SIMD4<Double>.columns(4 * (i / 4 + block - blocks.lowerBound), from: i + 1, to: last[i])
      }
      let (row, rowSlopes) = (
        zip(values[blocks], columns).map { $0 * $1 }, zip(slopes[blocks], columns).map { $0 * $1 }
      )
      var (sum, sumSlopes) = (
        [SIMD4<Double>](repeating: .zero, count: row.count), [SIMD4<Double>]()
      )
      sumSlopes = sum
      var k = i + 1
      while k <= last[i] {
        // Two rows at a time whose first blocks are of the same columns; one alone at the ends.
        let next = k % 2 == 0 && k < last[i] ? k + 1 : k
        let first = k / 4 - i / 4
        let factors = (row[first][k % 4], next == k ? 0 : row[first][next % 4])
        let factorSlopes = (rowSlopes[first][k % 4], next == k ? 0 : rowSlopes[first][next % 4])
        let dots = addRows(
          (k, next), to: &sum, &sumSlopes, from: first, row, rowSlopes, times: factors, factorSlopes)
        sum[first][k % 4] += dots.0 + factors.0 * diagonal[k]
        sumSlopes[first][k % 4] += dots.1 + factors.0 * diagonalSlopes[k] + factorSlopes.0 * diagonal[k]
        if next > k {
          sum[first][next % 4] += dots.2 + factors.1 * diagonal[next]
          sumSlopes[first][next % 4] +=
            dots.3 + factors.1 * diagonalSlopes[next] + factorSlopes.1 * diagonal[next]
        }
        k = next + 1
      }
      let (pivot, pivotSlope) = (diagonal[i], diagonalSlopes[i])
      var (own, ownSlope) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
      for (b, block) in blocks.enumerated() {
        own.addProduct(row[b], sum[b])
        ownSlope += rowSlopes[b] * sum[b] + row[b] * sumSlopes[b]
        values[block] = -sum[b] * columns[b]
        slopes[block] = -sumSlopes[b] * columns[b]
      }
      diagonal[i] = 1 / pivot + own.sum()
      diagonalSlopes[i] = -pivotSlope / (pivot * pivot) + ownSlope.sum()
    }
  }

  /// Adds multiples of two rows of the inverse to sums, from one of their blocks on.
  ///
  /// - Returns: the products of the first with a row of factors and their slope, then those of the second.
  private func addRows(
    _ rows: (Int, Int), to sum: inout [SIMD4<Double>], _ sumSlopes: inout [SIMD4<Double>], from first: Int,
    _ row: [SIMD4<Double>], _ rowSlopes: [SIMD4<Double>], times factors: (Double, Double),
    _ factorSlopes: (Double, Double)
  ) -> (Double, Double, Double, Double) {
    let times = (SIMD4(repeating: factors.0), SIMD4(repeating: factors.1))
    let timesSlope = (SIMD4(repeating: factorSlopes.0), SIMD4(repeating: factorSlopes.1))
    let (source, sourceSlopes, own, ownSlopes) = (values.span, slopes.span, row.span, rowSlopes.span)
    var target = sum.mutableSpan
    var targetSlopes = sumSlopes.mutableSpan
    var (dotA, dotB) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
    // Two sums each: one would wait for itself.
    var (slopeA, slopeB) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
    var (restA, restB) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
    let (shiftA, shiftB) = (start[rows.0] - first, start[rows.1] - first)
    for to in first..<own.count {
      let (factor, factorSlope) = (own[to], ownSlopes[to])
      let (a, b) = (source[to + shiftA], source[to + shiftB])
      let (slopeOfA, slopeOfB) = (sourceSlopes[to + shiftA], sourceSlopes[to + shiftB])
      var (value, slope) = (target[to], targetSlopes[to])
      value.addProduct(times.0, a)
      slope.addProduct(timesSlope.0, a)
      dotA.addProduct(factor, a)
      restA.addProduct(factorSlope, a)
      slope.addProduct(times.0, slopeOfA)
      slopeA.addProduct(factor, slopeOfA)
      value.addProduct(times.1, b)
      slope.addProduct(timesSlope.1, b)
      dotB.addProduct(factor, b)
      restB.addProduct(factorSlope, b)
      slope.addProduct(times.1, slopeOfB)
      slopeB.addProduct(factor, slopeOfB)
      target[to] = value
      targetSlopes[to] = slope
    }
    return (dotA.sum(), (slopeA + restA).sum(), dotB.sum(), (slopeB + restB).sum())
  }

  /// An element of A⁻¹BA⁻¹.
  ///
  /// - Precondition: the matrix is inverted; the column is not below the row, and in its reach.
  func covariance(row: Int, column: Int) -> Double {
    precondition(row <= column && column <= last[row])
    return row == column
      ? -diagonalSlopes[row] : -slopes[start[row] + column / 4 - row / 4][column % 4]
  }
}

extension SIMD4<Double> {
  /// 1 for those of four columns that are in a range, 0 for the others.
  fileprivate static func columns(_ first: Int, from: Int, to: Int) -> SIMD4<Double> {
    var result = SIMD4<Double>.zero
    for k in 0..<4 where first + k >= from && first + k <= to { result[k] = 1 }
    return result
  }
}
