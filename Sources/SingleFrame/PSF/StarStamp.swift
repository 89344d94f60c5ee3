// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels about a star.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The pixels about a star, and what a fit knows of it.
struct StarStamp {
  let center: Point2I
  let half: Int
  let pixels: [Float]
  /// Inverse variances; 0 for pixels that do not count.
  let weights: [Float]
  /// Pixels that count.
  let count: Int
  /// Of the star, in parent coordinates.
  var position: Point2D
  /// Of the profile or, later, the flux.
  var amplitude: Double
  /// What is left of the sky, counts.
  var background = 0.0
  /// What keeps ``background`` near 0, counts².
  let backgroundVariance: Double

  var side: Int { 2 * half + 1 }

  /// - Parameters:
  ///   - bad: bits of pixels that do not count.
  ///   - neighbours: peaks about which pixels do not count.
  init?(
    _ star: StarMeasurement, on image: MaskedImage, half: Int, bad: UInt32, neighbours: [Peak], fwhm: Double
  ) {
    guard let center = star.position.pixel, image.box.contains(center), star.height > 0 else { return nil }
    self.center = center
    self.half = half
    position = star.position
    amplitude = star.height
    var (pixels, weights): ([Float], [Float]) = ([], [])
    pixels.reserveCapacity((2 * half + 1) * (2 * half + 1))
    weights.reserveCapacity(pixels.capacity)
    var (count, total) = (0, 0.0)
    for y in center.y - half...center.y + half {
      for x in center.x - half...center.x + half {
        var (value, weight): (Float, Float) = (0, 0)
        if image.box.contains(x: x, y: y) {
          let variance = image.variance[x, y]
          value = image.image[x, y]
          weight = image.mask[x, y] & bad == 0 && variance > 0 && value.isFinite ? 1 / variance : 0
          if !value.isFinite { value = 0 }
        }
        if weight > 0, !(weight.isFinite && Self.isOwn(x, y, star, neighbours, fwhm)) { weight = 0 }
        if weight > 0 {
          count += 1
          total += 1 / Double(weight)
        }
        pixels.append(value)
        weights.append(weight)
      }
    }
    // At least half of the stamp, or it says little of the wings.
    guard 2 * count >= pixels.count else { return nil }
    (self.pixels, self.weights, self.count) = (pixels, weights, count)
    // A fifth of a pixel's noise, and what light of others a bright star in a crowd may stand on.
    backgroundVariance = 0.04 * total / Double(count) + 9e-6 * star.height * star.height
  }

  /// Whether a pixel is the star's rather than a neighbour's.
  private static func isOwn(_ x: Int, _ y: Int, _ star: StarMeasurement, _ neighbours: [Peak], _ fwhm: Double) -> Bool {
    let place = Point2D(x: Double(x), y: Double(y))
    let own = place.distance(to: star.position)
    return !neighbours.contains { neighbour in
      let distance = place.distance(to: Point2D(neighbour.pixel))
      let reach = Double(neighbour.value) > 0.2 * star.height ? 2.5 : 1.5
      return distance < reach * fwhm && distance < own
    }
  }
}
