// SPDX-License-Identifier: GPL-3.0-or-later
// Smooth kernels of delta functions.

internal import Foundation
package import Imaging

/// What makes kernels of delta functions smooth: a penalty λ aᵀHa with H = BᵀB, for B that takes differences of neighbouring pixels.
///
/// **Model.** `centralDifference`: the Laplacian with 5 or 9 points; pixels of the border are penalised as they are, by `borderPenalty`.
/// `forwardDifference`: the sum of differences in x and in y of each order, of lower order near the far edge, and of the last pixel as it is. The
/// background is not penalised.
///
/// The strength λ is given, or a multiple of tr M / tr H, or minimises an estimate of the squared error of the kernel,
/// aᵀPa + 2 [tr(P (M + λH)⁻¹) − aᵀM⁺b] with a = (M + λH)⁻¹b, over a grid; P projects on what the pixels determine. With M⁺ cut off at
/// `maxConditionNumber` the estimate is biased, and less noisy.
///
/// **Source.** Becker et al. 2012 (MNRAS 425, 1341); differencing A15.2. (The reference system's grid reads fields that it does not have, so neither
/// estimate works there.)
package struct KernelRegularization: Sendable {
  package let config: KernelRegularizationConfig
  /// H, row by row, with the background's row and column of zeros when it is fitted.
  package let matrix: [Double]
  private let size: Int
  private let maxConditionNumber: Double

  /// - Parameter side: of the kernel.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for a stencil, an order or a penalty that there is not.
  package init(
    side: Int, fitForBackground: Bool, maxConditionNumber: Double, _ config: KernelRegularizationConfig = .init()
  ) throws(ImagingError) {
    guard config.regularizationBorderPenalty >= 0, config.regularizationBorderPenalty.isFinite else {
      throw .invalidParameter("a border penalty of \(config.regularizationBorderPenalty); it must not be negative")
    }
    guard (3...35).contains(side) else {
      throw .invalidParameter("a regularised kernel of \(side)²; it must be 3² to 35²")
    }
    let rows =
      switch config.regularizationType {
      case .centralDifference: try Self.centralRows(side, config)
      case .forwardDifference: try Self.forwardRows(side, config)
      }
    let pixels = side * side
    size = pixels + (fitForBackground ? 1 : 0)
    var matrix = [Double](repeating: 0, count: size * size)
    for row in rows {
      for (i, a) in row { for (j, b) in row { matrix[i * size + j] += a * b } }
    }
    self.matrix = matrix
    self.config = config
    self.maxConditionNumber = maxConditionNumber
  }

  /// The rows of B: pixels and their factors.
  private static func centralRows(
    _ side: Int, _ config: KernelRegularizationConfig
  ) throws(ImagingError) -> [[(Int, Double)]] {
    let stencil: [Double]
    switch config.centralRegularizationStencil {
    case 5: stencil = [0, 1, 0, 1, -4, 1, 0, 1, 0]
    case 9: stencil = [1, 4, 1, 4, -20, 4, 1, 4, 1].map { $0 / 6 }
    default:
      throw .invalidParameter("a stencil of \(config.centralRegularizationStencil) points; there are those of 5 and 9")
    }
    return (0..<side * side).map { pixel in
      let (x, y) = (pixel % side, pixel / side)
      guard x > 0, y > 0, x < side - 1, y < side - 1 else { return [(pixel, config.regularizationBorderPenalty)] }
      return (0..<9).map { (pixel + ($0 / 3 - 1) * side + $0 % 3 - 1, stencil[$0]) }
    }
  }

  private static func forwardRows(
    _ side: Int, _ config: KernelRegularizationConfig
  ) throws(ImagingError) -> [[(Int, Double)]] {
    let orders = config.forwardRegularizationOrders
    guard !orders.isEmpty, orders.allSatisfy({ (1...3).contains($0) }) else {
      throw .invalidParameter("differences of orders \(orders); there are those of 1, 2 and 3")
    }
    let differences: [[Double]] = [[config.regularizationBorderPenalty], [-1, 1], [-1, 2, -1], [-1, 3, -3, 1]]
    return (0..<side * side).map { pixel in
      let (x, y) = (pixel % side, pixel / side)
      var row: [Int: Double] = [:]
      for order in orders {
        for (step, room) in [(1, side - 1 - x), (side, side - 1 - y)] {
          for (k, factor) in differences[min(order, room)].enumerated() { row[pixel + k * step, default: 0] += factor }
        }
      }
      return row.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
  }

  /// The strength for a star's equations.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  package func lambda(for system: SymmetricSystem) throws(ImagingError) -> Double {
    switch config.lambdaType {
    case .absolute: return config.lambdaValue
    case .relative:
      let own = (0..<size).reduce(0) { $0 + matrix[$1 * size + $1] }
      return own > 0 ? config.lambdaScaling * system.trace / own : 0
    case .minimizeBiasedRisk: return try leastRisk(system, cutOff: maxConditionNumber)
    case .minimizeUnbiasedRisk: return try leastRisk(system, cutOff: .infinity)
    }
  }

  /// M + λH.
  func added(to system: SymmetricSystem, lambda: Double) throws(ImagingError) -> SymmetricSystem {
    try system.adding(matrix, times: lambda)
  }

  /// The λ of the grid whose estimated risk is the least, the smallest of equals.
  private func leastRisk(_ system: SymmetricSystem, cutOff: Double) throws(ImagingError) -> Double {
    let eigen = try SymmetricEigen(system.matrix, size: system.size)
    guard let largest = eigen.values.last, largest > 0 else { throw .noResult("a star's equations are all zero") }
    let (n, vectors) = (system.size, eigen.vectors)
    /// Of each eigenvector what a vector has in its direction.
    func projections(_ vector: [Double]) -> [Double] {
      var result = [Double](repeating: 0, count: n)
      for i in 0..<n { for k in 0..<n { result[k] += vectors[i * n + k] * vector[i] } }
      return result
    }
    // What is below rounding is not determined by the pixels.
    let isDetermined = eigen.values.map { $0 > 1e-14 * largest }
    let isKept = eigen.values.map { $0 > 1e-14 * largest && largest / $0 <= cutOff }
    let right = projections(system.right)
    var best: (lambda: Double, risk: Double)?
    for lambda in config.lambdas {
      guard let inverse = try added(to: system, lambda: lambda).inverse() else { continue }
      var values = [Double](repeating: 0, count: n)
      for i in 0..<n { for j in 0..<n { values[i] += inverse[i * n + j] * system.right[j] } }
      let own = projections(values)
      var risk = 0.0
      for k in 0..<n where isDetermined[k] {
        risk += own[k] * own[k]
        if isKept[k] { risk -= 2 * own[k] * right[k] / eigen.values[k] }
      }
      // tr(P X) with P the sum over vₖvₖᵀ: all of X less what lies in directions that are not determined.
      var trace = (0..<n).reduce(0) { $0 + inverse[$1 * n + $1] }
      for k in 0..<n where !isDetermined[k] {
        for i in 0..<n {
          let left = vectors[i * n + k]
          for j in 0..<n { trace -= left * inverse[i * n + j] * vectors[j * n + k] }
        }
      }
      risk += 2 * trace
      if risk.isFinite, risk < (best?.risk ?? .infinity) { best = (lambda, risk) }
    }
    guard let best else { throw .noResult("no strength of the regularisation gives a solution") }
    return best.lambda
  }
}
