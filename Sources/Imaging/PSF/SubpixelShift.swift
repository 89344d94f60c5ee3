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
    return Image(box: box) { x, y in
      var sum = 0.0
      for (i, tap) in taps.enumerated() where box.contains(x: x + first + i, y: y) {
        sum += tap * self[x + first + i, y]
      }
      return sum
    }
  }

  private var transposed: Image {
    Image(box: Box2I(minX: box.minY, minY: box.minX, width: height, height: width)) { x, y in self[y, x] }
  }
}
