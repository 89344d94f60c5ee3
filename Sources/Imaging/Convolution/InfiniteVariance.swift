// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution of a plane in which some values are not finite.

internal import SkyGeometry

/// Convolves a variance plane with what is not finite kept apart.
///
/// A series of kernels of both signs, or a weight that underflows to zero, would make NaN of infinity; a trimmed kernel would not
/// carry NaN as far as the kernel reaches. So the finite values are convolved, and infinity and NaN spread over the kernel's box.
///
/// - Parameters:
///   - frame: the value where the kernel does not fit, or `nil` for that of the input.
///   - convolved: convolves a plane without such values.
func keepingInfinities(
  of variance: Image<Float>, width: Int, height: Int, over part: Box2I, good: Box2I, frame: Float?,
  _ convolved: (Image<Float>) -> Image<Float>
) -> Image<Float> {
  guard !isFinite(variance) else { return convolved(variance) }
  let (infinite, undefined) = (UInt32(1), UInt32(2))
  let flags = variance.map { $0.isFinite ? 0 : $0 == .infinity ? infinite : undefined }
  let reached = runningOr(flags, width: width, height: height, over: part, good: good, frame: nil, edge: 0)
  var result = convolved(variance.map { $0.isFinite ? $0 : 0 })
  let columns = good.minX - part.minX..<good.endX - part.minX
  for y in part.minY..<part.endY {
    let flags = reached.row(y)
    let isFrameRow = y < good.minY || y >= good.endY
    result.withMutableRow(y) { row in
      for i in row.indices where flags[i] != 0 {
        // A frame of no data stays as it is.
        if let frame, isFrameRow || !columns.contains(i) {
          row[i] = frame
        } else {
          row[i] = flags[i] & undefined != 0 ? .nan : .infinity
        }
      }
    }
  }
  return result
}

/// Whether all pixels are finite; 0 times them adds up to 0 then, and to NaN otherwise.
private func isFinite(_ plane: Image<Float>) -> Bool {
  plane.withUnsafePixels { pixels in
    var sums = SIMD16<Float>.zero
    let (count, whole) = (plane.box.area, plane.box.area / 16 * 16)
    for i in stride(from: 0, to: whole, by: 16) {
      sums += UnsafeRawPointer(pixels + i).loadUnaligned(as: SIMD16<Float>.self) * 0
    }
    for i in whole..<count { sums[0] += pixels[i] * 0 }
    return sums == .zero
  } ?? true
}
