// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a pixel is a cosmic ray's.

internal import Imaging
internal import SkyGeometry

/// The test of single pixels (detection-measurement A.14.4), on an image in which what was found before is replaced.
struct CosmicRayTest {
  private var image: Image<Float>
  private let variance: Image<Float>
  private let mask: Image<UInt32>
  /// Pixels with any of these bits are never a cosmic ray's.
  private let bad: UInt32
  /// What a pixel without a source has, in float32.
  let level: Double
  /// A PSF's mean pixel beside its centre over its centre, by direction.
  private let sharpness: [Double]
  private let noiseFactor: Double

  /// One of each two opposite neighbours: above and below, left and right, and along the diagonals.
  private static let directions = [(dx: 0, dy: 1), (dx: 1, dy: 0), (dx: 1, dy: 1), (dx: 1, dy: -1)]
  /// Pixels of a row that are passed over at once where none can be found, and parts of them where one can.
  private static let (blockWidth, partWidth) = (256, 32)

  /// - Parameter psf: its centre at the central pixel.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for a PSF whose central pixel is not above 0.
  init(_ input: MaskedImage, psf: Image<Double>, _ config: CosmicRayConfig) throws(ImagingError) {
    (image, variance, mask) = (input.image, input.variance, input.mask.bits)
    bad = input.mask.planes.bitMask(ofExisting: ["BAD", "INTRP", "SAT", "NO_DATA"])
    level = Double(Float(Self.level(of: input)))
    func pixel(_ dx: Int, _ dy: Int) -> Double {
      let (x, y) = (psf.box.minX + psf.width / 2 + dx, psf.box.minY + psf.height / 2 + dy)
      return psf.box.contains(x: x, y: y) ? psf[x, y] : 0
    }
    let peak = pixel(0, 0)
    guard peak > 0, peak.isFinite else {
      throw .invalidParameter("the central pixel of the PSF is \(peak); cosmic rays cannot be told from stars by it")
    }
    sharpness = Self.directions.map { config.cond3Fac2 * 0.5 * (pixel($0.dx, $0.dy) + pixel(-$0.dx, -$0.dy)) / peak }
    noiseFactor = config.cond3Fac
  }

  /// The median of the pixels without a source, from about a quarter of a million of them; 0 when there is none.
  private static func level(of input: MaskedImage) -> Double {
    let pattern = input.mask.planes.bitMask(ofExisting: ["BAD", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "NO_DATA"])
    var values: [Float] = []
    for y in stride(from: input.box.minY, to: input.box.endY, by: max(1, input.box.area >> 18)) {
      let (row, bits) = (input.image.row(y), input.mask.bits.row(y))
      for i in row.indices where bits[i] & pattern == 0 && row[i].isFinite { values.append(row[i]) }
    }
    return values.isEmpty ? 0 : quantiles([0.5], of: values)[0]
  }

  /// Takes what was found out of the image.
  mutating func clear(_ pixels: some Sequence<Point2I>) {
    for pixel in pixels { image[pixel.x, pixel.y] = Float(level) }
  }

  /// Puts pixels back as they were in another image of the same box.
  mutating func restore(_ pixels: some Sequence<Point2I>, from original: Image<Float>) {
    for pixel in pixels { image[pixel.x, pixel.y] = original[pixel.x, pixel.y] }
  }

  /// The pixels that are found in one pass over the image, row by row.
  ///
  /// Each takes the mean of two neighbours as soon as it is found, so that the next pixel of a thick trail stands out, too.
  ///
  /// - Throws: ``TooManyCosmicRays``.
  mutating func scan(minSigma: Double, limit: Int) throws(TooManyCosmicRays) -> [Point2I] {
    var found: [Point2I] = []
    let box = image.box
    guard box.width >= 3, box.height >= 3 else { return found }
    let factor = Float(0.9999 * minSigma)
    for y in box.minY + 1..<box.maxY {
      var next = 1
      while next < box.width - 1 {
        let block = next..<min(next + Self.blockWidth, box.width - 1)
        next = block.upperBound
        guard mayHold(row: y, block, factor: factor) else { continue }
        for start in stride(from: block.lowerBound, to: block.upperBound, by: Self.partWidth) {
          let part = start..<min(start + Self.partWidth, block.upperBound)
          guard mayHold(row: y, part, factor: factor) else { continue }
          for i in part {
            let pixel = Point2I(x: box.minX + i, y: y)
            guard let replacement = replacement(at: pixel, minSigma: minSigma, noiseFactor: noiseFactor) else {
              continue
            }
            guard found.count < limit else { throw TooManyCosmicRays(maxCosmicRays: limit) }
            found.append(pixel)
            image[pixel.x, pixel.y] = Float(replacement)
          }
        }
      }
    }
    return found
  }

  /// Whether a few pixels of a row may stand out of two neighbours: a little more freely than ``replacement(at:minSigma:noiseFactor:)``.
  private func mayHold(row y: Int, _ block: Range<Int>, factor: Float) -> Bool {
    let wide = block.lowerBound - 1..<block.upperBound + 1
    let (below, middle, above) = (
      image.row(y - 1).extracting(wide), image.row(y).extracting(wide), image.row(y + 1).extracting(wide)
    )
    let variances = variance.row(y).extracting(block)
    return below.withUnsafeBufferPointer { below in
      middle.withUnsafeBufferPointer { middle in
        above.withUnsafeBufferPointer { above in
          variances.withUnsafeBufferPointer { variances in
            var count: Int32 = 0
            for i in 0..<variances.count {
              // The lowest sum of two opposite neighbours; what is not a number does not count.
              var lowest = Float.infinity
              var sum = below[i + 1] + above[i + 1]
              lowest = sum < lowest ? sum : lowest
              sum = middle[i] + middle[i + 2]
              lowest = sum < lowest ? sum : lowest
              sum = below[i] + above[i + 2]
              lowest = sum < lowest ? sum : lowest
              sum = below[i + 2] + above[i]
              lowest = sum < lowest ? sum : lowest
              let limit = variances[i] > 0 ? factor * variances[i].squareRoot() : .infinity
              // Float32 loses some digits of the difference of two bright pixels.
              count &+= middle[i + 1] - 0.5 * lowest + 1e-6 * abs(middle[i + 1]) >= limit ? 1 : 0
            }
            return count > 0
          }
        }
      }
    }
  }

  /// What to put in the place of a pixel for now, the mean of two opposite neighbours; `nil` when it is no cosmic ray's.
  ///
  /// - Parameter noiseFactor: in how many standard deviations the pixel is sharper than the PSF.
  func replacement(at pixel: Point2I, minSigma: Double, noiseFactor: Double) -> Double? {
    let (x, y, box) = (pixel.x, pixel.y, image.box)
    guard x > box.minX, x < box.maxX, y > box.minY, y < box.maxY, mask[x, y] & bad == 0 else { return nil }
    let (value, own) = (Double(image[x, y]), Double(variance[x, y]))
    guard value > level, value < .infinity, own > 0, own < .infinity else { return nil }
    let deviation = own.squareRoot()
    // NaN, which is less and greater than nothing, unless both are finite.
    func mean(_ dx: Int, _ dy: Int) -> Double {
      let mean = 0.5 * (Double(image[x + dx, y + dy]) + Double(image[x - dx, y - dy]))
      return mean.isFinite ? mean : .nan
    }
    guard Self.directions.contains(where: { value >= mean($0.dx, $0.dy) + minSigma * deviation }) else { return nil }
    let peak = value - level - noiseFactor * deviation
    for (direction, limit) in zip(Self.directions, sharpness) {
      let (dx, dy) = direction
      let near = mean(dx, dy)
      let error = 0.5 * (Double(variance[x + dx, y + dy]) + Double(variance[x - dx, y - dy])).squareRoot()
      if limit * peak > near - level + noiseFactor * error { return near }
    }
    return nil
  }
}
