// SPDX-License-Identifier: GPL-3.0-or-later
// A subtraction at a glance.

internal import Foundation
internal import Imaging
internal import Repository
internal import SkyGeometry

/// Images beside each other at one stretch, so that what is grey in one is as bright as what is as grey in the others.
///
/// **Stretch.** asinh(v / 2σ) from −10 σ (black) to 100 σ (white), σ the robust scatter of the difference; a third of the way up is the sky. North or
/// whatever is up in the pixels is up: the first row is at the bottom. Large images are shown by means of squares of pixels. No data is
/// blue.
struct QuickLook {
  /// The largest side of a panel, pixels.
  static let largestSide = 720
  private static let gap = 6
  private static let titleHeight = 22
  private static let noData: (UInt8, UInt8, UInt8) = (40, 60, 140)

  let sigma: Double

  /// - Parameter difference: whose scatter gives the scale.
  init(scaledBy difference: Image<Float>) throws(ImagingError) {
    let width = try PixelStatistics(of: difference.pixels.filter(\.isFinite), .quartiles).robustStandardDeviation
    sigma = width > 0 && width.isFinite ? width : 1
  }

  /// - Parameter panels: images of one box with their titles, left to right.
  func picture(_ panels: [(title: String, image: Image<Float>)]) -> Picture {
    guard let first = panels.first?.image, first.width > 0, first.height > 0 else {
      return Picture(width: 1, height: 1)
    }
    let step = max(1, (max(first.width, first.height) + Self.largestSide - 1) / Self.largestSide)
    let (width, height) = ((first.width + step - 1) / step, (first.height + step - 1) / step)
    // Small images are enlarged, so that their pixels can be seen.
    let zoom = max(1, min(8, 360 / max(width, height)))
    var picture = Picture(
      width: panels.count * width * zoom + (panels.count + 1) * Self.gap,
      height: height * zoom + Self.titleHeight + Self.gap)
    for (index, panel) in panels.enumerated() {
      let left = Self.gap + index * (width * zoom + Self.gap)
      PanelTitle(panel.title).draw(on: &picture, x: left, y: 4)
      for j in 0..<height {
        for i in 0..<width {
          let shade = color(of: panel.image, column: i * step, row: j * step, side: step)
          let top = Self.titleHeight + (height - 1 - j) * zoom
          for dy in 0..<zoom { for dx in 0..<zoom { picture.set(x: left + i * zoom + dx, y: top + dy, shade) } }
        }
      }
    }
    return picture
  }

  /// The colour of a square of pixels, as far as it lies in the image; columns and rows count from the first pixel.
  func color(of image: Image<Float>, column: Int, row: Int, side: Int) -> (UInt8, UInt8, UInt8) {
    color(of: image.mean(column: column, row: row, side: side))
  }

  private func color(of value: Double) -> (UInt8, UInt8, UInt8) {
    guard value.isFinite else { return Self.noData }
    let (low, high) = (asinh(-5.0), asinh(50.0))
    let level = (asinh(value / (2 * sigma)) - low) / (high - low)
    let shade = UInt8((255 * min(1, max(0, level))).rounded())
    return (shade, shade, shade)
  }
}

extension Image<Float> {
  /// The mean of the finite pixels of a square, as far as it lies in the image; NaN when there are none.
  ///
  /// Columns and rows count from the first pixel.
  fileprivate func mean(column: Int, row: Int, side: Int) -> Double {
    var (sum, count) = (0.0, 0)
    for y in row..<Swift.min(row + side, height) {
      let pixels = self.row(box.minY + y)
      for x in column..<Swift.min(column + side, width) where pixels[x].isFinite {
        sum += Double(pixels[x])
        count += 1
      }
    }
    return count > 0 ? sum / Double(count) : .nan
  }
}
