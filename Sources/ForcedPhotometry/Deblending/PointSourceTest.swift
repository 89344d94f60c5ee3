// SPDX-License-Identifier: GPL-3.0-or-later
// Which peaks of a family are point sources.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Fits a point source to each peak of a family, and says whether that is all there is (detection-measurement A.7.4).
///
/// **Model.** F·P(x − x₀), a plane, and point sources at the other peaks nearby, to the pixels about the peak; weights ramp/v, the ramp falling from 1 at one FWHM to
/// 0 at one and a half. χ² allows for a PSF that is wrong by a part of itself.
///
/// **Positions.** A source moves to where a fit with the derivatives of its PSF says, if that fits better. All peaks are fitted again, up to three times, with the
/// others where they have moved to; the result does not depend on their order.
struct PointSourceTest {
  /// What fits best about a peak.
  struct Fit {
    var flux: Double
    var position: Point2D
    /// Of flux 1.
    var stamp: Image<Double>
    var reducedChi2: Double
    var isPointSource: Bool
  }

  /// By peak; `nil` where there are no PSF or not enough pixels.
  private(set) var fits: [Fit?]
  private let psfs: LocalPSFs
  private let config: CoaddDeblendConfig
  /// By peak, where it is seen now; `nil` without a PSF.
  private var stars: [(position: Point2D, stamp: Image<Double>)?]
  private let regions: [FitRegion]
  /// By peak, the others whose light may be in its region.
  private let neighbours: [[Int]]

  private static let passes = 3
  /// Px; less changes no fit by more than its noise.
  private static let smallestMove = 0.01
  /// Of more the nearest: where peaks are closer than that, pixels cannot tell them apart.
  private static let maxNeighbours = 30

  init(_ peaks: [Peak], on pixels: FamilyPixels, _ psfs: LocalPSFs, fwhm: Double, _ config: CoaddDeblendConfig) {
    self.psfs = psfs
    self.config = config
    // A width of 100 px at most.
    let (inner, outer) = (Int(fwhm.rounded(.up)), Int((1.5 * fwhm).rounded(.up)))
    stars = peaks.indices.map { i in psfs.stamp(i, at: psfs.positions[i]).map { (psfs.positions[i], $0) } }
    regions = peaks.map { FitRegion(about: $0.pixel, inner: inner, outer: outer, of: pixels) }
    let reaches = psfs.kernels.map { kernel in
      kernel.map { Double(outer) + Double(min($0.width, $0.height)) / 2 } ?? 0
    }
    let positions = psfs.positions
    neighbours = peaks.indices.map { i in
      let near = peaks.indices.filter {
        $0 != i && psfs.kernels[$0] != nil && positions[$0].distance(to: positions[i]) < reaches[$0]
      }.map { (index: $0, distance: positions[$0].distance(to: positions[i])) }
      return near.sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }.prefix(Self.maxNeighbours).map(\.index)
    }
    fits = Array(repeating: nil, count: peaks.count)
    for _ in 0..<Self.passes {
      fits = peaks.indices.map { best($0, regions[$0]) }
      guard move() else { break }
    }
  }

  /// The stamps follow the fits.
  ///
  /// - Returns: whether any has moved.
  private mutating func move() -> Bool {
    var hasMoved = false
    for (i, fit) in fits.enumerated() {
      guard let fit, let star = stars[i] else { continue }
      if fit.position.distance(to: star.position) > Self.smallestMove { hasMoved = true }
      stars[i] = (fit.position, fit.stamp)
    }
    return hasMoved
  }

  /// Fits a peak again, beside the light of other forms.
  ///
  /// - Returns: whether a point source is all that there is beside it.
  mutating func look(again i: Int, beside templates: [Template], on pixels: FamilyPixels) -> Bool {
    guard let before = stars[i], let start = psfs.stamp(i, at: psfs.positions[i]) else { return false }
    var region = regions[i]
    guard region.add(templates, on: pixels, error: config.psfError) else { return false }
    stars[i] = (psfs.positions[i], start)
    var found: Fit?
    for _ in 0..<Self.passes {
      guard let star = stars[i], let fit = best(i, region) else { break }
      found = fit
      stars[i] = (fit.position, fit.stamp)
      guard fit.position.distance(to: star.position) > Self.smallestMove else { break }
    }
    guard let found, found.isPointSource else {
      stars[i] = before
      return false
    }
    fits[i] = found
    return true
  }

  /// The best of two places: where the source is seen now, and where the derivatives say.
  private func best(_ i: Int, _ region: FitRegion) -> Fit? {
    guard let star = stars[i] else { return nil }
    let others = neighbours[i].compactMap { stars[$0] }.map { region.column(of: $0.stamp) }.filter { column in
      column.contains { $0 != 0 }
    }
    func solve(_ stamp: Image<Double>, _ slopes: [[Double]] = []) -> FitRegion.Solution? {
      region.solve([region.column(of: stamp)] + slopes + others, psfError: config.psfError)
    }
    guard let here = solve(star.stamp) else { return nil }
    let stays = Fit(
      flux: here.values[0], position: star.position, stamp: star.stamp, reducedChi2: here.reducedChi2,
      isPointSource: here.reducedChi2 < config.psfChisq1)
    guard let slopes = solve(star.stamp, region.slopes(of: star.stamp)), slopes.values[0] > 0 else { return stays }
    let (dx, dy) = (slopes.values[1] / slopes.values[0], slopes.values[2] / slopes.values[0])
    let position = Point2D(x: star.position.x + dx, y: star.position.y + dy)
    // From its peak no source is farther than a pixel.
    let way = position - psfs.positions[i]
    guard abs(dx) < 1, abs(dy) < 1, abs(way.x) <= 1, abs(way.y) <= 1, let stamp = psfs.stamp(i, at: position),
      let there = solve(stamp), there.reducedChi2 < here.reducedChi2
    else { return stays }
    let isPointSource = slopes.reducedChi2 < config.psfChisq2 && there.reducedChi2 < config.psfChisq2b
    if stays.isPointSource && !isPointSource { return stays }
    return Fit(
      flux: there.values[0], position: position, stamp: stamp, reducedChi2: there.reducedChi2,
      isPointSource: isPointSource)
  }
}
