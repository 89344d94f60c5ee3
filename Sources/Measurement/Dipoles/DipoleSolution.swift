// SPDX-License-Identifier: GPL-3.0-or-later
// The fit that counts, of those that can be made.

internal import Imaging
internal import SkyGeometry

/// The best fit of two lobes, and what it was made to.
struct DipoleSolution {
  private(set) var data: DipoleData
  private(set) var fit: PointSourceFit
  private(set) var state: PointSourceFit.State

  /// The fit to all images; where the difference has something against it, with a neighbour that did not move.
  ///
  /// - Parameter single: χ² of a single source on the difference.
  /// - Throws: ``DipoleFitFailure``.
  init(
    _ all: DipoleData, single: Double, _ start: DipoleStart, _ config: DipoleFitConfig
  ) throws(DipoleFitFailure) {
    let hasImages = config.weighting == .variance && all.planes.count > 1
    do throws(DipoleFitFailure) {
      self = try DipoleSolution(all, start, config)
    } catch {
      guard hasImages else { throw error }
      self = try DipoleSolution(all.alone, start, config)
      return
    }
    let (chi2, degrees) = (fit.chi2(ofPlane: 0, at: state), Double(max(1, fit.planes[0].count - 5)))
    guard hasImages, chi2 > single || chi2 > degrees + 5 * (2 * degrees).squareRoot(),
      let alone = try? DipoleSolution(all.alone, start, config)
    else { return }
    // Unknowns that the images know better cost the difference no more than this.
    let limit = alone.state.chi2 + 30 * max(1, alone.state.chi2 / degrees)
    guard chi2 > limit, let beside = DipoleSolution(alone, besideNeighbourOf: all, start, config),
      beside.fit.chi2(ofPlane: 0, at: beside.state) < limit, beside.isSeenOnImages(start, config)
    else { return }
    self = beside
  }

  /// The best fit from all starts: the most promising first, the others only where that comes to nothing.
  private init(_ data: DipoleData, _ start: DipoleStart, _ config: DipoleFitConfig) throws(DipoleFitFailure) {
    let fit = data.problem(config)
    guard fit.planes[0].count > 4 + fit.fluxCount, fit.dataCount > fit.unknownCount else { throw .undetermined }
    let candidates = start.candidates(science: data.science?.star, template: data.template?.star)
    let rated = candidates.compactMap { fit.start(at: $0, within: start.bounds) }.sorted { $0.chi2 < $1.chi2 }
    guard !rated.isEmpty else { throw .undetermined }
    for candidate in rated {
      var state = fit.minimum(from: candidate, within: start.bounds, tolerance: config.tolerance)
      if fit.planes.count == 1 { state = Self.apart(state, fit, start) ?? state }
      guard state.linear[0] > 0, state.linear[config.negativeFlux] > 0 else { continue }
      (self.data, self.fit, self.state) = (data, fit, state)
      return
    }
    throw .noFlux
  }

  /// The fit with a star beside the lobes that both images have and the difference has not.
  ///
  /// How badly it describes an image says how little that image counts in the end.
  private init?(
    _ alone: DipoleSolution, besideNeighbourOf all: DipoleData, _ start: DipoleStart, _ config: DipoleFitConfig
  ) {
    guard var data = all.withNeighbour, let place = data.neighbour else { return nil }
    let bounds = start.bounds + [PositionBounds(about: place, reach: 2 * start.sigma, on: data.difference.pixels.box)]
    var positions = alone.state.positions + [place]
    self = alone
    for _ in 0..<2 {
      let fit = data.problem(config)
      guard fit.dataCount > fit.unknownCount, let begin = fit.start(at: positions, within: bounds) else { return nil }
      let state = fit.minimum(from: begin, within: bounds, tolerance: config.tolerance)
      (self.data, self.fit, self.state) = (data, fit, state)
      positions = state.positions
      for number in 1..<fit.planes.count {
        let plane = number == 1 ? data.science : data.template
        let excess = fit.chi2(ofPlane: number, at: state) / Double(max(1, fit.planes[number].count - 9))
        let scale = plane.map { max(1, excess / $0.weight) } ?? 1
        if number == 1 { data.science?.scale = scale } else { data.template?.scale = scale }
      }
    }
    guard state.linear.prefix(fit.fluxCount).allSatisfy({ $0 > 0 }) else { return nil }
  }

  /// Whether both images by themselves show a star at their lobe, with about the flux of the fit.
  ///
  /// Else a new source and what the subtraction left of the neighbour could be the two lobes.
  private func isSeenOnImages(_ start: DipoleStart, _ config: DipoleFitConfig) -> Bool {
    let images = [(data.science, 0, state.linear[0]), (data.template, 1, state.linear[config.negativeFlux])]
    return images.allSatisfy { image, lobe, flux in
      guard let image else { return true }
      let plane = image.fitPlane([.init(source: 0, flux: 0), .init(source: 1, flux: 1)], hasBackground: true)
      let fit = PointSourceFit(planes: [plane], sourceCount: 2, fluxCount: 2)
      let positions = [state.positions[lobe], state.positions[2]]
      // The lobe stays where it is; the neighbour goes where this image has it.
      let bounds = zip(positions, [0, start.sigma]).map { PositionBounds(about: $0, reach: $1, on: plane.box) }
      guard let begin = fit.start(at: positions, within: bounds) else { return false }
      let found = fit.minimum(from: begin, within: bounds, tolerance: 1e-3, maxSteps: 8)
      return abs(found.linear[0] - flux) < 0.5 * flux
    }
  }

  /// Lobes on the difference alone, no closer than a tenth of the PSF's standard deviation and the positive one first.
  ///
  /// Closer ones look the same but for their fluxes, which grow beyond all bounds; past each other, they only change their signs.
  private static func apart(
    _ state: PointSourceFit.State, _ fit: PointSourceFit, _ start: DipoleStart
  ) -> PointSourceFit.State? {
    let (first, second) = (state.positions[0], state.positions[1])
    let (distance, least) = (first.distance(to: second), 0.1 * start.sigma)
    let isReversed = state.linear.prefix(fit.fluxCount).allSatisfy { $0 < 0 }
    guard distance > 0, distance < least || isReversed else { return nil }
    let half = (first - second) * (max(1, least / distance) * (isReversed ? -0.5 : 0.5))
    let center = (first + second) * 0.5
    return fit.start(at: [center + half, center - half], within: start.bounds)
  }
}

extension DipoleFitConfig {
  /// Which of a fit's fluxes is that of the negative lobe.
  var negativeFlux: Int { fitSeparateNegParams ? 1 : 0 }
}
