// SPDX-License-Identifier: GPL-3.0-or-later
// Moving a small image by a fraction of a pixel.

internal import SkyGeometry

extension Image<Double> {
  /// The image moved by less than a pixel toward larger x and y, by Lanczos-5; zero is assumed outside.
  func shifted(x dx: Double, y dy: Double) -> Image {
    let along = resampledRows(shift: dx)
    return dy == 0 ? along : along.transposed.resampledRows(shift: dy).transposed
  }

  private func resampledRows(shift: Double) -> Image {
    guard shift != 0 else { return self }
    // out(p) = Σ_j L(p − shift − j) in(j); the taps are the same for every p.
    let taps = LanczosKernel(order: 5).taps(at: 1 - (shift - shift.rounded(.down)))
    let whole = Int(shift.rounded(.down))
    let first = -whole - 1 - (taps.count / 2 - 1)
    let width = width
    var result = Image(box: box, fill: 0)
    for y in box.minY..<box.endY {
      let source = row(y)
      result.withMutableRow(y) { target in
        for x in target.indices {
          // The taps that lie on the image.
          let start = x + first
          let (low, high) = (max(0, -start), min(taps.count, width - start))
          guard low < high else { continue }
          var sum = 0.0
          for i in low..<high { sum += taps[i] * source[start + i] }
          target[x] = sum
        }
      }
    }
    return result
  }

  private var transposed: Image {
    Image(box: Box2I(minX: box.minY, minY: box.minX, width: height, height: width)) { x, y in self[y, x] }
  }
}
