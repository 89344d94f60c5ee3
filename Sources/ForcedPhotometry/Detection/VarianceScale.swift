// SPDX-License-Identifier: GPL-3.0-or-later
// How far the variance of a coadd is from what sources need.

internal import Imaging
internal import SkyGeometry

/// What the variance plane has to be multiplied by, so that it gives the errors of what is as large as the PSF.
///
/// **Model.** At blank positions of a grid the PSF is fitted to the pixels, as `base_PsfFlux` does: Σmd/√(Σm²v). The factor is the square of the scatter of these numbers
/// (``BlankScatter``), which is 1 for white noise of the variance v. Where pixels share noise, as those of warps do, a single pixel's variance is smaller than this says, and for
/// sums over many more pixels than the PSF has it is larger: one number is right at one scale.
///
/// **Blank** is what keeps some distance from all detections and bad pixels, and has the whole stamp of the PSF within the image, all of it finite.
struct VarianceScale {
  /// For fits of the PSF.
  let ofSources: Double
  /// For single pixels; NaN when unknown.
  let ofPixels: Double
  let positionCount: Int

  /// About so many positions are looked at: they know the factor to half a percent.
  private static let enough = 1 << 16
  /// As many fits that share no pixel; with fewer the factor is worse than 15 %.
  private static let smallestCount = 100.0
  /// The PSF is taken at the centres of so many cells along an axis, none smaller than so many pixels.
  private static let (mostCells, smallestCell) = (8, 128)

  /// - Parameters:
  ///   - planes: what is not blank; those that the image lacks are ignored.
  ///   - distance: that blank positions keep from these, pixels.
  /// - Returns: `nil` with too few blank positions, or when what is there is no noise.
  /// - Throws: ``Imaging/ImagingError``.
  init?(
    of image: MaskedImage, psf: any PSF, ignoring planes: [String], within distance: Double
  ) throws(ImagingError) {
    let box = image.box
    guard !box.isEmpty, distance >= 0, distance < 10_000 else { return nil }
    let excluded = image.mask.planes.bitMask(ofExisting: planes)
    let blank = image.mask.growing(excluded, by: Int(distance.rounded(.up)))
    let density = (Double(box.width) * Double(box.height) / Double(Self.enough)).squareRoot()
    let step = max(1, Int(density.rounded(.up)))
    var (fits, pixels, independent): ([Float], [Float], Double) = ([], [], 0)
    for cell in Self.cells(of: box) {
      // A cell whose centre no image covers has none to fit with.
      guard let kernel = try? psf.kernelImage(at: cell.center) else { continue }
      let before = fits.count
      // Of the whole image's grid, the first that is within.
      let (firstX, firstY) = (Self.first(cell.minX, box.minX, step), Self.first(cell.minY, box.minY, step))
      for y in stride(from: firstY, to: cell.endY, by: step) {
        for x in stride(from: firstX, to: cell.endX, by: step) where blank[x, y] & excluded == 0 {
          let stamp = kernel.moved(toX: x + kernel.box.minX, y: y + kernel.box.minY)
          guard box.contains(stamp.box) else { continue }
          let sums = StampSums(of: stamp, on: image)
          let fit = Float(sums.products / sums.variances.squareRoot())
          guard fit.isFinite else { continue }
          fits.append(fit)
          pixels.append(image.image[x, y] / image.variance[x, y].squareRoot())
        }
      }
      let perPosition = min(1, kernel.pixels.reduce(0) { $0 + $1 * $1 } * Double(step * step))
      independent += Double(fits.count - before) * perPosition
    }
    guard independent >= Self.smallestCount, let scatter = try Self.scatter(of: fits) else { return nil }
    ofSources = scatter * scatter
    let grain = try Self.scatter(of: pixels) ?? .nan
    ofPixels = grain * grain
    positionCount = fits.count
  }

  private static func first(_ minimum: Int, _ origin: Int, _ step: Int) -> Int {
    minimum + (step - (minimum - origin) % step) % step
  }

  private static func scatter(of values: [Float]) throws(ImagingError) -> Double? {
    let finite = values.filter(\.isFinite)
    guard !finite.isEmpty else { return nil }
    let statistics = try PixelStatistics(of: finite, .quartiles)
    return BlankScatter(finite, startingAt: (statistics.median, statistics.robustStandardDeviation))?.width
  }

  private static func cells(of box: Box2I) -> [Box2I] {
    func edges(_ start: Int, _ length: Int) -> [Int] {
      let count = max(1, min(mostCells, length / smallestCell))
      return (0...count).map { start + $0 * length / count }
    }
    let (xs, ys) = (edges(box.minX, box.width), edges(box.minY, box.height))
    return zip(ys, ys.dropFirst()).flatMap { y, nextY in
      zip(xs, xs.dropFirst()).map { x, nextX in Box2I(minX: x, minY: y, width: nextX - x, height: nextY - y) }
    }
  }
}
