// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution with another kernel in every part of an image.

package import SkyGeometry

/// A part of an image, and what it is convolved with.
package struct ConvolutionCell: Sendable {
  package let box: Box2I
  /// One after the other, each applied to what the one before left; odd sides.
  package let kernels: [Image<Double>]

  package init(_ box: Box2I, _ kernels: [Image<Double>]) {
    self.box = box
    self.kernels = kernels
  }

  /// The division of an image into cells of nearly one size, row by row.
  ///
  /// - Parameter side: the largest, pixels.
  package static func boxes(dividing box: Box2I, side: Int) -> [Box2I] {
    func cuts(_ low: Int, _ length: Int) -> [(low: Int, count: Int)] {
      let count = length > 0 ? (length - 1) / max(1, side) + 1 : 1
      return (0..<count).map { i in
        let (from, to) = (i * length / count, (i + 1) * length / count)
        return (low + from, to - from)
      }
    }
    return cuts(box.minY, box.height).flatMap { y in
      cuts(box.minX, box.width).map { Box2I(minX: $0.low, minY: y.low, width: $0.count, height: y.count) }
    }
  }
}

/// Convolves every part of an image with kernels of its own, by Fourier transforms of the part and as much about it as the kernels reach.
///
/// **Model.** As ``Kernel``: not flipped. A kernel acts on what the one before made of the whole image, as if that kernel were there everywhere.
///
/// **Invalid pixels.** None is allowed: one would spoil its whole cell.
///
/// **Guarantees.** float32; what a pixel gets depends on its cell and what the kernels reach from it, and nothing leaks further but for rounding (1e-7 of the
/// root mean square of the cell).
///
/// **Cost.** For each cell two transforms and, for each kernel, one more to and one from, of what is as large as cell and reach together.
///
/// - Parameters:
///   - cells: within the image, disjoint, all with the same number of kernels.
///   - outside: what is beyond the image.
/// - Returns: for each kernel the image after it; pixels of no cell are `outside`.
/// - Throws: ``ImagingError/invalidParameter(_:)`` for cells that are not as they should be, and where there is no memory.
package func convolve(
  _ input: Image<Float>, in cells: [ConvolutionCell], outside: Float
) throws(ImagingError) -> [Image<Float>] {
  guard let first = cells.first else { return [] }
  let count = first.kernels.count
  var (reach, width, height) = (0, 1, 1)
  for cell in cells {
    guard cell.kernels.count == count, input.box.contains(cell.box),
      cell.kernels.allSatisfy({ $0.width % 2 == 1 && $0.height % 2 == 1 })
    else {
      throw .invalidParameter("a cell \(cell.box) of \(input.box) has \(cell.kernels.count) kernels, or even ones")
    }
    reach = max(reach, cell.kernels.reduce(0) { $0 + max($1.width, $1.height) / 2 })
    (width, height) = (max(width, cell.box.width), max(height, cell.box.height))
  }
  let fft = try RealFFT2D<Float>(
    width: fastLength(atLeast: width + 2 * reach), height: fastLength(atLeast: height + 2 * reach))
  let plane = try AlignedBuffer<Float>(count: fft.width * fft.height)
  let spectrum = try AlignedBuffer<Float>(count: fft.spectrumCount)
  let copy = try AlignedBuffer<Float>(count: fft.spectrumCount)
  var filters: [KernelSpectrum] = []
  for _ in 0..<count { filters.append(try KernelSpectrum(count: fft.spectrumCount)) }
  var results = Array(repeating: Image<Float>(box: input.box, fill: outside), count: count)
  for cell in cells {
    load(input, cell.box.grown(by: reach), into: plane, columns: fft.width, rows: fft.height, outside: outside)
    fft.forward(plane, into: spectrum)
    for (i, kernel) in cell.kernels.enumerated() {
      filters[i].set(kernel, fft, plane)
      multiply(spectrum, byConjugateOf: filters[i].values)
      copy.base.update(from: spectrum.base, count: spectrum.count)
      fft.backward(copy, into: plane)
      store(plane, columns: fft.width, offset: reach, cell.box, into: &results[i])
    }
  }
  return results
}

/// The transform of the kernel that was used last, which the next cell may have too.
private final class KernelSpectrum {
  let values: AlignedBuffer<Float>
  private var kernel: Image<Double>?

  init(count: Int) throws(ImagingError) { values = try AlignedBuffer(count: count) }

  /// - Parameter plane: scratch memory.
  func set(_ kernel: Image<Double>, _ fft: borrowing RealFFT2D<Float>, _ plane: borrowing AlignedBuffer<Float>) {
    guard kernel != self.kernel else { return }
    self.kernel = kernel
    let target = plane.base
    target.update(repeating: 0, count: plane.count)
    let (cx, cy) = (kernel.width / 2, kernel.height / 2)
    for v in 0..<kernel.height {
      let row = (v - cy + fft.height) % fft.height * fft.width
      let source = kernel.row(v + kernel.box.minY)
      for u in 0..<kernel.width { target[row + (u - cx + fft.width) % fft.width] = Float(source[u]) }
    }
    fft.forward(plane, into: values)
  }
}

/// Puts a part of an image into the upper left corner of a plane; the rest of it is `outside`.
private func load(
  _ image: Image<Float>, _ part: Box2I, into plane: borrowing AlignedBuffer<Float>, columns: Int, rows: Int,
  outside: Float
) {
  let target = plane.base
  target.update(repeating: outside, count: columns * rows)
  let common = part.intersection(image.box)
  guard !common.isEmpty else { return }
  for y in common.minY..<common.endY {
    let start = target + (y - part.minY) * columns + common.minX - part.minX
    let row = image.row(y)
    row.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      start.update(from: base + common.minX - image.box.minX, count: common.width)
    }
  }
}

private func store(
  _ plane: borrowing AlignedBuffer<Float>, columns: Int, offset: Int, _ box: Box2I, into image: inout Image<Float>
) {
  let source = plane.base
  let left = box.minX - image.box.minX
  for y in box.minY..<box.endY {
    let start = source + (y - box.minY + offset) * columns + offset
    image.withMutableRow(y) { row in for i in 0..<box.width { row[left + i] = start[i] } }
  }
}

/// Real and imaginary parts side by side.
private func multiply(
  _ spectrum: borrowing AlignedBuffer<Float>, byConjugateOf filter: borrowing AlignedBuffer<Float>
) {
  let (a, b) = (spectrum.base, filter.base)
  for i in stride(from: 0, to: spectrum.count, by: 2) {
    let (x, y, u, v) = (a[i], a[i + 1], b[i], b[i + 1])
    a[i] = x * u + y * v
    a[i + 1] = y * u - x * v
  }
}
