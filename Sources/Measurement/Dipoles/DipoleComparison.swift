// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a source is a dipole at all.

internal import Foundation
internal import Imaging
internal import SkyGeometry

/// A dipole beside what else could look like one, on the difference alone.
struct DipoleComparison {
  /// χ² of a single source less that of the dipole.
  let deltaChi2: Double
  /// By how much Bayes' information criterion prefers the dipole.
  let bicDifference: Double
  /// The larger lobe's part of both, as they appear in the difference.
  let lobeShare: Double

  /// - Returns: `nil` where one of the two has no fit.
  init?(
    _ data: DipoleData, _ state: PointSourceFit.State, in fit: PointSourceFit, _ start: DipoleStart,
    _ config: DipoleFitConfig
  ) {
    let hasBackground = data.hasDifferenceBackground(config)
    guard let single = Self.single(data.difference, start, config, hasBackground: hasBackground) else { return nil }
    let dipole = fit.chi2(ofPlane: 0, at: state)
    let count = fit.planes[0].count
    let degrees = Double(max(1, count - 4 - fit.fluxCount))
    // Where neither fits, differences of χ² mean less: noise is what the better one leaves.
    let noise = config.weighting == .variance ? max(1, dipole / degrees) : dipole / degrees
    let gain = single - dipole
    deltaChi2 = config.weighting == .variance ? gain : gain / noise
    // A single source has a flux and a position.
    bicDifference = gain / noise - Double(4 + fit.fluxCount - 3) * log(Double(max(1, count)))
    guard let share = Self.lobeShare(data.difference, state, hasBackground: hasBackground) else { return nil }
    lobeShare = share
  }

  /// χ² of a single source, positive or negative.
  private static func single(
    _ difference: DipoleData.Plane, _ start: DipoleStart, _ config: DipoleFitConfig, hasBackground: Bool
  ) -> Double? {
    let fit = PointSourceFit(
      planes: [difference.fitPlane([.init(source: 0, flux: 0)], hasBackground: hasBackground)], sourceCount: 1,
      fluxCount: 1)
    let better = zip([start.positive, start.negative], start.bounds)
      .compactMap { position, bounds in fit.start(at: [position], within: [bounds]).map { ($0, bounds) } }
      .min { $0.0.chi2 < $1.0.chi2 }
    return better.map { fit.minimum(from: $0, within: [$1], tolerance: 1e-3).chi2 }
  }

  /// The larger lobe's part of both, with fluxes that the difference alone gives them.
  ///
  /// The light above and below zero is compared, not the fluxes: lobes that overlap take most of each other away, and what is left of
  /// a source that moved is still as much above as below, but not that of a star that stays beside a new source.
  private static func lobeShare(
    _ difference: DipoleData.Plane, _ state: PointSourceFit.State, hasBackground: Bool
  ) -> Double? {
    let plane = difference.fitPlane(
      [.init(source: 0, flux: 0), .init(source: 1, flux: 1, sign: -1)], hasBackground: hasBackground)
    let fit = PointSourceFit(planes: [plane], sourceCount: 2, fluxCount: 2)
    guard let free = fit.state(at: state.positions) else { return nil }
    var (above, below) = (0.0, 0.0)
    let images = (fit.image(ofTerm: 0, onPlane: 0, at: free), fit.image(ofTerm: 1, onPlane: 0, at: free))
    for ((a, b), root) in zip(zip(images.0, images.1), plane.roots) where root > 0 {
      let value = (free.linear[0] * a - free.linear[1] * b) / root
      if value > 0 { above += value } else { below -= value }
    }
    return above + below > 0 ? max(above, below) / (above + below) : nil
  }
}
