// SPDX-License-Identifier: GPL-3.0-or-later
// All backgrounds of a tract at once.

internal import Imaging

extension TractBins {
  /// What each visit's background is above a sky that all share, in every cell, by least squares.
  ///
  /// **Model.** In each piece of a cell, visit − pivot = b(visit) + t, with a number t that nobody needs to know: the minimum of
  /// Σ w (y − b − t)² over all pieces and visits, plus λ times the roughness of the models. With t eliminated this is the sum over all
  /// pairs of visits (framework A.16), weighted as their noise asks. No visit has to cover everything: what two of them have in common
  /// with a third joins them. A smooth field that all visits share is left open.
  ///
  /// - Parameter start: a solution to begin with.
  /// - Returns: by visit, then cell; NaN for visits that nothing joins to the largest group of visits.
  /// - Throws: what `check` throws.
  func globalOffsets(
    _ config: TractMatchingConfig, start: [[Double]]? = nil, check: () throws -> Void
  ) rethrows -> (offsets: [[Double]], steps: Int, relativeResidual: Double) {
    let system = GlobalSystem(self, smoothness: config.smoothness)
    // What is not joined was NaN before, and stays out.
    let first = start.map { $0.flatMap { $0.map { $0.isFinite ? $0 : 0 } } }
    let search = try ConjugateGradients(
      system.right, diagonal: system.diagonal, start: first, check: check, operate: system.operate)
    let joined = joinedVisits
    let offsets = visits.indices.map { v -> [Double] in
      joined.contains(v)
        ? Array(search.solution[v * grid.cellCount..<(v + 1) * grid.cellCount])
        : [Double](repeating: .nan, count: grid.cellCount)
    }
    return (offsets, search.steps, search.relativeResidual)
  }

  /// The largest group of visits that pieces join, directly or by others; of equal ones that of the first visit.
  var joinedVisits: Set<Int> {
    var group = Array(visits.indices)
    func root(_ v: Int) -> Int {
      var v = v
      while group[v] != v { v = group[v] }
      return v
    }
    for piece in pieces {
      let members = piece.entries.filter { GlobalSystem.weight($0) != nil }
      guard let first = members.first else { continue }
      for entry in members {
        let (a, b) = (root(first.visit), root(entry.visit))
        group[max(a, b)] = min(a, b)
      }
    }
    let groups = Dictionary(grouping: visits.indices, by: root)
    let largest = groups.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }
    return Set(largest?.value ?? [])
  }
}

/// The normal equations of all backgrounds; unknowns by visit, then cell.
private struct GlobalSystem {
  private struct Measurement {
    let unknown: Int
    let weight: Double
    let value: Double
  }

  private let pieces: [[Measurement]]
  private let surface: SmoothSurface
  private let smoothness: Double
  private let visitCount: Int
  let right: [Double]
  let diagonal: [Double]

  init(_ bins: TractBins, smoothness: Double) {
    let cellCount = bins.grid.cellCount
    var weights: [Double] = []
    for piece in bins.pieces { for entry in piece.entries { if let w = Self.weight(entry) { weights.append(w) } } }
    // In units of a typical cell, so that smoothness means the same for any survey.
    let unit = weights.isEmpty ? 1 : weights.sorted()[weights.count / 2]
    pieces = bins.pieces.compactMap { piece in
      let entries = piece.entries.compactMap { entry in
        Self.weight(entry).map {
          Measurement(unknown: entry.visit * cellCount + piece.cell, weight: $0 / unit, value: -entry.difference)
        }
      }
      // Alone, a visit says nothing.
      return entries.count > 1 ? entries : nil
    }
    surface = SmoothSurface(columns: bins.grid.columns.count, rows: bins.grid.rows.count)
    self.smoothness = smoothness
    visitCount = bins.visits.count
    var right = [Double](repeating: 0, count: visitCount * cellCount)
    let roughness = surface.diagonal.map { $0 * smoothness }
    var diagonal = (0..<visitCount).flatMap { _ in roughness }
    for piece in pieces {
      let total = piece.reduce(0) { $0 + $1.weight }
      let mean = piece.reduce(0) { $0 + $1.weight * $1.value } / total
      for entry in piece {
        right[entry.unknown] += entry.weight * (entry.value - mean)
        diagonal[entry.unknown] += entry.weight * (1 - entry.weight / total)
      }
    }
    self.right = right
    self.diagonal = diagonal
  }

  /// The inverse variance of a cell's mean; `nil` for one that was not compared, or has no noise to go by.
  static func weight(_ entry: TractPiece.Entry) -> Double? {
    guard entry.differenceCount > 0, entry.variance.isFinite, entry.variance > 0 else { return nil }
    return Double(entry.differenceCount) / entry.variance
  }

  func operate(_ b: [Double], _ result: inout [Double]) {
    for i in result.indices { result[i] = 0 }
    for v in 0..<visitCount {
      surface.addRoughness(of: b, from: v * surface.columns * surface.rows, times: smoothness, to: &result)
    }
    for piece in pieces {
      var (total, mean) = (0.0, 0.0)
      for entry in piece {
        total += entry.weight
        mean += entry.weight * b[entry.unknown]
      }
      mean /= total
      for entry in piece { result[entry.unknown] += entry.weight * (b[entry.unknown] - mean) }
    }
  }
}
