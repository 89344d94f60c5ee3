// SPDX-License-Identifier: GPL-3.0-or-later
// The variance of an image that comes without one.

package import Imaging
internal import SkyGeometry
package import TaskFramework

/// What the noise of a plain image depends on.
package struct NoiseModelConfig: Config {
  package var numSigmaClip = 3.0
  package var numIter = 5

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("numSigmaClip", \.numSigmaClip, in: 1...20, doc: "standard deviations beyond which pixels are not sky"),
    .field("numIter", \.numIter, in: 1...50, doc: "rounds of clipping"),
  ]
}

/// The variance of an image that comes without one.
///
/// **Model.** `variance = s² + max(0, pixel − m) / gain`, with m and s² the clipped mean and variance of the unmasked pixels: what
/// is scatters there holds the sky's and the read-out's noise, whether the sky was subtracted or not; sources add their own.
/// Without a gain the variance is s² everywhere. When the pixels do not scatter at all (a simulation without noise) it is
/// `max(0, pixel) / gain + (readNoise / gain)²`, if both are known.
package struct NoiseModel: Hashable, Sendable {
  /// Clipped mean of the sky, counts.
  package let level: Double
  /// Clipped variance of the sky, counts².
  package let variance: Double
  /// Electrons a count.
  package let gain: Double?
  /// Electrons.
  package let readNoise: Double?

  /// Measures the noise.
  ///
  /// - Throws: ``Imaging/ImagingError`` when no pixel is usable, or gain or read noise cannot be what they are said to be.
  package init(
    of image: Image<Float>, mask: Mask?, gain: Double?, readNoise: Double?, _ config: NoiseModelConfig = .init()
  ) throws(ImagingError) {
    if let gain, !(gain > 0 && gain.isFinite) { throw .invalidParameter("the gain is \(gain) electrons a count") }
    if let readNoise, !(readNoise >= 0 && readNoise.isFinite) {
      throw .invalidParameter("the read noise is \(readNoise) electrons")
    }
    let bad = mask?.planes.bitMask(ofExisting: ["BAD", "SAT", "NO_DATA", "EDGE", "CR", "DETECTED"]) ?? 0
    let statistics = try PixelStatistics(
      of: image, mask: mask,
      control: StatisticsControl(numSigmaClip: config.numSigmaClip, numIter: config.numIter, andMask: bad), .clipped)
    level = statistics[.meanclip]
    variance = statistics[.varianceclip]
    self.gain = gain
    self.readNoise = readNoise
    guard level.isFinite else { throw .noResult("no pixel of the image can be used to measure its noise") }
  }

  /// A noise that is known already.
  ///
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for numbers that no noise has.
  package init(level: Double, variance: Double, gain: Double?, readNoise: Double?) throws(ImagingError) {
    guard level.isFinite, variance >= 0, variance.isFinite, gain.map({ $0 > 0 && $0.isFinite }) ?? true,
      readNoise.map({ $0 >= 0 && $0.isFinite }) ?? true
    else {
      throw .invalidParameter("a noise of variance \(variance) at \(level) counts, with gain and read noise as given")
    }
    (self.level, self.variance, self.gain, self.readNoise) = (level, variance, gain, readNoise)
  }

  /// The variance of every pixel; infinite where there is no data.
  package func variance(of image: Image<Float>) -> Image<Float> {
    let scatters = variance > 0
    let base = scatters ? variance : readNoise.flatMap { noise in gain.map { noise * noise / ($0 * $0) } } ?? 0
    let zero = scatters ? level : 0
    // Without a gain brightness adds nothing.
    let brightness = gain ?? .infinity
    var result = image
    for y in image.box.minY..<image.box.endY {
      result.withMutableRow(y) { row in
        for i in row.indices {
          row[i] = row[i].isFinite ? Float(base + max(0, Double(row[i]) - zero) / brightness) : .infinity
        }
      }
    }
    return result
  }
}
