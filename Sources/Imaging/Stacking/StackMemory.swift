// SPDX-License-Identifier: GPL-3.0-or-later
// The working memory of a stack.

internal import SkyGeometry

/// Planes of numbers, a few for each input and a few for all, each with a frame of zeros: sixteen numbers on both sides, a row above
/// and below.
final class StackMemory {
  /// Planes that each input has.
  enum InputPlane: Int, CaseIterable {
    /// Pixel values; 0 where there is none.
    case values
    /// Their variances; 0 where there is none.
    case variances
    /// 1 for pixels that are there, else 0.
    case present
    /// 1 for those that are good too.
    case good
    /// By how many standard deviations a pixel is beyond what noise and seeing explain.
    case excess
  }

  /// Planes that all inputs have in common.
  enum CommonPlane: Int, CaseIterable {
    /// Medians of the good pixels.
    case medians
    /// Their absolute values.
    case magnitudes
    /// How many good pixels there are.
    case counts
  }

  private static let frame = 16

  let inputCount: Int
  let width: Int
  let rows: Int
  /// From one row to the next.
  let stride: Int
  private let planeSize: Int
  private let memory: UnsafeMutableBufferPointer<Float>
  private let origin: UnsafeMutablePointer<Float>

  init(inputCount: Int, width: Int, rows: Int) {
    self.inputCount = inputCount
    self.width = width
    self.rows = rows
    stride = (width + 15) / 16 * 16 + 2 * Self.frame
    planeSize = stride * (rows + 2)
    let count = planeSize * (inputCount * InputPlane.allCases.count + CommonPlane.allCases.count)
    origin = UnsafeMutablePointer<Float>.allocate(capacity: count)
    memory = UnsafeMutableBufferPointer(start: origin, count: count)
    memory.initialize(repeating: 0)
  }

  deinit { memory.deallocate() }

  /// The first pixel of a plane.
  func plane(_ plane: InputPlane, of input: Int) -> UnsafeMutablePointer<Float> {
    pointer(input * InputPlane.allCases.count + plane.rawValue)
  }

  func plane(_ plane: CommonPlane) -> UnsafeMutablePointer<Float> {
    pointer(inputCount * InputPlane.allCases.count + plane.rawValue)
  }

  private func pointer(_ number: Int) -> UnsafeMutablePointer<Float> {
    origin + number * planeSize + stride + Self.frame
  }

  /// Enters an image.
  func fill(_ input: Int, with image: MaskedImage, noData: UInt32, badMask: UInt32) {
    let (values, variances) = (plane(.values, of: input), plane(.variances, of: input))
    let (present, good) = (plane(.present, of: input), plane(.good, of: input))
    _ = image.image.withUnsafePixels { pixels in
      image.variance.withUnsafePixels { variance in
        image.mask.bits.withUnsafePixels { mask in
          for y in 0..<rows {
            let (source, target) = (y * width, y * stride)
            for x in 0..<width {
              let (value, spread, bits) = (pixels[source + x], variance[source + x], mask[source + x])
              guard value.isFinite, spread.isFinite, spread >= 0, bits & noData == 0 else { continue }
              values[target + x] = value
              variances[target + x] = spread
              present[target + x] = 1
              good[target + x] = bits & badMask == 0 ? 1 : 0
            }
          }
        }
      }
    }
  }
}

/// Sixteen numbers from anywhere.
func load(_ pointer: UnsafeMutablePointer<Float>) -> SIMD16<Float> {
  UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<Float>.self)
}

func store(_ value: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: SIMD16<Float>.self)
}
