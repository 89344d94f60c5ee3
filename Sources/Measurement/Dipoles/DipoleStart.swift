// SPDX-License-Identifier: GPL-3.0-or-later
// Where the fit of a dipole starts.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Where the lobes of a source appear to be, and how far from there they are looked for (detection-measurement A.15.6).
struct DipoleStart {
  let positive: Point2D
  let negative: Point2D
  /// Standard deviation of the difference's PSF, px.
  let sigma: Double
  /// Of the positive and of the negative lobe.
  let bounds: [PositionBounds]

  var center: Point2D { (positive + negative) * 0.5 }

  /// - Parameter box: the pixels that are fitted.
  init(
    _ footprint: Footprint, on difference: MeasurementImage, box: Box2I, _ config: DipoleFitConfig
  ) throws(DipoleFitFailure) {
    guard let centroid = footprint.spans.centroid, let psf = difference.exposure.psf,
      let moments = try? difference.psfMoments(at: psf.averagePosition), moments.determinantRadius > 0,
      moments.determinantRadius < 1000
    else { throw .undefinedPSF }
    sigma = moments.determinantRadius
    let reach = config.maxSeparation * sigma
    let (lowest, highest) = Self.extremes(footprint.spans, difference.image)
    /// A lobe that is too far from the middle of the footprint starts there.
    func start(_ peak: Peak?, _ other: Point2I?) -> Point2D {
      let position = peak?.position ?? other.map { Point2D($0) } ?? centroid
      guard position.isFinite, abs(position.x - centroid.x) + abs(position.y - centroid.y) <= reach else {
        return centroid
      }
      return position
    }
    var positive = start(footprint.strongestPositivePeak, highest)
    var negative = start(footprint.strongestNegativePeak, lowest)
    if positive == negative {
      // Two sources at one place are none in the difference: nothing would pull them apart.
      positive.x += sigma / 2
      negative.x -= sigma / 2
    }
    let whole = PositionBounds(about: centroid, reach: .infinity, on: box)
    self.positive = whole.clamped(positive)
    self.negative = whole.clamped(negative)
    bounds = [positive, negative].map { PositionBounds(about: $0, reach: reach, on: box) }
  }

  /// The lowest and the highest pixel of a footprint.
  private static func extremes(_ spans: SpanSet, _ image: Image<Float>) -> (Point2I?, Point2I?) {
    var (low, high) = (Float.infinity, -Float.infinity)
    var (lowest, highest): (Point2I?, Point2I?)
    for span in spans.spans {
      let row = image.row(span.y)
      for x in span.x0...span.x1 {
        let value = row[x - image.box.minX]
        if value < low { (low, lowest) = (value, Point2I(x: x, y: span.y)) }
        if value > high { (high, highest) = (value, Point2I(x: x, y: span.y)) }
      }
    }
    return (lowest, highest)
  }

  /// Positions to start from: the peaks; the stars themselves where they are known; else closer ones in the direction of the peaks.
  func candidates(science: Point2D?, template: Point2D?) -> [[Point2D]] {
    var result = [[positive, negative]]
    if science != nil || template != nil { result.append([science ?? positive, template ?? negative]) }
    if let science, let template, science != template { return result }
    // A dipole much closer than its PSF is wide looks the same at all distances but for its strength.
    for factor in [0.5, 0.15, 0.04] {
      let half = (positive - negative) * (factor / 2)
      result.append([center + half, center - half])
    }
    return result
  }
}
