// SPDX-License-Identifier: GPL-3.0-or-later
// Point sources fitted to a blend.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Point sources that are fitted to the pixels of a footprint, all at once (detection-measurement F.1.10).
///
/// **Model.** d = Σ Fᵢ P(x − xᵢ), weights 1/v; positions move by what the linear fit of the PSF's derivatives says, twice.
struct BlendFit {
  struct PointSource {
    let peak: Peak
    var position: Point2D
    var flux: Double
    var fluxError: Double
    /// The PSF there.
    var stamp: Image<Double>
  }

  private(set) var sources: [PointSource]
  /// χ² over degrees of freedom, the PSF's own error included.
  private(set) var reducedChi2 = Double.nan
  private let pixels: [Pixel]

  private struct Pixel {
    let x: Int
    let y: Int
    let value: Double
    let variance: Double
  }

  /// - Returns: `nil` where a PSF or the pixels for it are missing.
  init?(_ footprint: Footprint, peaks: [Peak], on image: MaskedImage, psf: any PSF, _ config: DeblendConfig) {
    let excluded = image.mask.planes.bitMask(ofExisting: config.maskPlanes)
    var pixels: [Pixel] = []
    for span in footprint.spans.clipped(to: image.box).spans {
      let (values, variances, bits) = (image.image.row(span.y), image.variance.row(span.y), image.mask.bits.row(span.y))
      for x in span.x0...span.x1 {
        let i = x - image.box.minX
        guard bits[i] & excluded == 0, values[i].isFinite, variances[i] > 0, variances[i].isFinite else { continue }
        pixels.append(Pixel(x: x, y: span.y, value: Double(values[i]), variance: Double(variances[i])))
      }
    }
    self.pixels = pixels
    sources = []
    for peak in peaks {
      guard let stamp = try? psf.image(at: peak.position) else { return nil }
      sources.append(PointSource(peak: peak, position: peak.position, flux: .nan, fluxError: .nan, stamp: stamp))
    }
    guard fit(psf, config) else { return nil }
  }

  /// Fits, takes out the source that is least significant if it is none, and fits again.
  private mutating func fit(_ psf: any PSF, _ config: DeblendConfig) -> Bool {
    while true {
      for _ in 0..<2 { guard move(psf) else { return false } }
      guard solve() else { return false }
      let faintest = sources.indices.min { significance($0) < significance($1) }
      guard sources.count > 1, let faintest, significance(faintest) < config.minPeakSignificance else { break }
      sources.remove(at: faintest)
    }
    reducedChi2 = chi2(config.psfError) / Double(max(1, pixels.count - 3 * sources.count))
    return true
  }

  /// The polarity's sign is the peak's.
  private func significance(_ i: Int) -> Double {
    let sign: Double = sources[i].peak.isFromNegative ? -1 : 1
    return sign * sources[i].flux / sources[i].fluxError
  }

  private mutating func solve() -> Bool {
    let columns = sources.flatMap { source in pixels.map { Self.value(of: source.stamp, $0) } }
    guard let system = system(columns), let solution = try? system.solve(), solution.nullity == 0,
      let covariance = system.inverse()
    else { return false }
    for i in sources.indices {
      sources[i].flux = solution.values[i]
      sources[i].fluxError = covariance[i * sources.count + i].squareRoot()
    }
    return true
  }

  /// Moves each source by at most a pixel to where fluxes and derivatives together fit best.
  private mutating func move(_ psf: any PSF) -> Bool {
    var columns = sources.flatMap { source in pixels.map { Self.value(of: source.stamp, $0) } }
    for source in sources {
      for (dx, dy) in [(0.5, 0.0), (0, 0.5)] {
        let (ahead, behind) = (
          Point2D(x: source.position.x + dx, y: source.position.y + dy),
          Point2D(x: source.position.x - dx, y: source.position.y - dy)
        )
        guard let plus = try? psf.image(at: ahead), let minus = try? psf.image(at: behind) else { return false }
        columns += pixels.map { Self.value(of: plus, $0) - Self.value(of: minus, $0) }
      }
    }
    guard let system = system(columns), let solution = try? system.solve(), solution.nullity == 0 else { return false }
    for i in sources.indices {
      let flux = solution.values[i]
      guard flux != 0 else { continue }
      let shift = (solution.values[sources.count + 2 * i] / flux, solution.values[sources.count + 2 * i + 1] / flux)
      guard shift.0.isFinite, shift.1.isFinite else { return false }
      let start = sources[i].peak.position
      let position = Point2D(
        x: min(max(sources[i].position.x + shift.0, start.x - 1), start.x + 1),
        y: min(max(sources[i].position.y + shift.1, start.y - 1), start.y + 1))
      guard let stamp = try? psf.image(at: position) else { return false }
      sources[i].position = position
      sources[i].stamp = stamp
    }
    return true
  }

  private func system(_ columns: [Double]) -> SymmetricSystem? {
    guard !pixels.isEmpty else { return nil }
    return try? SymmetricSystem(
      columns: columns, rowCount: pixels.count, target: pixels.map(\.value), weights: pixels.map { 1 / $0.variance })
  }

  private func chi2(_ psfError: Double) -> Double {
    pixels.reduce(0) { sum, pixel in
      let model = sources.reduce(0) { $0 + $1.flux * Self.value(of: $1.stamp, pixel) }
      let rest = pixel.value - model
      let ofPSF = psfError * model
      return sum + rest * rest / (pixel.variance + ofPSF * ofPSF)
    }
  }

  private static func value(of stamp: Image<Double>, _ pixel: Pixel) -> Double {
    stamp.box.contains(x: pixel.x, y: pixel.y) ? stamp[pixel.x, pixel.y] : 0
  }
}
