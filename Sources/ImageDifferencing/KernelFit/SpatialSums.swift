// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over stars that the equations of a varying kernel are made of.

internal import Imaging
internal import SkyGeometry

/// Sums over stars that the equations of a varying kernel are made of.
///
/// **Model.** A star with equations M, b at a position with kernel terms φ and background terms ψ adds φᵢφⱼ M for its kernel, φᵢψⱼ times the
/// background's column of M, ψᵢψⱼ times its corner, and φᵢb, ψⱼb: every element of the system of all unknowns is one of these sums.
///
/// **Source.** differencing A9.3, D2.4.
struct SpatialSums {
  private let kernelBasis: SpatialBasis
  private let backgroundBasis: SpatialBasis?
  private let functions: Int
  private let terms: Int
  private let backgroundTerms: Int
  private let hasConstantSum: Bool
  /// One matrix a pair i ≤ j of kernel terms, functions by functions.
  private var kernel: [[Double]]
  /// One column a kernel term and background term.
  private var mixed: [[Double]]
  private var background: [Double]
  /// One column a kernel term, then the background's.
  private var kernelRight: [[Double]]
  private var backgroundRight: [Double]

  init(
    functionCount: Int, hasConstantSum: Bool, _ kernelBasis: SpatialBasis, _ backgroundBasis: SpatialBasis?
  ) {
    self.kernelBasis = kernelBasis
    self.backgroundBasis = backgroundBasis
    self.hasConstantSum = hasConstantSum
    functions = functionCount
    terms = kernelBasis.termCount
    backgroundTerms = backgroundBasis?.termCount ?? 0
    let column = [Double](repeating: 0, count: functions)
    kernel = Array(repeating: [Double](repeating: 0, count: functions * functions), count: terms * (terms + 1) / 2)
    mixed = Array(repeating: column, count: terms * backgroundTerms)
    background = Array(repeating: 0, count: backgroundTerms * backgroundTerms)
    kernelRight = Array(repeating: column, count: terms)
    backgroundRight = Array(repeating: 0, count: backgroundTerms)
  }

  /// Of function m's term i; `nil` for terms of a function that does not vary.
  func unknown(_ m: Int, _ i: Int) -> Int? {
    guard hasConstantSum else { return m * terms + i }
    return m == 0 ? (i == 0 ? 0 : nil) : 1 + (m - 1) * terms + i
  }

  var kernelUnknowns: Int { hasConstantSum ? 1 + (functions - 1) * terms : functions * terms }

  /// Adds a star's equations, less what the noise of its image to convolve adds to them on average.
  ///
  /// - Parameter noise: of one pixel of variance 1, ``KernelBasis/noiseSystem(withBackground:)``; `nil` to leave it in.
  /// - Throws: as the other.
  mutating func add(
    _ fit: SingleKernelFit, at position: Point2D, weight: Double, less noise: SymmetricSystem?
  ) throws(ImagingError) {
    try add(fit.system, at: position, weight: weight)
    if let noise { try add(noise, at: position, weight: -weight * fit.noiseShare) }
  }

  /// - Throws: ``Imaging/ImagingError/sizeMismatch(what:found:expected:)`` for other unknowns.
  mutating func add(_ system: SymmetricSystem, at position: Point2D, weight: Double = 1) throws(ImagingError) {
    let size = functions + (backgroundBasis == nil ? 0 : 1)
    guard system.size == size else {
      throw .sizeMismatch(what: "the unknowns of a star", found: "\(system.size)", expected: "\(size)")
    }
    let phi = kernelBasis.terms(at: position)
    let psi = backgroundBasis?.terms(at: position) ?? []
    system.matrix.withUnsafeBufferPointer { matrix in
      var pair = 0
      for i in 0..<terms {
        for j in i..<terms {
          let factor = weight * phi[i] * phi[j]
          kernel[pair].withUnsafeMutableBufferPointer { sum in
            // The upper triangle is enough: M is symmetric, and so is each sum.
            for m in 0..<functions {
              for n in m..<functions { sum[m * functions + n] += factor * matrix[m * size + n] }
            }
          }
          pair += 1
        }
        for j in 0..<backgroundTerms {
          let factor = weight * phi[i] * psi[j]
          for m in 0..<functions { mixed[i * backgroundTerms + j][m] += factor * matrix[m * size + functions] }
        }
        for m in 0..<functions { kernelRight[i][m] += weight * phi[i] * system.right[m] }
      }
      for i in 0..<backgroundTerms {
        for j in 0..<backgroundTerms {
          background[i * backgroundTerms + j] += weight * psi[i] * psi[j] * matrix[functions * size + functions]
        }
        backgroundRight[i] += weight * psi[i] * system.right[functions]
      }
    }
  }

  /// The same with standard deviations that all coefficients of the kernel but the first are expected to have.
  ///
  /// - Parameter prior: 0 for none.
  /// - Throws: ``Imaging/ImagingError``.
  func system(prior: Double) throws(ImagingError) -> SymmetricSystem {
    var system = try system()
    guard prior > 0 else { return system }
    for i in 1..<max(1, kernelUnknowns) { system.add(1 / (prior * prior), row: i, column: i) }
    return system
  }

  /// The equations of all unknowns: of the kernel by function and then term, then of the background.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  func system() throws(ImagingError) -> SymmetricSystem {
    let (first, size) = (kernelUnknowns, kernelUnknowns + backgroundTerms)
    var matrix = [Double](repeating: 0, count: size * size)
    var right = [Double](repeating: 0, count: size)
    var pairs: [[Int]] = Array(repeating: Array(repeating: 0, count: terms), count: terms)
    var pair = 0
    for i in 0..<terms {
      for j in i..<terms {
        (pairs[i][j], pairs[j][i]) = (pair, pair)
        pair += 1
      }
    }
    for m in 0..<functions {
      for i in 0..<terms {
        guard let row = unknown(m, i) else { continue }
        right[row] = kernelRight[i][m]
        for n in m..<functions {
          for j in 0..<terms {
            guard let column = unknown(n, j) else { continue }
            let value = kernel[pairs[i][j]][m * functions + n]
            (matrix[row * size + column], matrix[column * size + row]) = (value, value)
          }
        }
        for j in 0..<backgroundTerms {
          let value = mixed[i * backgroundTerms + j][m]
          (matrix[row * size + first + j], matrix[(first + j) * size + row]) = (value, value)
        }
      }
    }
    for i in 0..<backgroundTerms {
      for j in 0..<backgroundTerms { matrix[(first + i) * size + first + j] = background[i * backgroundTerms + j] }
      right[first + i] = backgroundRight[i]
    }
    return try SymmetricSystem(matrix: matrix, right: right)
  }
}
