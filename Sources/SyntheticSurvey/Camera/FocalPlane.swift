// SPDX-License-Identifier: GPL-3.0-or-later
// Where the detectors are.

internal import Foundation
package import SkyGeometry

/// The detectors of a camera on its focal plane, whose origin is the boresight and whose unit is the pixel.
package struct FocalPlane: Sendable {
  let camera: CameraConfig

  init(_ camera: CameraConfig) { self.camera = camera }

  package var detectorCount: Int { camera.columns * camera.rows }
  /// The pixels of every detector.
  package var box: Box2I { Box2I(width: camera.width, height: camera.height) }

  private var width: Double { Double(camera.columns * (camera.width + camera.gapX) - camera.gapX) }
  private var height: Double { Double(camera.rows * (camera.height + camera.gapY) - camera.gapY) }

  /// From the boresight to a corner, pixels.
  package var halfDiagonal: Double { (width * width + height * height).squareRoot() / 2 }
  /// From the boresight to the nearest edge, pixels.
  var halfSide: Double { min(width, height) / 2 }

  /// Half the side of a square that holds the focal plane however it is rotated up to an angle in radians, pixels.
  func halfExtent(rotatedUpTo angle: Double) -> Double {
    [(width, height), (height, width)].map { along, across in
      // The corner reaches farthest where it lies on the axis.
      let turn = min(angle, atan2(across, along))
      return (along * cos(turn) + across * sin(turn)) / 2
    }.max() ?? 0
  }

  /// Where the boresight is on a detector's pixel grid; detectors count along rows.
  package func boresight(detector: Int) -> Point2D {
    let (row, column) = detector.quotientAndRemainder(dividingBy: camera.columns)
    return Point2D(
      x: width / 2 - 0.5 - Double(column * (camera.width + camera.gapX)),
      y: height / 2 - 0.5 - Double(row * (camera.height + camera.gapY)))
  }

  /// A position of a detector on the focal plane, in half diagonals from the boresight.
  func normalized(_ position: Point2D, detector: Int) -> Point2D {
    let origin = boresight(detector: detector)
    return Point2D(x: (position.x - origin.x) / halfDiagonal, y: (position.y - origin.y) / halfDiagonal)
  }
}
