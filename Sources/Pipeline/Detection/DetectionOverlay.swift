// SPDX-License-Identifier: GPL-3.0-or-later
// Detections on a picture of their image.

internal import Imaging
internal import Repository
internal import SkyGeometry

/// A picture of a difference with a square about each source.
struct DetectionOverlay {
  private let image: Image<Float>
  private let look: QuickLook
  /// Pixels of the image a pixel of the picture.
  private let step: Int
  /// Pixels of the picture a pixel of the image, for small images.
  private let zoom: Int

  private static let largestSide = 1600

  init(_ image: Image<Float>) throws(ImagingError) {
    self.image = image
    look = try QuickLook(scaledBy: image)
    let side = max(image.width, image.height)
    step = max(1, (side + Self.largestSide - 1) / Self.largestSide)
    zoom = max(1, min(4, 800 / max(1, side)))
  }

  func picture(_ marks: [SourceMark]) -> Picture {
    guard image.width > 0, image.height > 0 else { return Picture(width: 1, height: 1) }
    let (width, height) = ((image.width + step - 1) / step, (image.height + step - 1) / step)
    var picture = Picture(width: width * zoom, height: height * zoom)
    for j in 0..<height {
      for i in 0..<width {
        let shade = look.color(of: image, column: i * step, row: j * step, side: step)
        for dy in 0..<zoom {
          for dx in 0..<zoom { picture.set(x: i * zoom + dx, y: (height - 1 - j) * zoom + dy, shade) }
        }
      }
    }
    for mark in marks { draw(mark, on: &picture) }
    return picture
  }

  private func draw(_ mark: SourceMark, on picture: inout Picture) {
    let color: (UInt8, UInt8, UInt8) =
      switch mark.kind {
      case .positive: (60, 220, 60)
      case .negative: (240, 70, 60)
      case .dipole: (250, 220, 40)
      case .sky: (80, 140, 255)
      }
    let scale = Double(zoom) / Double(step)
    // Catalogs can hold any number; those that are on no picture are not drawn.
    guard let x = Box2I.pixelIndex((mark.position.x - Double(image.box.minX) + 0.5) * scale),
      let y = Box2I.pixelIndex((mark.position.y - Double(image.box.minY) + 0.5) * scale)
    else { return }
    let half = max(6, 8 * zoom / step)
    for k in -half...half {
      for (dx, dy) in [(k, -half), (k, half), (-half, k), (half, k)] {
        picture.set(x: x + dx, y: picture.height - 1 - y + dy, color)
      }
    }
  }
}
