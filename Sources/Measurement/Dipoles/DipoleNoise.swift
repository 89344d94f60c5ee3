// SPDX-License-Identifier: GPL-3.0-or-later
// What a dipole is compared with its noise by.

internal import Imaging
internal import SkyGeometry

extension DipoleData {
  /// χ² over all images with the variances that they have: without the weights of images, and without what was added for bad fits.
  func trueChi2(of state: PointSourceFit.State, in fit: PointSourceFit, _ config: DipoleFitConfig) -> Double {
    guard config.weighting == .variance else { return state.chi2 }
    return planes.enumerated().reduce(0) { sum, plane in
      let (number, data) = plane
      return sum + fit.chi2(ofPlane: number, at: state) * data.scale * data.correlation / data.weight
    }
  }

  /// Both fluxes over the noise of a fit of each lobe on its image, in quadrature; on another image where that one is missing.
  func signalToNoise(
    of state: PointSourceFit.State, in fit: PointSourceFit, _ positiveFlux: Double, _ negativeFlux: Double
  ) -> Double {
    /// Σp²/v: the inverse variance of the flux of a point source.
    func sensitivity(_ term: Int, _ plane: Plane, _ number: Int) -> Double {
      fit.image(ofTerm: term, onPlane: number, at: state).reduce(0) { $0 + $1 * $1 } * plane.scale / plane.weight
    }
    let onDifference = (sensitivity(0, difference, 0), sensitivity(1, difference, 0))
    let first = science.map { sensitivity(0, $0, 1) } ?? onDifference.0
    let second = template.map { sensitivity(0, $0, fit.planes.count - 1) } ?? onDifference.1
    return (positiveFlux * positiveFlux * first + negativeFlux * negativeFlux * second).squareRoot()
  }
}

extension DipoleFit {
  /// As the reference has it: both fluxes over the root of the variance in the whole box, in quadrature (A.15.11).
  static func boxSignalToNoise(
    _ box: Box2I, _ positiveFlux: Double, _ negativeFlux: Double, _ difference: MeasurementImage,
    _ science: MeasurementImage?, _ template: MeasurementImage?
  ) -> Double {
    func variance(_ image: MeasurementImage) -> Double {
      image.variance.cropped(to: box).pixels.reduce(0) { $1.isNaN ? $0 : $0 + Double($1) }
    }
    let first = science ?? difference
    let (a, b) = (variance(first), variance(template ?? first))
    return (positiveFlux * positiveFlux / a + negativeFlux * negativeFlux / b).squareRoot()
  }
}
