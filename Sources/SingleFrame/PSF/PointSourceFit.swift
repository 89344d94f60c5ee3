// SPDX-License-Identifier: GPL-3.0-or-later
// A star under a known PSF.

internal import Imaging
internal import SkyGeometry

/// The fit of a star's position, flux and remaining sky under a PSF: one Gauss–Newton step.
struct PointSourceFit {
  /// Mean square residual in standard deviations before the step.
  let reducedChi2: Double
  private let flux: Double
  private let background: Double
  private let shift: Point2D

  /// - Throws: ``Imaging/ImagingError`` where the PSF is undefined, or the pixels do not determine the star.
  init(_ star: StarStamp, _ psf: any PSF) throws(ImagingError) {
    let model = try psf.image(at: star.position)
    var system = SymmetricSystem(size: 4)
    var (chi2, count) = (0.0, 0)
    let inner = model.box.grown(by: -1)
    var h = [Double](repeating: 0, count: 16)
    var g = [Double](repeating: 0, count: 4)
    for v in 0..<star.side {
      for u in 0..<star.side {
        let weight = Double(star.weights[v * star.side + u])
        let (x, y) = (star.center.x - star.half + u, star.center.y - star.half + v)
        guard weight > 0, inner.contains(x: x, y: y) else { continue }
        let m = model[x, y]
        let rest = Double(star.pixels[v * star.side + u]) - star.background
        // From the first guess on the amplitude is a flux.
        let j = (m, 0.5 * (model[x - 1, y] - model[x + 1, y]), 0.5 * (model[x, y - 1] - model[x, y + 1]))
        let row = [j.0, j.1, j.2, 1]
        for a in 0..<4 {
          g[a] += weight * row[a] * rest
          for b in a..<4 { h[a * 4 + b] += weight * row[a] * row[b] }
        }
        chi2 += weight * (rest - star.amplitude * m) * (rest - star.amplitude * m)
        count += 1
      }
    }
    guard count > 4 else { throw .noResult("a star has too few pixels") }
    h[15] += 1 / star.backgroundVariance
    g[3] -= star.background / star.backgroundVariance
    for a in 0..<4 {
      system.addRight(g[a], row: a)
      for b in a..<4 { system.add(h[a * 4 + b], row: a, column: b) }
    }
    let solution = try system.solve().values
    guard solution[0] > 0 else { throw .noResult("a star has no flux") }
    flux = solution[0]
    background = star.background + solution[3]
    shift = Point2D(x: solution[1] / solution[0], y: solution[2] / solution[0])
    reducedChi2 = chi2 / Double(count)
  }

  func update(_ star: inout StarStamp) {
    star.amplitude = flux
    star.background = background
    star.position = Point2D(
      x: star.position.x + min(max(shift.x, -0.3), 0.3), y: star.position.y + min(max(shift.y, -0.3), 0.3))
  }
}
