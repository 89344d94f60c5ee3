// SPDX-License-Identifier: GPL-3.0-or-later
// Point sources whose fluxes are eliminated.

internal import Imaging
internal import SkyGeometry

/// The least-squares fit of some point sources to several images at once, by variable projection.
///
/// **Method.** For given positions the model is linear in the fluxes and in the planes of background, which are solved for; what is
/// left is a function of the positions only. Its Gauss–Newton step is that of all unknowns together, taken where the gradient by
/// the linear ones is zero (Kaufman's form).
///
/// **Source.** Golub & Pereyra 1973 (SIAM J. Numer. Anal. 10, 413); Kaufman 1975 (BIT 15, 49).
struct PointSourceFit {
  let planes: [FitPlane]
  let sourceCount: Int
  let fluxCount: Int

  /// What is known at some positions.
  struct State {
    let positions: [Point2D]
    /// Weighted sum of squares over all planes.
    let chi2: Double
    /// The linear unknowns: fluxes, then the backgrounds of the planes.
    let linear: [Double]
    /// The normal matrix of x and y of each source and the linear unknowns, row by row.
    let normal: [Double]
    /// −½ times the gradient of χ² by the same.
    let gradient: [Double]
    /// Of each plane, as ``FitPlane/columns(at:)`` makes them.
    fileprivate let columns: [[Double]]
    /// Of each plane, the normal equations of those columns.
    fileprivate let systems: [SymmetricSystem]

    var size: Int { gradient.count }
  }

  /// Data of all planes.
  var dataCount: Int { planes.reduce(0) { $0 + $1.count } }
  var unknownCount: Int { 2 * sourceCount + linearCount }
  private var linearCount: Int { fluxCount + planes.reduce(0) { $0 + $1.backgroundCount } }

  /// Where an unknown stands among all.
  private struct Column {
    let index: Int
    let factor: Double
  }

  /// What the local columns of each plane are of all unknowns; positions only once there are fluxes.
  private func columns(fluxes: [Double]?) -> [[Column?]] {
    let first = fluxes == nil ? 0 : 2 * sourceCount
    var background = first + fluxCount
    return planes.map { plane in
      var result: [Column?] = []
      for term in plane.terms {
        result.append(Column(index: first + term.flux, factor: term.sign))
        for axis in 0..<2 {
          result.append(
            fluxes.map { Column(index: 2 * term.source + axis, factor: term.sign * $0[term.flux]) })
        }
      }
      for _ in 0..<plane.backgroundCount {
        result.append(Column(index: background, factor: 1))
        background += 1
      }
      return result
    }
  }

  /// Solves for the linear unknowns at given positions.
  ///
  /// - Returns: `nil` where there is nothing to solve, or a number is not finite.
  func state(at positions: [Point2D]) -> State? {
    var systems: [SymmetricSystem] = []
    var designs: [[Double]] = []
    for plane in planes {
      guard let columns = plane.columns(at: positions),
        let system = try? SymmetricSystem(
          columns: columns, rowCount: plane.roots.count, target: plane.targets, weight: 1)
      else { return nil }
      systems.append(system)
      designs.append(columns)
    }
    let small = Self.assembled(systems, columns(fluxes: nil), size: linearCount)
    guard let linear = (try? SymmetricSystem(matrix: small.matrix, right: small.right).solve())?.values else {
      return nil
    }
    var chi2 = planes.reduce(0) { $0 + $1.norm }
    for i in linear.indices { chi2 -= linear[i] * small.right[i] }
    let all = Self.assembled(systems, columns(fluxes: Array(linear.prefix(fluxCount))), size: unknownCount)
    var gradient = all.right
    for i in gradient.indices {
      for (j, value) in linear.enumerated() {
        gradient[i] -= all.matrix[i * unknownCount + 2 * sourceCount + j] * value
      }
    }
    guard chi2.isFinite, gradient.allSatisfy(\.isFinite), all.matrix.allSatisfy(\.isFinite) else { return nil }
    return State(
      positions: positions, chi2: max(chi2, 0), linear: linear, normal: all.matrix, gradient: gradient,
      columns: designs, systems: systems)
  }

  /// The systems of all planes as one of all unknowns.
  private static func assembled(
    _ systems: [SymmetricSystem], _ columns: [[Column?]], size: Int
  ) -> (matrix: [Double], right: [Double]) {
    var matrix = [Double](repeating: 0, count: size * size)
    var right = [Double](repeating: 0, count: size)
    for (system, own) in zip(systems, columns) {
      for (i, a) in own.enumerated() {
        guard let a else { continue }
        right[a.index] += a.factor * system.right[i]
        for (j, b) in own.enumerated() {
          guard let b else { continue }
          matrix[a.index * size + b.index] += a.factor * b.factor * system.matrix[i * system.size + j]
        }
      }
    }
    return (matrix, right)
  }

  /// The part of the normal matrix that comes from one plane.
  func normal(ofPlane number: Int, at state: State) -> [Double] {
    let columns = columns(fluxes: Array(state.linear.prefix(fluxCount)))
    return Self.assembled([state.systems[number]], [columns[number]], size: unknownCount).matrix
  }

  /// The products of the derivatives of two planes' models, times the roots of their weights and a factor for each pixel, both ways round.
  func product(ofPlane first: Int, and second: Int, times factors: [Double], at state: State) -> [Double]? {
    let columns = columns(fluxes: Array(state.linear.prefix(fluxCount)))
    let (a, b) = (columns[first], columns[second])
    let count = factors.count
    var both = state.columns[first]
    for i in a.indices { for k in 0..<count { both[i * count + k] *= factors[k] } }
    both += state.columns[second]
    guard
      let system = try? SymmetricSystem(
        columns: both, rowCount: count, target: [Double](repeating: 0, count: count), weight: 1)
    else { return nil }
    var result = [Double](repeating: 0, count: unknownCount * unknownCount)
    for (i, x) in a.enumerated() {
      for (j, y) in b.enumerated() {
        guard let x, let y else { continue }
        let value = x.factor * y.factor * system.matrix[i * system.size + a.count + j]
        result[x.index * unknownCount + y.index] += value
        result[y.index * unknownCount + x.index] += value
      }
    }
    return result
  }

  /// χ² of one plane.
  func chi2(ofPlane number: Int, at state: State) -> Double {
    let plane = planes[number]
    let size = plane.roots.count
    let local = state.columns[number]
    let first = 2 * sourceCount
    var rest = plane.targets
    for (i, column) in columns(fluxes: Array(state.linear.prefix(fluxCount)))[number].enumerated() {
      guard let column, column.index >= first else { continue }
      let (from, factor) = (i * size, column.factor * state.linear[column.index - first])
      for k in 0..<size { rest[k] -= factor * local[from + k] }
    }
    return rest.reduce(0) { $0 + $1 * $1 }
  }

  /// The image of one source of flux 1 on a plane, times the roots of the weights.
  ///
  /// - Parameter term: its place among the plane's.
  func image(ofTerm term: Int, onPlane number: Int, at state: State) -> ArraySlice<Double> {
    let size = planes[number].roots.count
    return state.columns[number][3 * term * size..<(3 * term + 1) * size]
  }
}
