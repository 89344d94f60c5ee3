// SPDX-License-Identifier: GPL-3.0-or-later
// Finding cosmic rays.

internal import Catalogs
package import Imaging
internal import SkyGeometry

/// Finds cosmic rays: pixels that stand out of their neighbours more sharply than any star; marks them in the mask.
///
/// **Model.** detection-measurement A.14.4. A pixel is found when it exceeds the mean of two opposite neighbours by `minSigma` standard
/// deviations and, along some direction, is sharper than the PSF: `cond3_fac2` times the PSF's fall from its centre to the pixels beside
/// it, with `cond3_fac` standard deviations to spare. Pixels that touch, by corners too, are one cosmic ray, which must have `min_DN` counts.
/// Then its neighbours are tried with half of `minSigma` and no allowance for noise, up to `niteration` times, with what was found put at the
/// background: the median of the pixels without a source. (The reference draws random numbers there, so that its rims differ.)
///
/// **Invalid pixels.** None with BAD, INTRP, SAT or NO_DATA is found, nor one whose variance is not positive and finite, nor the border of one pixel.
///
/// The rim of a deep hole, as a bright star leaves where it is subtracted badly, stands out as sharply and is found, too.
///
/// - Parameters:
///   - image: on its background; the mask gets the plane CR, set on what is found, and the pixels stay as they are.
///   - psf: the PSF's kernel image, its centre at the central pixel.
/// - Throws: ``TooManyCosmicRays``; ``Imaging/ImagingError`` for a PSF whose central pixel is not above 0, or a mask without room for the plane CR.
package func findCosmicRays(
  in image: inout MaskedImage, psf: Image<Double>, _ config: CosmicRayConfig = .init()
) throws -> CosmicRays {
  let original = image.image
  var test = try CosmicRayTest(image, psf: psf, config)
  let seeds = try test.scan(minSigma: config.minSigma, limit: config.nCrPixelMax)
  test.restore(seeds, from: original)
  var rays = SpanSet(seeds.map { Span(y: $0.y, x0: $0.x, x1: $0.x) }).connectedParts().filter { part in
    part.pixels.reduce(0) { $0 + Double(original[$1.x, $1.y]) - test.level } >= config.minDN
  }
  for ray in rays { test.clear(ray.pixels) }
  for _ in 0..<config.niteration {
    guard try grow(&rays, test: &test, config) else { break }
  }
  let region = image.box
  let footprints = rays.map { Footprint($0, region: region) }
  try image.updateInPlace { _, mask, _ throws(ImagingError) in
    let pattern = try mask.addPlane("CR")
    for span in footprints.flatMap(\.spans.spans) {
      mask.bits.withMutableRow(span.y) { row in for x in span.x0...span.x1 { row[x - region.minX] |= pattern } }
    }
  }
  return CosmicRays(rays)
}

/// Adds the neighbours of cosmic rays that are part of them.
///
/// - Returns: whether there was any.
private func grow(_ rays: inout [SpanSet], test: inout CosmicRayTest, _ config: CosmicRayConfig) throws -> Bool {
  var (hasGrown, total) = (false, rays.reduce(0) { $0 + $1.area })
  for i in rays.indices {
    let rim = rays[i].dilated(by: 1, .box).subtracting(rays[i])
    let found = rim.pixels.filter { test.replacement(at: $0, minSigma: 0.5 * config.minSigma, noiseFactor: 0) != nil }
    guard !found.isEmpty else { continue }
    total += found.count
    guard total <= config.nCrPixelMax else { throw TooManyCosmicRays(maxCosmicRays: config.nCrPixelMax) }
    hasGrown = true
    test.clear(found)
    rays[i] = rays[i].union(SpanSet(found.map { Span(y: $0.y, x0: $0.x, x1: $0.x) }))
  }
  return hasGrown
}

extension SpanSet {
  /// The pixels one by one, in order.
  fileprivate var pixels: [Point2I] {
    spans.flatMap { span in (span.x0...span.x1).map { Point2I(x: $0, y: span.y) } }
  }
}
