// SPDX-License-Identifier: GPL-3.0-or-later
// Which blocks are sources.

internal import Imaging
internal import SkyGeometry

/// Which blocks of an image are sources, and which sky (see ``SkyModel``).
struct SourceBlocks {
  /// The blocks that are sky; NaN elsewhere.
  private(set) var sky: Image<Float>
  /// Of the sky blocks, from the lower half, counts.
  private(set) var scatter = 0.0
  /// Sky blocks among those with a value.
  private(set) var fraction = 0.0
  /// Whether what is taken for sky is stars as well.
  private(set) var isCrowded = false

  init(_ blocks: Image<Float>, _ surface: Image<Float>, _ config: SkyModelConfig, hasWings: Bool) {
    sky = blocks
    var residual = blocks
    for y in 0..<blocks.height {
      let background = surface.row(y)
      residual.withMutableRow(y) { row in for i in row.indices { row[i] -= background[i] } }
    }
    let all = residual
    let usable = residual.pixels.reduce(0) { $0 + ($1.isFinite ? 1 : 0) }
    // The scatter of what is left, until nothing more is taken away.
    for _ in 0..<5 {
      guard let half = LowerHalf(residual.pixels), half.width > 0 else { break }
      let isSettled = abs(half.width - scatter) < 0.01 * half.width
      scatter = half.width
      let limit = Float(config.numSigmaDetect * half.width)
      let middle = Float(half.median)
      for y in 0..<residual.height {
        residual.withMutableRow(y) { row in
          for i in row.indices where !(abs(row[i] - middle) <= limit) { row[i] = .nan }
        }
      }
      if isSettled { break }
    }
    guard scatter > 0 else {
      fraction = usable > 0 ? 1 : 0
      return
    }
    removeNeighbours(of: all, from: &residual, above: Float(2 * config.numSigmaDetect * scatter))
    if hasWings { removeWings(from: &residual, config) }
    var count = 0
    for y in 0..<sky.height {
      let kept = residual.row(y)
      sky.withMutableRow(y) { row in
        for i in row.indices {
          if kept[i].isNaN { row[i] = .nan } else { count += 1 }
        }
      }
    }
    fraction = usable > 0 ? Double(count) / Double(usable) : 0
    isCrowded = LowerHalf(all.pixels)?.isCrowded ?? false
  }

  /// Takes away the blocks that touch one above a limit.
  private func removeNeighbours(of all: Image<Float>, from residual: inout Image<Float>, above limit: Float) {
    for y in 0..<all.height {
      let row = all.row(y)
      for x in row.indices where row[x] > limit {
        for v in max(0, y - 1)...min(all.height - 1, y + 1) {
          for u in max(0, x - 1)...min(all.width - 1, x + 1) { residual[u, v] = .nan }
        }
      }
    }
  }

  /// Takes away the blocks whose neighbourhood stands out, however little each of them does.
  private func removeWings(from residual: inout Image<Float>, _ config: SkyModelConfig) {
    let factor = 4
    let coarse = SkyBlocks.binned(residual, by: factor)
    guard let half = LowerHalf(coarse.pixels), half.width > 0 else { return }
    let limit = Float(config.numSigmaWings * half.width)
    for y in 0..<residual.height {
      let means = coarse.row(y / factor)
      residual.withMutableRow(y) { row in
        // A neighbourhood of which little is left is none of sky either.
        for i in row.indices where !(abs(means[i / factor] - Float(half.median)) <= limit) { row[i] = .nan }
      }
    }
  }
}
