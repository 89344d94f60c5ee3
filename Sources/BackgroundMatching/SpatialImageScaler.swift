// SPDX-License-Identifier: GPL-3.0-or-later
// A flux scale that changes over the image.

package import Imaging
package import SkyGeometry

/// Multiplies by a scale that changes over the image: the plane through measured scales, by least squares.
///
/// With fewer than three positions, or with all of them on a line, it is their mean everywhere. (The LSST class interpolates its list
/// and then multiplies by one number, the mean.) The photometric calibration is divided by the scale at the image's centre.
package struct SpatialImageScaler: ExposureScaler, Hashable {
  /// A measured scale at a position in parent coordinates.
  package struct Sample: Hashable, Sendable {
    package let position: Point2D
    package let scale: Double

    package init(x: Double, y: Double, scale: Double) {
      position = Point2D(x: x, y: y)
      self.scale = scale
    }
  }

  package let samples: [Sample]

  package init(_ samples: [Sample]) { self.samples = samples }

  package func scale(_ exposure: inout Exposure) throws(MatchBackgroundsError) {
    let plane = try fit()
    let corners = Box2D(exposure.box).corners.map(plane)
    guard corners.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw .cannotScale("the scales lead to \(corners.min() ?? .nan) in a corner of the image; it must be positive")
    }
    let center = plane(exposure.box.center)
    let relative = Image<Float>(box: exposure.box) { x, y in
      Float(plane(Point2D(x: Double(x), y: Double(y))) / center)
    }
    var scaled = exposure
    try ImageScaler(scale: center).scale(&scaled)
    try withImagingErrors { () throws(ImagingError) in
      try scaled.maskedImage.update { image, _, variance in
        image.multiply(by: relative, power: 1)
        variance.multiply(by: relative, power: 2)
      }
    }
    exposure = scaled
  }

  /// - Throws: ``MatchBackgroundsError/cannotScale(_:)`` for no samples or such as are not finite.
  private func fit() throws(MatchBackgroundsError) -> (Point2D) -> Double {
    guard !samples.isEmpty, samples.allSatisfy({ $0.position.isFinite && $0.scale.isFinite }) else {
      throw .cannotScale("the list of \(samples.count) scales has none, or some that are not finite")
    }
    let n = Double(samples.count)
    let middle = Point2D(
      x: samples.reduce(0) { $0 + $1.position.x } / n, y: samples.reduce(0) { $0 + $1.position.y } / n)
    let mean = samples.reduce(0) { $0 + $1.scale } / n
    var (xx, xy, yy, xs, ys) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for sample in samples {
      let d = sample.position - middle
      xx += d.x * d.x
      xy += d.x * d.y
      yy += d.y * d.y
      xs += d.x * (sample.scale - mean)
      ys += d.y * (sample.scale - mean)
    }
    let determinant = xx * yy - xy * xy
    guard determinant > 1e-10 * xx * yy else { return { _ in mean } }
    let slope = Point2D(x: (yy * xs - xy * ys) / determinant, y: (xx * ys - xy * xs) / determinant)
    return { mean + slope.x * ($0.x - middle.x) + slope.y * ($0.y - middle.y) }
  }
}

extension Image<Float> {
  fileprivate mutating func multiply(by factors: Image<Float>, power: Int) {
    for y in box.minY..<box.endY {
      let row = factors.row(y)
      withMutableRow(y) { pixels in
        for i in pixels.indices { pixels[i] *= power == 2 ? row[i] * row[i] : row[i] }
      }
    }
  }
}
