// SPDX-License-Identifier: GPL-3.0-or-later
// What sky subtraction left.

internal import Foundation
internal import Imaging
internal import SkyGeometry

/// What sky subtraction left in a visit, over the whole focal plane.
///
/// **Model.** `offset + plane·(u, v) + curvature (u² + v² − ½) + wave sin(2π k·(u, v) + φ)` with (u, v) in half diagonals from the
/// boresight and |k| = 0.5 to 1. Each height is the configured one times a normal number within ±2.5, in nJy a pixel of the camera.
struct SkyGradient {
  let offset: Double
  let plane: Point2D
  let curvature: Double
  let wave: Double
  let frequency: Point2D
  let phase: Double

  init(_ config: SurveyConfig, visit: Int64) {
    var random = RandomStream(config.seed, "gradient", Int(visit))
    func height(_ typical: Double) -> Double { typical * max(-2.5, min(2.5, random.gaussian())) }
    offset = height(config.sky.offset)
    let slope = height(config.sky.plane)
    let direction = 2 * Double.pi * random.uniform()
    plane = Point2D(x: slope * cos(direction), y: slope * sin(direction))
    curvature = height(config.sky.curvature)
    wave = height(config.sky.wave)
    let (length, bearing) = (random.uniform(0.5, 1), 2 * Double.pi * random.uniform())
    frequency = Point2D(x: length * cos(bearing), y: length * sin(bearing))
    phase = 2 * .pi * random.uniform()
  }

  /// nJy a pixel, at a position in half diagonals.
  func callAsFunction(_ u: Double, _ v: Double) -> Double {
    offset + plane.x * u + plane.y * v + curvature * (u * u + v * v - 0.5)
      + wave * sin(2 * .pi * (frequency.x * u + frequency.y * v) + phase)
  }

  /// Counts of every pixel of a detector.
  ///
  /// - Parameter calibration: nJy a count.
  func image(_ focalPlane: FocalPlane, detector: Int, calibration: Double) -> Image<Float> {
    let corner = focalPlane.normalized(Point2D(x: 0, y: 0), detector: detector)
    let step = 1 / focalPlane.halfDiagonal
    return Image(box: focalPlane.box) { x, y in
      Float(self(corner.x + Double(x) * step, corner.y + Double(y) * step) / calibration)
    }
  }
}
