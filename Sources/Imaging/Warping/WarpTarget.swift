// SPDX-License-Identifier: GPL-3.0-or-later
// The innermost loop of a warp.

internal import SkyGeometry

/// Where a warp writes, and from where its pixels come.
struct WarpTarget {
  let grid: PixelMapGrid
  let conservesFlux: Bool
  let noData: UInt32
  /// Of the destination image; the grid's is a part of it.
  let box: Box2I

  /// Writes every pixel of the grid's box whose source pixels all exist.
  func fill<Lanes: WarpLanes>(
    _ image: inout Image<Float>, _ mask: inout Image<UInt32>, _ variance: inout Image<Float>, from input: MaskedImage,
    _ weights: WarpWeights<Lanes>
  ) {
    let width = grid.box.width
    var (sourceX, sourceY) = ([Double](repeating: 0, count: width), [Double](repeating: 0, count: width))
    var areas = [Float](repeating: 1, count: width)
    image.withUnsafeMutablePixels { outImage in
      mask.withUnsafeMutablePixels { outMask in
        variance.withUnsafeMutablePixels { outVariance in
          sourceX.withUnsafeMutableBufferPointer { sourceX in
            sourceY.withUnsafeMutableBufferPointer { sourceY in
              areas.withUnsafeMutableBufferPointer { areas in
                guard let sourceX = sourceX.baseAddress, let sourceY = sourceY.baseAddress,
                  let areas = areas.baseAddress
                else { return }
                for y in grid.box.minY..<grid.box.endY {
                  grid.row(y, x: sourceX, y: sourceY, area: areas)
                  let start = (y - box.minY) * box.width + grid.box.minX - box.minX
                  fillRow(
                    outImage + start, outMask + start, outVariance + start, count: width, sourceX, sourceY, areas,
                    input, weights)
                }
              }
            }
          }
        }
      }
    }
  }

  private func fillRow<Lanes: WarpLanes>(
    _ outImage: UnsafeMutablePointer<Float>, _ outMask: UnsafeMutablePointer<UInt32>,
    _ outVariance: UnsafeMutablePointer<Float>, count: Int, _ sourceX: UnsafePointer<Double>,
    _ sourceY: UnsafePointer<Double>, _ areas: UnsafePointer<Float>, _ input: MaskedImage,
    _ weights: WarpWeights<Lanes>
  ) {
    let taps = weights.tapCount
    let before = taps / 2 - 1
    let stride = input.width
    let available = input.box.area
    let (minX, minY) = (Double(input.box.minX), Double(input.box.minY))
    // First and last position, from the image's own first pixel, whose taps are all inside.
    let (limitX, limitY) = (Double(input.width - taps / 2), Double(input.height - taps / 2))

    _ = weights.withTable { table in
      input.image.withUnsafePixels { image in
        input.variance.withUnsafePixels { variance in
          input.mask.bits.withUnsafePixels { mask in
            for i in 0..<count {
              let (px, py) = (sourceX[i] - minX, sourceY[i] - minY)
              // Also false for NaN.
              guard px >= Double(before), px < limitX, py >= Double(before), py < limitY else { continue }
              let (column, row) = (Int(px), Int(py))
              let offset = (row - before) * stride + column - before
              let scale = conservesFlux ? areas[i] : 1
              // No neighbour of the position is defined, so neither is its area.
              guard scale.isFinite else { continue }
              // A load of whole vectors may reach beyond the taps, and must not beyond the image.
              guard offset + (taps - 1) * stride + Lanes.scalarCount <= available else {
                let position = Point2D(x: sourceX[i], y: sourceY[i])
                if let value = obviousValue(input, at: position, kernel(taps), scale: Double(scale)) {
                  (outImage[i], outMask[i], outVariance[i]) = value
                }
                continue
              }
              let along = WarpWeights<Lanes>.weights(table, at: px - Double(column))
              let across = WarpWeights<Lanes>.weights(table, at: py - Double(row))
              var (value, spread, bits) = (Lanes(), Lanes(), Lanes.Bits())
              withUnsafeBytes(of: across) { across in
                for j in 0..<taps {
                  let weight = across.load(fromByteOffset: 4 * j, as: Float.self)
                  // NaN and masks do not spread from pixels that have no weight.
                  if weight == 0 { continue }
                  let start = offset + j * stride
                  value.addProduct(
                    Lanes(repeating: weight), UnsafeRawPointer(image + start).loadUnaligned(as: Lanes.self))
                  spread.addProduct(
                    Lanes(repeating: weight * weight), UnsafeRawPointer(variance + start).loadUnaligned(as: Lanes.self))
                  bits |= UnsafeRawPointer(mask + start).loadUnaligned(as: Lanes.Bits.self)
                }
              }
              value *= along
              spread *= along * along
              if px == Double(column) {
                // All weights but one are zero, and what is not finite there does not count.
                let unused = along .== 0
                value.replace(with: 0, where: unused)
                spread.replace(with: 0, where: unused)
                bits.replace(with: 0, where: unused)
              }
              outImage[i] = value.sum(ofFirst: taps) * scale
              outVariance[i] = spread.sum(ofFirst: taps) * (scale * scale)
              outMask[i] = Lanes.union(ofFirst: taps, bits)
            }
          }
        }
      }
    }
  }

  private func kernel(_ taps: Int) -> WarpingKernel { taps == 2 ? .bilinear : .lanczos(taps / 2) }
}
