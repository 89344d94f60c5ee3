// SPDX-License-Identifier: GPL-3.0-or-later
// Large symmetric systems.

/// The solution of a symmetric, positive system by conjugate gradients, with the diagonal as preconditioner.
///
/// **Source.** Hestenes & Stiefel 1952 (J. Res. NBS 49, 409). Sums are in the order of the unknowns, so equal input gives equal bits.
struct ConjugateGradients {
  private(set) var solution: [Double]
  private(set) var steps = 0
  /// What is left, relative to the right side: 10⁻⁹, unless ``largestStepCount`` steps were too few.
  private(set) var relativeResidual = 0.0

  static let largestStepCount = 2000

  /// - Parameters:
  ///   - start: where to begin; at zero when left out.
  ///   - operate: sets the second vector to the matrix times the first.
  ///   - check: asked before each step; what it throws ends the search.
  /// - Throws: what `check` throws.
  init(
    _ right: [Double], diagonal: [Double], start: [Double]? = nil, check: () throws -> Void = {},
    operate: (_ vector: [Double], _ result: inout [Double]) -> Void
  ) rethrows {
    let count = right.count
    var x = start ?? [Double](repeating: 0, count: count)
    var q = [Double](repeating: 0, count: count)
    var r = right
    if start != nil {
      operate(x, &q)
      for i in 0..<count { r[i] -= q[i] }
    }
    let inverse = diagonal.map { $0 > 0 ? 1 / $0 : 1 }
    func norm(_ a: [Double]) -> Double {
      var sum = 0.0
      for i in 0..<count { sum += a[i] * inverse[i] * a[i] }
      return sum
    }
    let scale = norm(right)
    var p = (0..<count).map { inverse[$0] * r[$0] }
    var rz = norm(r)
    while rz > 1e-18 * scale, steps < Self.largestStepCount {
      try check()
      operate(p, &q)
      var curvature = 0.0
      for i in 0..<count { curvature += p[i] * q[i] }
      guard curvature > 0 else { break }
      let step = rz / curvature
      for i in 0..<count {
        x[i] += step * p[i]
        r[i] -= step * q[i]
      }
      let next = norm(r)
      let ratio = next / rz
      rz = next
      for i in 0..<count { p[i] = inverse[i] * r[i] + ratio * p[i] }
      steps += 1
    }
    solution = x
    relativeResidual = scale > 0 ? (rz / scale).squareRoot() : 0
  }
}
