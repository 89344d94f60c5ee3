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

  /// - Parameter single: χ² of a single source.
  /// - Returns: `nil` where the fluxes of the lobes cannot be told.
  init?(
    _ data: DipoleData, _ state: PointSourceFit.State, in fit: PointSourceFit, single: Double, _ config: DipoleFitConfig
  ) {
    let dipole = fit.chi2(ofPlane: 0, at: state)
    let (count, unknowns) = (fit.planes[0].count, 5 + config.negativeFlux)
    // Where neither fits, differences of χ² mean less: noise is what the better one leaves.
    let excess = dipole / Double(max(1, count - unknowns))
    let noise = config.weighting == .variance ? max(1, excess) : excess
    let gain = single - dipole
    deltaChi2 = config.weighting == .variance ? gain : gain / noise
    // A single source has a flux and a position.
    bicDifference = gain / noise - Double(unknowns - 3) * log(Double(max(1, count)))
    let hasBackground = data.hasDifferenceBackground(config)
    guard let share = Self.lobeShare(data.difference, state, hasBackground: hasBackground) else { return nil }
    lobeShare = share
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
