// SPDX-License-Identifier: GPL-3.0-or-later
// Many kernels that are products of few functions, applied to a small image at once.

package import SkyGeometry

/// Kernels k[v, u] = f[column][v] · f[row][u] of a common set of functions.
package struct ProductKernels: Hashable, Sendable {
  /// Which functions make a kernel.
  package struct Product: Hashable, Sendable {
    package let column: Int
    package let row: Int

    package init(column: Int, row: Int) {
      self.column = column
      self.row = row
    }
  }

  /// All of one odd length.
  package let functions: [[Double]]
  package let products: [Product]
  package var side: Int { functions.first?.count ?? 0 }

  /// - Throws: ``ImagingError/invalidParameter(_:)`` for functions of different or even lengths, or products of what is not there.
  package init(functions: [[Double]], products: [Product]) throws(ImagingError) {
    let side = functions.first?.count ?? 0
    guard side % 2 == 1, functions.allSatisfy({ $0.count == side && $0.allSatisfy(\.isFinite) }) else {
      throw .invalidParameter("the functions of product kernels must be finite and of one odd length")
    }
    guard products.allSatisfy({ functions.indices.contains($0.column) && functions.indices.contains($0.row) }) else {
      throw .invalidParameter("a product kernel of functions that are not there")
    }
    self.functions = functions
    self.products = products
  }

  /// A kernel as an image with its centre at (0, 0).
  package func image(_ product: Int) -> Image<Double> {
    let half = side / 2
    let (column, row) = (functions[products[product].column], functions[products[product].row])
    return Image(box: Box2I(minX: -half, minY: -half, width: side, height: side)) { x, y in
      column[y + half] * row[x + half]
    }
  }

  /// Applies every kernel where it lies within the image as a whole; not flipped, as everywhere (differencing 0.3).
  ///
  /// Rows are filtered once a function, then columns once a product: for Gaussians times polynomials a tenth of the direct work.
  ///
  /// - Returns: for each product the values of the inner pixels, row by row, in float64; one list after the other.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for an image smaller than the kernels.
  package func apply(to image: Image<Float>) throws(ImagingError) -> (values: [Double], inner: Box2I) {
    let inner = image.box.goodRegion(kernelWidth: side, kernelHeight: side)
    guard !inner.isEmpty else {
      throw .invalidParameter("an image of \(image.width)×\(image.height) pixels is smaller than kernels of \(side)²")
    }
    let (columns, rows, width, height) = (inner.width, inner.height, image.width, image.height)
    let used = Set(products.map(\.row)).sorted()
    let slack = smallBlockWidth
    var filtered = [Double](repeating: 0, count: functions.count * columns * height + slack)
    var values: [Double] = []
    // With room for one more column, as callers that fit a background append.
    values.reserveCapacity((products.count + 1) * columns * rows)
    values.append(contentsOf: repeatElement(0, count: products.count * columns * rows))
    var scratch = [Double](repeating: 0, count: 2 * slack)
    let source = image.pixels.map { Double($0) } + [Double](repeating: 0, count: slack)
    source.withUnsafeBufferPointer { source in
      filtered.withUnsafeMutableBufferPointer { filtered in
        values.withUnsafeMutableBufferPointer { values in
          scratch.withUnsafeMutableBufferPointer { scratch in
            guard let source = source.baseAddress, let filtered = filtered.baseAddress,
              let values = values.baseAddress, let scratch = scratch.baseAddress
            else { return }
            for f in used {
              functions[f].withUnsafeBufferPointer { weights in
                guard let weights = weights.baseAddress else { return }
                for y in stride(from: 0, to: height, by: 2) {
                  smallRows(
                    SIMD4<Double>.self, source + y * width, rowStride: 0, step: 1, weights, rows: 1, columns: side,
                    filtered + (f * height + y) * columns, sourceStep: width, width: columns, second: y + 1 < height,
                    scratch: scratch)
                }
              }
            }
            for (p, product) in products.enumerated() {
              functions[product.column].withUnsafeBufferPointer { weights in
                guard let weights = weights.baseAddress else { return }
                let from = filtered + product.row * height * columns
                for y in stride(from: 0, to: rows, by: 2) {
                  smallRows(
                    SIMD4<Double>.self, from + y * columns, rowStride: 0, step: columns, weights, rows: 1,
                    columns: side, values + (p * rows + y) * columns, sourceStep: columns, width: columns,
                    second: y + 1 < rows, scratch: scratch)
                }
              }
            }
          }
        }
      }
    }
    return (values, inner)
  }
}
