// SPDX-License-Identifier: GPL-3.0-or-later
// Sources taken out of an image while others are measured.

package import Catalogs
package import Imaging
internal import SkyGeometry
package import TaskFramework

/// What stands where sources were (detection-measurement B.15).
package struct NoiseReplacerConfig: Config {
  package enum Source: String, ConfigChoice {
    /// Clipped mean and scatter of the whole image.
    case measure
    /// Each pixel's own variance, about 0.
    case variance
    /// The median of all variances, about 0.
    case varianceMedian = "variance_median"
  }

  package var noiseSource = Source.measure
  package var noiseOffset = 0.0
  package var noiseSeedMultiplier = 1

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("noiseSource", \.noiseSource, doc: "where the noise's mean and scatter come from"),
    .field("noiseOffset", \.noiseOffset, doc: "added to the noise, counts"),
    .field(
      "noiseSeedMultiplier", \.noiseSeedMultiplier, in: 0...1_000_000, doc: "the seed is the exposure's ID times this"),
  ]
}

/// Replaces the pixels of all sources by noise, and puts those of one source back while it is measured.
///
/// A heavy footprint puts its own pixels back, so that a deblended source is measured without its neighbours. A child without pixels of its own gets those of its
/// nearest ancestor that has some, which is the whole blend when that is its top parent.
package struct NoiseReplacer {
  private struct Entry {
    let spans: SpanSet
    /// Of the source, run by run.
    let pixels: [Float]
  }

  /// Row by row; `nil` for a source without a footprint, and for one that gets another's pixels.
  private var entries: [Entry?] = []
  /// The rows whose pixels sources get.
  private let owners: [Int]
  private let noise: ReplacementNoise
  private let mean: Double
  private let offset: Double
  /// `nil` where every pixel has a scatter of its own.
  private let scatter: Double?
  /// What was there before.
  private let original: Image<Float>
  private let variance: Image<Float>

  /// Takes all sources out of an image.
  ///
  /// - Parameters:
  ///   - footprints: `nil` for a source that has none; such a source without a parent stays.
  ///   - parents: the row of each source's parent; none has one when left out.
  ///   - exposureID: what the noise depends on; 0 counts as 1.
  /// - Throws: ``Imaging/ImagingError``.
  package init(
    _ footprints: [Footprint?], parents: [Int?] = [], in image: inout Image<Float>, mask: Mask, variance: Image<Float>,
    _ config: NoiseReplacerConfig = .init(), exposureID: Int64
  ) throws(ImagingError) {
    let seed = exposureID == 0 ? Int64(config.noiseSeedMultiplier) : exposureID &* Int64(config.noiseSeedMultiplier)
    noise = ReplacementNoise(seed: UInt64(bitPattern: seed))
    offset = config.noiseOffset
    original = image
    self.variance = variance
    switch config.noiseSource {
    case .measure:
      let finite = image.pixels.filter(\.isFinite)
      if finite.isEmpty {
        // Nothing can be measured there, with or without noise.
        (mean, scatter) = (0, 0)
      } else {
        let statistics = try PixelStatistics(of: finite, .clipped)
        (mean, scatter) = (statistics[.meanclip], statistics[.stdevclip])
      }
    case .variance: (mean, scatter) = (0, nil)
    case .varianceMedian:
      let known = variance.pixels.filter { $0.isFinite && $0 >= 0 }
      (mean, scatter) = (0, known.isEmpty ? 0 : try PixelStatistics(of: known, .quartiles).median.squareRoot())
    }
    owners = footprints.indices.map { Self.owner(of: $0, footprints, parents) }
    entries = footprints.indices.map { row in
      guard owners[row] == row, let footprint = footprints[row] else { return nil }
      let inside = footprint.spans.clipped(to: image.box)
      return Entry(
        spans: inside, pixels: Self.ownPixels(of: footprint, in: inside) ?? Self.pixels(of: image, in: inside))
    }
    for entry in entries { if let entry { fill(entry.spans, of: &image) } }
  }

  /// Puts a source's pixels back.
  package func insert(_ row: Int, into image: inout Image<Float>) {
    guard let entry = entry(of: row) else { return }
    var next = 0
    for span in entry.spans.spans {
      let start = span.x0 - image.box.minX
      image.withMutableRow(span.y) { pixels in
        for i in 0..<span.count { pixels[start + i] = entry.pixels[next + i] }
      }
      next += span.count
    }
  }

  /// Takes a source's pixels out again.
  package func remove(_ row: Int, from image: inout Image<Float>) {
    guard let entry = entry(of: row) else { return }
    fill(entry.spans, of: &image)
  }

  /// Makes the image what it was.
  package func end(_ image: inout Image<Float>) { image = original }

  private func entry(of row: Int) -> Entry? { owners.indices.contains(row) ? entries[owners[row]] : nil }

  /// The row whose pixels a source gets: its own where it has a heavy footprint or no parent, else that of the nearest ancestor of which that holds.
  private static func owner(of row: Int, _ footprints: [Footprint?], _ parents: [Int?]) -> Int {
    var owner = row
    // A line of parents that is longer than there are sources is a circle.
    for _ in footprints.indices {
      if let footprint = footprints[owner], footprint.isHeavy { return owner }
      guard parents.indices.contains(owner), let parent = parents[owner], footprints.indices.contains(parent),
        footprints[parent] != nil
      else { return owner }
      owner = parent
    }
    return row
  }

  /// A heavy footprint's pixels, as far as they are in a part of it that a box cuts out; `nil` for a plain one.
  private static func ownPixels(of footprint: Footprint, in part: SpanSet) -> [Float]? {
    guard let heavy = footprint.heavy?.image, part != footprint.spans else { return footprint.heavy?.image }
    var (result, next): ([Float], Int) = ([], 0)
    var kept = part.spans[...]
    for span in footprint.spans.spans {
      // Of each run a box keeps one piece or none.
      if let piece = kept.first, piece.y == span.y, piece.x0 >= span.x0, piece.x1 <= span.x1 {
        result.append(contentsOf: heavy[next + piece.x0 - span.x0...next + piece.x1 - span.x0])
        kept.removeFirst()
      }
      next += span.count
    }
    return result
  }

  private static func pixels(of image: Image<Float>, in spans: SpanSet) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(spans.area)
    for span in spans.spans {
      let row = image.row(span.y)
      for x in span.x0...span.x1 { result.append(row[x - image.box.minX]) }
    }
    return result
  }

  private func fill(_ spans: SpanSet, of image: inout Image<Float>) {
    let origin = image.box.minX
    for span in spans.spans {
      let variances = variance.row(span.y)
      image.withMutableRow(span.y) { pixels in
        for x in span.x0...span.x1 {
          let own = Double(variances[x - origin])
          let width = scatter ?? (own > 0 && own.isFinite ? own.squareRoot() : 0)
          pixels[x - origin] = Float(offset + mean + width * noise.value(x: x, y: span.y))
        }
      }
    }
  }
}
