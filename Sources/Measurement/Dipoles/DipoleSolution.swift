// SPDX-License-Identifier: GPL-3.0-or-later
// The fit that counts, of those that can be made.

internal import Imaging
internal import SkyGeometry

/// The best fit of two lobes, and which images it was made to.
struct DipoleSolution {
  private(set) var data: DipoleData
  private(set) var fit: PointSourceFit
  private(set) var state: PointSourceFit.State

  /// The fit to all images, or to the difference alone where that has something against it.
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
    // The two images may make the fit follow a star that did not move.
    let chi2 = fit.chi2(ofPlane: 0, at: state)
    let degrees = Double(max(1, fit.planes[0].count - 4 - fit.fluxCount))
    guard hasImages, chi2 > single || chi2 > degrees + 5 * (2 * degrees).squareRoot(),
      let other = try? DipoleSolution(all.alone, start, config)
    else { return }
    // Five unknowns that the images know better cost the difference no more than 30.
    if other.state.chi2 + 30 * max(1, other.state.chi2 / degrees) < chi2, other.isSeenOnImages(sigma: start.sigma) {
      self = other
    }
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
      guard state.linear[0] > 0, state.linear[fit.fluxCount - 1] > 0 else { continue }
      (self.data, self.fit, self.state) = (data, fit, state)
      return
    }
    throw .noFlux
  }

  /// Lobes on the difference alone, no closer than a tenth of the PSF's standard deviation and the positive one first.
  ///
  /// Closer ones look the same but for their fluxes, which grow beyond all bounds; past each other, they only change their signs.
  private static func apart(
    _ state: PointSourceFit.State, _ fit: PointSourceFit, _ start: DipoleStart
  ) -> PointSourceFit.State? {
    let (first, second) = (state.positions[0], state.positions[1])
    let (distance, least) = (first.distance(to: second), 0.1 * start.sigma)
    let isReversed = state.linear[0] < 0 && state.linear[fit.fluxCount - 1] < 0
    guard distance > 0, distance < least || isReversed else { return nil }
    let half = (first - second) * (max(1, least / distance) * (isReversed ? -0.5 : 0.5))
    let center = (first + second) * 0.5
    return fit.start(at: [center + half, center - half], within: start.bounds)
  }

  /// Whether each image that the fit left out has a star at its lobe, with about the flux that the difference gives it.
  ///
  /// Without this, a new source and what the subtraction left of a star could be the two lobes.
  func isSeenOnImages(sigma: Double) -> Bool {
    let lobes = [
      (data.whole.science, data.science == nil, 0, state.linear[0]),
      (data.whole.template, data.template == nil, 1, state.linear[fit.fluxCount - 1]),
    ]
    return lobes.allSatisfy { image, isLeftOut, lobe, flux in
      guard let image, isLeftOut else { return true }
      guard let found = image.flux(at: state.positions[lobe], sigma: sigma) else { return false }
      return found > 0.5 * flux && found < 2 * flux
    }
  }
}

extension DipoleData.Plane {
  /// The flux of a star at a position, beside the brightest other one.
  fileprivate func flux(at position: Point2D, sigma: Double) -> Double? {
    let usable = pixels.variances.indices.filter { pixels.variances[$0] > 0 }
    guard let peak = usable.max(by: { pixels.values[$0] < pixels.values[$1] }) else { return nil }
    let brightest = Point2D(
      x: Double(pixels.box.minX + peak % pixels.box.width), y: Double(pixels.box.minY + peak / pixels.box.width))
    let isAlone = brightest.distance(to: position) < max(0.75 * sigma, 1)
    let terms = [FitPlane.Term(source: 0, flux: 0)] + (isAlone ? [] : [.init(source: 1, flux: 1)])
    let plane = FitPlane(pixels, weights: pixels.weights(), kernel: kernel, terms: terms, hasBackground: true)
    let fit = PointSourceFit(planes: [plane], sourceCount: terms.count, fluxCount: terms.count)
    let positions = isAlone ? [position] : [position, brightest]
    let bounds = positions.enumerated().map { i, p in
      PositionBounds(about: p, reach: i == 0 ? 0 : 1.5 * sigma, on: pixels.box)
    }
    return fit.start(at: positions, within: bounds)
      .map { fit.minimum(from: $0, within: bounds, tolerance: 1e-3, maxSteps: 8).linear[0] }
  }
}
