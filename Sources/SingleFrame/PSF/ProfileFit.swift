// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of fitting a PSF model.

internal import Imaging
internal import SkyGeometry

/// The steps from stamps to a PSF model (see ``PSFFit``).
struct ProfileFit {
  private(set) var stars: [(star: Int, stamp: StarStamp)]
  private(set) var psf: any PSF
  private(set) var reducedChi2: [Double] = []
  let order: Int

  /// - Throws: ``Imaging/ImagingError/noResult(_:)`` when too few stars are left.
  init(
    _ stamps: [(star: Int, stamp: StarStamp)], guess: Double, over box: Box2I, _ config: PSFFitConfig
  ) throws(ImagingError) {
    stars = stamps
    var field = ShapeField(StarProfile(fwhm: guess), order: 0, over: box)
    for _ in 0..<4 { _ = try Self.step(&field, &stars, config) }
    // Low orders first, or the field would bend to galaxies.
    for (limit, order) in [(3.5, 1), (2.5, 1), (2, 2)] {
      let fits = try Self.step(&field, &stars, config)
      stars = Self.withoutOutliers(stars, fits, limit: limit, atLeast: config.minStars)
      field = field.raised(to: min(order, Self.order(for: stars.count, config)), over: box)
      for _ in 0..<2 { _ = try Self.step(&field, &stars, config) }
    }
    guard stars.count >= config.minStars else { throw .noResult("too few stars are alike") }
    order = field.basis.order
    let fwhm = field.profile(at: box.center).fwhm
    let half = stars.first.map(\.stamp.half) ?? 5
    var grid = try PSFGrid(field, halfWidth: half, sampling: fwhm < config.undersampledFwhm ? 0.5 : 1, over: box)
    psf = try grid.psf()
    try refit()
    dropContaminated(atLeast: config.minStars)
    if config.doFitResiduals, stars.count >= 5 { try improve(&grid) }
  }

  /// Leaves out the stars whose stamps hold something else.
  private mutating func dropContaminated(atLeast minimum: Int) {
    let kept = Self.inliers(reducedChi2)
    guard kept.count >= minimum else { return }
    stars = kept.map { stars[$0] }
    reducedChi2 = kept.map { reducedChi2[$0] }
  }

  /// Those that are not beyond the median by five widths, nor by half of it.
  private static func inliers(_ values: [Double]) -> [Int] {
    let finite = values.filter(\.isFinite)
    let middle = StarSelection.median(finite)
    let width = 1.4826 * StarSelection.median(finite.map { abs($0 - middle) })
    return values.indices.filter { values[$0] <= max(middle + 5 * width, 1.5 * middle) }
  }

  private static func step(
    _ field: inout ShapeField, _ stars: inout [(star: Int, stamp: StarStamp)], _ config: PSFFitConfig
  ) throws(ImagingError) -> [(chi2: Double, widthOffset: Double)] {
    var stamps = stars.map(\.stamp)
    let fits = try field.step(&stamps, modelError: config.modelError)
    for i in stamps.indices { stars[i].stamp = stamps[i] }
    return fits
  }

  private static func order(for count: Int, _ config: PSFFitConfig) -> Int {
    var order = config.spatialOrder
    while order > 0, count < config.starsPerTerm * SpatialBasis.termCount(order: order) { order -= 1 }
    return order
  }

  /// Without the stars that fit badly, or are wider or narrower than the others where they are (galaxies, blends).
  private static func withoutOutliers(
    _ stars: [(star: Int, stamp: StarStamp)], _ fits: [(chi2: Double, widthOffset: Double)], limit: Double,
    atLeast minimum: Int
  ) -> [(star: Int, stamp: StarStamp)] {
    var kept = inliers(fits.map(\.chi2))
    let spread = 1.4826 * StarSelection.median(kept.map { abs(fits[$0].widthOffset) })
    if kept.count > minimum { kept = kept.filter { abs(fits[$0].widthOffset) <= limit * max(1, spread) } }
    return kept.count >= minimum ? kept.map { stars[$0] } : stars
  }

  /// Adds what is left of the stars, as long as that brings the model closer to them.
  private mutating func improve(_ grid: inout PSFGrid) throws(ImagingError) {
    let residualOrder = stars.count >= 150 ? 2 : stars.count >= 60 ? 1 : 0
    for _ in 0..<3 {
      let before = (self, grid, reducedChi2.reduce(0, +))
      var residuals = PSFResiduals(grid, order: residualOrder)
      for (_, stamp) in stars {
        guard let model = try? psf.image(at: stamp.position) else { continue }
        residuals.add(stamp, model: model)
      }
      for (term, plane) in residuals.planes().enumerated() {
        for i in plane.indices { grid.planes[term][i] += plane[i] }
      }
      guard let better = try? grid.psf() else { return }
      psf = better
      try refit()
      guard reducedChi2.reduce(0, +) < before.2 else {
        (self, grid) = (before.0, before.1)
        return
      }
    }
  }

  /// Positions, fluxes and remaining sky of the stars under the model, by two Gauss–Newton steps each.
  private mutating func refit() throws(ImagingError) {
    reducedChi2 = []
    for i in stars.indices {
      for _ in 0..<2 {
        guard let fit = try? PointSourceFit(stars[i].stamp, psf) else { break }
        fit.update(&stars[i].stamp)
      }
      reducedChi2.append((try? PointSourceFit(stars[i].stamp, psf))?.reducedChi2 ?? .infinity)
    }
  }
}
