// SPDX-License-Identifier: GPL-3.0-or-later
// Two lobes of a source that moved.

package import Catalogs
internal import Foundation
internal import Imaging
package import SkyGeometry

/// Why a dipole cannot be fitted.
package enum DipoleFitFailure: Error, Hashable, Sendable {
  /// The footprint is not on all images.
  case edge
  /// The footprint is larger than one may be.
  case tooLarge
  /// There is no PSF at the source.
  case undefinedPSF
  /// Too few pixels are good, or they do not determine the dipole.
  case undetermined
  /// The fit gives a lobe the wrong sign.
  case noFlux
}

/// The fit of a positive and a negative point source to a difference, and to the two images that it was made of
/// (detection-measurement A.15).
package struct DipoleFit: Hashable, Sendable {
  /// One of the two sources.
  package struct Lobe: Hashable, Sendable {
    package let position: Point2D
    /// Standard errors of x and y.
    package let positionError: Point2D
    /// Above 0 for both lobes.
    package let flux: Double
    package let fluxError: Double
  }

  /// Where the star is in the science image.
  package let positive: Lobe
  /// Where it is in the template.
  package let negative: Lobe
  /// The mean of both fluxes.
  package let flux: Double
  package let fluxError: Double
  /// The mean position of the lobes.
  package let center: Point2D
  package let centerError: Point2D
  /// χ² per degree of freedom over all images, with the variances that they have.
  package let chi2dof: Double
  /// Pixels of all images that were used.
  package let dataCount: Int
  package let signalToNoise: Double
  /// How much worse a single source fits the difference: χ² of that less χ² of the dipole.
  package let deltaChi2: Double
  /// By how much Bayes' information criterion prefers the dipole to a single source.
  package let bicDifference: Double
  /// The larger lobe's part of the light in the difference, 0.5 to 1.
  package let lobeShare: Double
  /// Whether the source is a dipole, by everything that the configuration asks.
  package let isDipole: Bool

  /// Distance of the lobes, px.
  package var separation: Double { positive.position.distance(to: negative.position) }
  /// Direction from the negative to the positive lobe, degrees counter-clockwise from +x.
  package var orientation: Double {
    let d = positive.position - negative.position
    return atan2(d.y, d.x) * 180 / .pi
  }

  /// Fits a source.
  ///
  /// - Parameters:
  ///   - footprint: of the source, with its peaks.
  ///   - science: with the positive lobe; `nil` when there is no such image.
  ///   - template: with the negative lobe, matched to the science image.
  /// - Throws: ``DipoleFitFailure``.
  package init(
    _ footprint: Footprint, difference: MeasurementImage, science: MeasurementImage?, template: MeasurementImage?,
    _ config: DipoleFitConfig = .init()
  ) throws(DipoleFitFailure) {
    guard config.maxFootprintArea <= 0 || footprint.area <= config.maxFootprintArea else { throw .tooLarge }
    let region = try DipoleData.region(
      footprint, on: [difference] + [science, template].compactMap { $0 }, config)
    let start = try DipoleStart(footprint, on: difference, box: region.box, config)
    let all =
      config.weighting == .variance
      ? try DipoleData(region, difference, science, template, start, config)
      : try DipoleData(unweighted: footprint, difference, science, template, start, config)
    guard let single = all.single(start, config) else { throw .undetermined }
    let solution = try DipoleSolution(all, single: single, start, config)
    let (data, fit, state) = (solution.data, solution.fit, solution.state)
    guard let covariance = data.covariance(of: state, in: fit, config),
      let comparison = DipoleComparison(data, state, in: fit, single: single, config)
    else { throw .undetermined }
    let (firstUnknown, second) = (2 * fit.sourceCount, config.negativeFlux)
    let (first, other) = (state.linear[0], state.linear[second])

    /// Standard error of a sum of unknowns, each times a factor.
    func error(_ terms: [(unknown: Int, factor: Double)]) -> Double {
      var variance = 0.0
      for a in terms {
        for b in terms { variance += a.factor * b.factor * covariance[a.unknown * state.size + b.unknown] }
      }
      return max(0, variance).squareRoot()
    }
    func lobe(_ i: Int, _ flux: Double, _ fluxUnknown: Int) -> Lobe {
      Lobe(
        position: state.positions[i],
        positionError: Point2D(x: error([(2 * i, 1)]), y: error([(2 * i + 1, 1)])), flux: flux,
        fluxError: error([(fluxUnknown, 1)]))
    }
    positive = lobe(0, first, firstUnknown)
    negative = lobe(1, other, firstUnknown + second)
    flux = (first + other) / 2
    fluxError = error([(firstUnknown, 0.5), (firstUnknown + second, 0.5)])
    center = (positive.position + negative.position) * 0.5
    centerError = Point2D(x: error([(0, 0.5), (2, 0.5)]), y: error([(1, 0.5), (3, 0.5)]))
    dataCount = fit.dataCount
    chi2dof = data.trueChi2(of: state, in: fit, config) / Double(fit.dataCount - fit.unknownCount)
    signalToNoise =
      config.weighting == .variance
      ? data.signalToNoise(of: state, in: fit, first, other)
      : Self.boxSignalToNoise(footprint.box, first, other, difference, science, template)
    deltaChi2 = comparison.deltaChi2
    bicDifference = comparison.bicDifference
    lobeShare = comparison.lobeShare
    let isFree = !zip(state.positions, start.bounds).contains { $1.isOnEdge($0) }
    isDipole =
      isFree && signalToNoise > config.minSn && max(first, other) / (2 * flux) < config.maxFluxRatio
      && lobeShare < config.maxFluxRatio && bicDifference > 0
  }
}
