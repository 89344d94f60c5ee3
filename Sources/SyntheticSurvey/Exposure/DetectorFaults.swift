// SPDX-License-Identifier: GPL-3.0-or-later
// What detectors do to images: saturation, bad columns, cosmic rays.

internal import Foundation
internal import Imaging
internal import SkyGeometry

/// Bits of the mask planes that the simulation sets.
struct FaultBits {
  let bad: UInt32
  let saturated: UInt32
  let interpolated: UInt32
  let cosmicRay: UInt32
  let edge: UInt32
  let detected: UInt32

  init(_ planes: MaskPlanes) throws(ImagingError) {
    bad = try planes.bitMask("BAD")
    saturated = try planes.bitMask("SAT")
    interpolated = try planes.bitMask("INTRP")
    cosmicRay = try planes.bitMask("CR")
    edge = try planes.bitMask("EDGE")
    detected = try planes.bitMask("DETECTED")
  }
}

/// A track of a cosmic ray: the pixels that it goes through and the charge in each, counts.
struct CosmicRayTrack {
  let pixels: [(x: Int, y: Int, charge: Float)]
  let isFlagged: Bool

  /// All tracks of an exposure.
  static func tracks(_ config: SurveyConfig, _ box: Box2I, visit: Int64, detector: Int) -> [CosmicRayTrack] {
    var random = RandomStream(config.seed, "cosmicRays", Int(visit), detector)
    let rays = config.cosmicRays
    let count = random.poisson(mean: rays.perMegapixel * Double(box.area) / 1e6, limit: box.area)
    return (0..<count).map { _ in
      let start = Point2D(
        x: random.uniform(-0.5, Double(box.width) - 0.5), y: random.uniform(-0.5, Double(box.height) - 0.5))
      let bearing = 2 * Double.pi * random.uniform()
      let length = min(1000, random.exponential(mean: rays.length))
      let isFlagged = random.uniform() >= rays.unflaggedFraction
      var pixels: [(x: Int, y: Int, charge: Float)] = []
      for i in 0...(Int(exactly: (2 * length).rounded()) ?? 0) {
        let position = Point2D(
          x: start.x + cos(bearing) * Double(i) / 2, y: start.y + sin(bearing) * Double(i) / 2)
        guard let pixel = position.pixel, box.contains(pixel) else { break }
        if let last = pixels.last, last.x == pixel.x, last.y == pixel.y { continue }
        pixels.append((pixel.x, pixel.y, Float(rays.charge * random.uniform(0.4, 1.6))))
      }
      return CosmicRayTrack(pixels: pixels, isFlagged: isFlagged)
    }
  }
}

/// A bad column, from a row to the top; the same in all visits.
struct BadColumn: Hashable {
  let x: Int
  let firstRow: Int

  static func columns(_ config: SurveyConfig, detector: Int) -> [BadColumn] {
    var random = RandomStream(config.seed, "badColumns", detector)
    return (0..<config.camera.badColumns).map { number in
      let x = random.index(below: config.camera.width)
      let row = random.index(below: config.camera.height)
      return BadColumn(x: x, firstRow: number % 2 == 0 ? 0 : row)
    }
  }
}

/// Fills pixels up to saturation and lets the rest run along the column, half of it either way.
///
/// - Parameters:
///   - image: counts with the sky; pixels are cut at `limit`.
///   - limit: counts of a full pixel.
///   - reach: how far charge runs from the pixels that overflow, at most.
/// - Returns: whether each pixel is full, row by row.
func bleed(_ image: inout Image<Float>, limit: Float, reach: Int) -> [Bool] {
  let (width, height) = (image.width, image.height)
  var isFull = [Bool](repeating: false, count: width * height)
  var columns = Set<Int>()
  for y in image.box.minY..<image.box.endY {
    let row = image.row(y)
    for i in row.indices where row[i] >= limit { columns.insert(i) }
  }
  let (minX, minY) = (image.box.minX, image.box.minY)
  for column in columns.sorted() {
    var values = (0..<height).map { image[minX + column, minY + $0] }
    var full = values.map { $0 >= limit }
    var excess: [(row: Int, charge: Float)] = []
    for row in 0..<height where values[row] > limit {
      excess.append((row, values[row] - limit))
      values[row] = limit
    }
    for (start, charge) in excess {
      for step in [-1, 1] {
        var rest = charge / 2
        // Over pixels that are full already the charge goes on; what is left at the end is lost.
        var (row, distance) = (start + step, 0)
        while rest > 0, row >= 0, row < height, distance < reach {
          let room = limit - values[row]
          if room > rest {
            values[row] += rest
            rest = 0
          } else {
            rest -= max(0, room)
            values[row] = limit
            full[row] = true
          }
          row += step
          distance += 1
        }
      }
    }
    for row in 0..<height {
      image[minX + column, minY + row] = values[row]
      isFull[row * width + column] = full[row]
    }
  }
  return isFull
}

/// Fills pixels from the nearest good ones in their row and column, weighted by the inverse of the distance.
///
/// - Parameters:
///   - pixels: which to fill.
///   - isGood: whether a pixel may be used.
/// - Returns: their new values; 0 where no good pixel is within 24.
func interpolated(_ image: Image<Float>, _ pixels: [Point2I], isGood: (_ x: Int, _ y: Int) -> Bool) -> [Float] {
  pixels.map { pixel in
    var (sum, weights): (Float, Float) = (0, 0)
    for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
      for distance in 1...24 {
        let (x, y) = (pixel.x + dx * distance, pixel.y + dy * distance)
        guard image.box.contains(x: x, y: y) else { break }
        guard isGood(x, y) else { continue }
        sum += image[x, y] / Float(distance)
        weights += 1 / Float(distance)
        break
      }
    }
    return weights > 0 ? sum / weights : 0
  }
}
