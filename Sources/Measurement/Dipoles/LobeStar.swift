// SPDX-License-Identifier: GPL-3.0-or-later
// The star of one lobe before subtraction.

internal import Imaging
internal import SkyGeometry

/// What one of the two images says of the star that moved, by itself, and how far it can be believed.
///
/// A difference shows the moved star alone; the images that it was made of also have what stands still: neighbours, a galaxy below.
/// A point source and a plane are fitted to an image, first to the core of the star and then to all, and pixels that something
/// else shines on are left out. How much worse the rest fits than its noise allows says how little the image may count.
struct LobeStar {
  let position: Point2D
  /// Pixels without those that something else shines on.
  let pixels: PlanePixels
  /// By how much variances are to be multiplied for χ² to be that of noise; 1 for a good fit.
  let scale: Double

  /// How far a pixel may be from the fit, in standard deviations, and how wrong the PSF may be, as a part of the model there.
  private static let (clip, psfError) = (5.0, 0.1)
  /// Radius of the core, in standard deviations of the PSF.
  private static let core = 2.5

  /// - Parameters:
  ///   - starts: where the star may be; the one that fits better counts.
  ///   - sigma: standard deviation of the PSF, px.
  /// - Returns: `nil` when there is no star, or too little of it can be seen.
  init?(_ all: PlanePixels, _ kernel: Image<Double>, near starts: [Point2D], sigma: Double, hasBackground: Bool) {
    func fit(_ pixels: PlanePixels) -> PointSourceFit {
      let plane = FitPlane(
        pixels, weights: pixels.weights(), kernel: kernel, terms: [.init(source: 0, flux: 0)],
        hasBackground: hasBackground)
      return PointSourceFit(planes: [plane], sourceCount: 1, fluxCount: 1)
    }
    let radius = max(Self.core * sigma, 2)
    guard let start = Self.best(of: starts, all, radius: radius, fit) else { return nil }
    let bounds = [PositionBounds(about: start, reach: radius, on: all.box)]
    func improved(_ pixels: PlanePixels, from position: Point2D) -> (PointSourceFit, PointSourceFit.State)? {
      let fit = fit(pixels)
      guard fit.dataCount > fit.unknownCount, let begin = fit.start(at: [position], within: bounds) else { return nil }
      let state = fit.minimum(from: begin, within: bounds, tolerance: 1e-3, maxSteps: 8)
      return state.linear[0] > 0 ? (fit, state) : nil
    }
    var near = all.within(radius, of: start)
    guard var (problem, state) = improved(near, from: start) else { return nil }
    if state.positions[0].distance(to: start) > sigma / 2 {
      near = all.within(radius, of: state.positions[0])
      guard let again = improved(near, from: state.positions[0]) else { return nil }
      (problem, state) = again
    }
    var (kept, part) = (all, near.box)
    // Where something was left out of the first fit to all, that fit says better what to leave out.
    for _ in 0..<2 {
      kept = all.keeping(Self.isDescribed(all, by: state, part, kernel))
      guard let next = improved(kept, from: state.positions[0]) else { return nil }
      (problem, state) = next
      part = all.box
      if kept.count == all.count { break }
    }
    let seen = kept.within(radius, of: state.positions[0]).count
    guard Double(seen) > 0.7 * Double(all.within(radius, of: state.positions[0]).count) else { return nil }
    position = state.positions[0]
    pixels = kept
    let degrees = Double(problem.dataCount - problem.unknownCount)
    let excess = state.chi2 / degrees
    // Five standard deviations of χ² are no accident.
    scale = excess > 1 + 5 * (2 / degrees).squareRoot() ? excess : 1
  }

  /// The start at which a star describes the pixels about all starts best.
  private static func best(
    of starts: [Point2D], _ all: PlanePixels, radius: Double, _ fit: (PlanePixels) -> PointSourceFit
  ) -> Point2D? {
    guard let first = starts.first, let last = starts.last, first != last else { return starts.first }
    let common = fit(all.within(radius + first.distance(to: last) / 2, of: (first + last) * 0.5))
    return starts.compactMap { start in common.state(at: [start]).map { (start, $0) } }
      .filter { $0.1.linear[0] > 0 }.min { $0.1.chi2 < $1.1.chi2 }?.0
  }

  /// Whether a fit describes each pixel and its neighbours.
  ///
  /// - Parameter part: the box that the fit was made in.
  private static func isDescribed(
    _ all: PlanePixels, by state: PointSourceFit.State, _ part: Box2I, _ kernel: Image<Double>
  ) -> [Bool] {
    let box = all.box
    let star = sourceImage(kernel, at: state.positions[0], over: box)
    let flux = state.linear[0]
    let plane = state.linear.count > 3 ? (state.linear[1], state.linear[2], state.linear[3]) : (0, 0, 0)
    var result = [Bool](repeating: true, count: star.count)
    for y in 0..<box.height {
      for x in 0..<box.width {
        let i = y * box.width + x
        guard all.variances[i] > 0 else { continue }
        let slopeX = FitPlane.slope(x + box.minX - part.minX, of: part.width)
        let slopeY = FitPlane.slope(y + box.minY - part.minY, of: part.height)
        let model = flux * star[i]
        let rest = all.values[i] - model - plane.0 - plane.1 * slopeX - plane.2 * slopeY
        let allowed = all.variances[i] + psfError * psfError * model * model
        guard rest * rest > clip * clip * allowed else { continue }
        for v in max(0, y - 1)...min(box.height - 1, y + 1) {
          for u in max(0, x - 1)...min(box.width - 1, x + 1) { result[v * box.width + u] = false }
        }
      }
    }
    return result
  }
}
