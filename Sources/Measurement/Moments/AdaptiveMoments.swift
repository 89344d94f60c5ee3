// SPDX-License-Identifier: GPL-3.0-or-later
// Moments of a source under a weight of its own shape.

package import Imaging
package import SkyGeometry

/// How adaptive moments are found; names and defaults as in the reference (detection-measurement B.3.1).
package struct AdaptiveMomentsControl: Hashable, Sendable {
  package var maxIter = 100
  /// How far the first moments may lie from the given centre along each axis, px.
  package var maxShift = 2.0
  /// Change of the ellipticities at which the iteration stops.
  package var tol1 = 1e-5
  /// Relative change of xx at which it stops.
  package var tol2 = 1e-4

  package init() {}
}

/// Moments of a source under a Gaussian weight of its own shape.
package struct AdaptiveMoments: Hashable, Sendable {
  /// First moments.
  package var center = Point2D(x: .nan, y: .nan)
  /// A Gaussian source has its own covariance here: object, PSF and pixel together, px².
  package var moments = SecondMoments(xx: .nan, yy: .nan, xy: .nan)
  /// Peak of the Gaussian with these moments and this flux; NaN when unweighted.
  package var amplitude = Double.nan
  /// The iteration failed, so that the moments are unweighted ones.
  package var isUnweighted = false
  /// Even those failed.
  package var isUnweightedBad = false
  /// The first moments lie too far from the given centre.
  package var isShifted = false
  package var hasReachedMaxIter = false

  /// Whether there are no moments to rely on.
  package var isBad: Bool { isUnweighted || isUnweightedBad || isShifted || moments.isSingular }

  package var determinantRadius: Double { moments.determinantRadius }
  package var traceRadius: Double { moments.traceRadius }
  package var fwhm: Double { moments.fwhm }

  /// 2π√det M times ``amplitude``, in the unit of the image.
  package var flux: Double { fluxScale * amplitude }
  var fluxScale: Double { 2 * .pi * moments.determinant.squareRoot() }
}

/// Moments of a source under a Gaussian weight of its own shape (detection-measurement B.3; Bernstein & Jarvis 2002).
///
/// The weight starts as a circle of variance 1.5 px² about the given centre, which stays where it is, and becomes what the
/// weighted moments say of the source until that no longer changes. Where that fails the moments are those of a box without a
/// weight, and marked. A pixel under the weight that is not finite makes it fail.
///
/// - Parameters:
///   - image: background subtracted; the unit is free.
///   - isNegative: for a source below zero.
package func adaptiveMoments(
  of image: Image<Float>, at center: Point2D, isNegative: Bool = false, control: AdaptiveMomentsControl = .init()
) -> AdaptiveMoments {
  var iteration = AdaptiveIteration(image, center, isNegative: isNegative, control)
  return iteration.run()
}

/// As for images of float32.
package func adaptiveMoments(
  of image: Image<Double>, at center: Point2D, isNegative: Bool = false, control: AdaptiveMomentsControl = .init()
) -> AdaptiveMoments {
  var iteration = AdaptiveIteration(image, center, isNegative: isNegative, control)
  return iteration.run()
}

/// The moments of a PSF's kernel image about its central pixel: the "shape" of the PSF (B.3.4).
///
/// - Parameter kernel: odd sides, the source at the central pixel.
package func adaptiveMoments(ofPSF kernel: Image<Double>) -> AdaptiveMoments {
  adaptiveMoments(of: kernel, at: kernel.box.center)
}

/// The iteration on one source.
private struct AdaptiveIteration<Pixel: BinaryFloatingPoint & BitwiseCopyable & Sendable> {
  private let image: Image<Pixel>
  private let center: Point2D
  private let sign: Double
  private let control: AdaptiveMomentsControl
  /// The covariance of the weight.
  private var shape = SecondMoments(xx: 1.5, yy: 1.5, xy: 0)
  private var isFine = false
  private var box = Box2I(width: 0, height: 0)

  init(_ image: Image<Pixel>, _ center: Point2D, isNegative: Bool, _ control: AdaptiveMomentsControl) {
    self.image = image
    self.center = center
    self.control = control
    sign = isNegative ? -1 : 1
  }

  mutating func run() -> AdaptiveMoments {
    var result = AdaptiveMoments()
    guard let amplitude = iterate(&result) else {
      result.isUnweighted = true
      measureUnweighted(&result)
      return result
    }
    result.moments = shape
    result.amplitude = amplitude
    return result
  }

  /// - Returns: the amplitude, `nil` when there is no convergence.
  private mutating func iterate(_ result: inout AdaptiveMoments) -> Double? {
    var weight: SecondMoments?
    var before: (e1: Double, e2: Double, xx: Double)?
    var count = 0
    while count < control.maxIter {
      box = searchBox()
      guard let inverse = shape.inverse, max(inverse.xx, inverse.yy, abs(inverse.xy)) <= 1e6 else { return nil }
      if !isFine, shape.xx < 0.25 || shape.yy < 0.25 || shape.determinant < 0.0625 {
        isFine = true
        // The sums under the last weight again, in finer steps, before its successor is trusted.
        if weight != nil {
          before?.xx = 1e6
          count -= 1
        }
        weight = weight ?? inverse
      } else {
        weight = inverse
      }
      guard let weight else { return nil }
      let sums = GaussianSums(of: image, at: center, weight: weight, isFine: isFine, in: box)
      guard isOfSource(sums) else { return nil }
      result.center = Point2D(x: center.x + sums.x / sums.sum, y: center.y + sums.y / sums.sum)
      if max(abs(sums.x / sums.sum), abs(sums.y / sums.sum)) > control.maxShift { result.isShifted = true }
      let found = SecondMoments(xx: sums.xx / sums.sum, yy: sums.yy / sums.sum, xy: sums.xy / sums.sum)
      let (e1, e2) = ((found.xx - found.yy) / found.trace, 2 * found.xy / found.trace)
      if count > 0, let before, abs(e1 - before.e1) < control.tol1, abs(e2 - before.e2) < control.tol1,
        abs(found.xx / before.xx - 1) < control.tol2
      {
        return sums.sum * weight.determinant.squareRoot() / .pi
      }
      before = (e1, e2, found.xx)
      // The product of source and weight is a Gaussian with the sum of their inverse covariances.
      guard let both = found.inverse,
        let next = SecondMoments(xx: both.xx - weight.xx, yy: both.yy - weight.yy, xy: both.xy - weight.xy).inverse,
        next.xx > 0, next.yy > 0
      else { return nil }
      shape = next
      count += 1
    }
    result.hasReachedMaxIter = true
    return nil
  }

  /// Whether flux and second moments have the sign of the source; false for NaN.
  private func isOfSource(_ sums: GaussianSums) -> Bool {
    sign * sums.sum > 0 && sign * sums.xx > 0 && sign * sums.yy > 0
  }

  /// Four standard deviations of the weight about the centre.
  private func searchBox() -> Box2I {
    let reach = min(4 * max(shape.xx, shape.yy, 0).squareRoot(), 1000)
    let square = Box2D(minX: center.x, minY: center.y, maxX: center.x, maxY: center.y).grown(by: reach)
    // A centre that is no position, or beyond where an image can be, has no pixels about it.
    guard let box = try? Box2I(covering: square) else { return Box2I(width: 0, height: 0) }
    return box.intersection(image.box)
  }

  private func measureUnweighted(_ result: inout AdaptiveMoments) {
    let none = SecondMoments(xx: 0, yy: 0, xy: 0)
    let sums = GaussianSums(of: image, at: center, weight: none, isFine: isFine, in: box)
    result.amplitude = .nan
    guard isOfSource(sums) else {
      result.isUnweightedBad = true
      // A source of one pixel.
      let isPositive = sign * sums.sum > 0
      result.moments = isPositive ? SecondMoments(xx: 1.0 / 12, yy: 1.0 / 12, xy: 0) : .init(.init(repeating: .nan))
      return
    }
    result.moments = SecondMoments(xx: sums.xx / sums.sum, yy: sums.yy / sums.sum, xy: sums.xy / sums.sum)
  }
}
