// SPDX-License-Identifier: GPL-3.0-or-later
// The models that match the backgrounds of a tract.

package import Imaging
internal import SkyGeometry

/// The models that match the backgrounds of a tract's visits.
package struct TractSolution: Sendable {
  /// One visit's.
  package struct VisitModel: Sendable {
    package let visit: Int64
    /// Added to the visit's pixels; `nil` for a visit that shares nothing with those that are matched.
    package let background: Background?
    /// Scatter of what cells measure about what the model says, nJy a pixel; NaN without.
    package let fitRMS: Double
    /// Share of the visit's good pixels that lie in cells that were measured against the reference.
    package let overlapFraction: Double
  }

  /// `nil` when no visit is special.
  package let referenceVisit: Int64?
  /// In the order of the visits.
  package let models: [VisitModel]
  /// Of the last search of the global strategy: how many steps it took, and what was left, relative to the right side.
  package var search: (steps: Int, relativeResidual: Double)?
}

extension TractBins {
  /// Matches the backgrounds of all visits.
  ///
  /// - Parameter check: asked while the work goes on; what it throws ends it.
  /// - Throws: ``TractMatchingError``, ``Imaging/ImagingError``, and what `check` throws.
  package func solve(_ config: TractMatchingConfig, check: () throws -> Void = {}) throws -> TractSolution {
    // Of the global strategy only a visit that others are joined to can be what all are counted from.
    let reference = try chooseReference(config, among: config.strategy == .global ? joinedVisits : Set(visits.indices))
    var bins = self
    var offsets: [[Double]] = []
    var backgrounds: [[Double]]?
    var search: (steps: Int, relativeResidual: Double)?
    // The first round takes differences from where their pixels are; the models' slopes then bring them to the cells' centres.
    for round in 0..<3 {
      try check()
      if round > 0 { bins = centered(by: offsets) }
      switch config.strategy {
      case .reference: offsets = bins.differences(from: reference, config)
      case .global:
        let found = try bins.globalOffsets(config, start: backgrounds, check: check)
        (backgrounds, search) = (found.offsets, (found.steps, found.relativeResidual))
        let origin = config.gauge == .reference ? found.offsets[reference] : mean(found.offsets)
        offsets = found.offsets.map { background in zip(background, origin).map { $1 - $0 } }
      }
    }
    let box = Box2I(width: grid.columns.count, height: grid.rows.count)
    let surface = SmoothSurface(columns: grid.columns.count, rows: grid.rows.count)
    let models = try visits.indices.map { v -> TractSolution.VisitModel in
      let (rms, overlap) = bins.agreement(v, reference, offsets)
      let values = try Image(box: box, pixels: surface.centerValues(ofMeans: offsets[v]).map { Float($0) })
      let isKnown = values.pixels.allSatisfy(\.isFinite)
      return TractSolution.VisitModel(
        visit: visits[v], background: isKnown ? try Background(box: grid.box, values: values) : nil, fitRMS: rms,
        overlapFraction: overlap)
    }
    return TractSolution(
      referenceVisit: config.strategy == .reference || config.gauge == .reference ? visits[reference] : nil,
      models: models, search: search)
  }

  private func chooseReference(_ config: TractMatchingConfig, among candidates: Set<Int>) throws -> Int {
    guard !visits.isEmpty else { throw TractMatchingError.noVisits }
    if let wanted = config.refVisit {
      guard let place = visits.firstIndex(of: Int64(wanted)) else {
        throw TractMatchingError.unknownReference(visit: wanted, known: visits)
      }
      guard candidates.contains(place) else { throw TractMatchingError.loneReference(visit: wanted) }
      return place
    }
    let costs = try referenceCosts(config)
    return costs.indices.filter(candidates.contains).min { (costs[$0].total, $0) < (costs[$1].total, $1) } ?? 0
  }

  /// Reference − visit in every cell; NaN everywhere for a visit that shares no cell with the reference.
  private func differences(from reference: Int, _ config: TractMatchingConfig) -> [[Double]] {
    var sums = [[Double]](repeating: [Double](repeating: 0, count: grid.cellCount), count: visits.count)
    var counts = sums
    for piece in pieces {
      guard let own = piece.entries.first(where: { $0.visit == reference && $0.differenceCount > 0 }) else { continue }
      for entry in piece.entries where entry.differenceCount > 0 {
        // The pivot drops out.
        let n = Double(min(entry.differenceCount, own.differenceCount))
        sums[entry.visit][piece.cell] += n * (entry.difference - own.difference)
        counts[entry.visit][piece.cell] += n
      }
    }
    let surface = SmoothSurface(columns: grid.columns.count, rows: grid.rows.count)
    return visits.indices.map { v in
      guard v != reference else { return [Double](repeating: 0, count: grid.cellCount) }
      let shares = sums[v].indices.map { counts[v][$0] / Double(area($0)) }
      return surface.fit(
        sums[v].indices.map { counts[v][$0] > 0 ? sums[v][$0] / counts[v][$0] : 0 },
        weights: shares.map { $0 >= config.minFrac ? $0 : 0 }, smoothness: config.smoothness)
    }
  }

  /// The mean over the visits that are joined.
  private func mean(_ offsets: [[Double]]) -> [Double] {
    let joined = offsets.filter { $0.first?.isFinite ?? false }
    return (0..<grid.cellCount).map { cell in joined.reduce(0) { $0 + $1[cell] } / Double(max(1, joined.count)) }
  }

  /// How well a model explains what was measured against the reference.
  private func agreement(_ visit: Int, _ reference: Int, _ offsets: [[Double]]) -> (rms: Double, overlap: Double) {
    var (sum, weight, shared, all) = (0.0, 0.0, 0, 0)
    for piece in pieces {
      guard let entry = piece.entries.first(where: { $0.visit == visit }) else { continue }
      all += entry.count
      guard entry.differenceCount > 0,
        let own = piece.entries.first(where: { $0.visit == reference && $0.differenceCount > 0 })
      else { continue }
      shared += entry.differenceCount
      let model = offsets[visit][piece.cell] - offsets[reference][piece.cell]
      let residual = entry.difference - own.difference - model
      guard residual.isFinite else { continue }
      let n = Double(entry.differenceCount)
      sum += n * residual * residual
      weight += n
    }
    return (
      weight > 0 ? (sum / weight).squareRoot() : .nan, all > 0 ? Double(min(shared, all)) / Double(all) : 0
    )
  }
}
