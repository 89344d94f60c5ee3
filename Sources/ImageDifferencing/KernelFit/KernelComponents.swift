// SPDX-License-Identifier: GPL-3.0-or-later
// Few functions that the kernels of many stars are made of.

package import Imaging
internal import SkyGeometry

extension KernelBasis {
  /// The mean of kernels and the directions in which they differ most, scaled as all normalised functions are.
  ///
  /// **Model.** Kernels are divided by their sums; principal components are eigenvectors of their products, by decreasing eigenvalue, each turned so
  /// that its pixel of the largest modulus is positive. Those whose eigenvalue is what rounding leaves are dropped: of kernels that are all alike
  /// only the mean remains. (The reference system keeps them, and fails when the eigenvalues sum to 0.)
  ///
  /// **Source.** Jee et al. 2007 (PASP 119, 1403); differencing A15.3.
  ///
  /// - Parameters:
  ///   - kernels: of one odd size, with their sums.
  ///   - count: how many functions there are at most, the mean included.
  ///   - subtractsMean: without it the components are those of the kernels themselves.
  /// - Throws: ``Imaging/ImagingError`` for no kernels, or kernels of which no function is left.
  package init(
    principalComponentsOf kernels: [(image: Image<Double>, sum: Double)], count: Int, subtractsMean: Bool = true
  ) throws(ImagingError) {
    guard let first = kernels.first?.image, kernels.allSatisfy({ $0.image.box == first.box }), count > 0 else {
      throw .noResult("there are no kernels of one size to find components of")
    }
    let size = first.box.area
    let number = Double(kernels.count)
    var pixels: [Double] = []
    for (image, sum) in kernels { pixels += image.pixels.map { $0 / sum } }
    var mean = [Double](repeating: 0, count: size)
    for k in kernels.indices { for i in 0..<size { mean[i] += pixels[k * size + i] / number } }
    if subtractsMean {
      for k in kernels.indices { for i in 0..<size { pixels[k * size + i] -= mean[i] } }
    }
    let products = try SymmetricSystem(
      columns: pixels, rowCount: size, target: [Double](repeating: 0, count: size), weight: 1)
    let eigen = try SymmetricEigen(products.matrix, size: kernels.count)
    let smallest = 1e-14 * number * mean.reduce(0) { $0 + $1 * $1 }
    var functions = subtractsMean ? [mean] : []
    for c in kernels.indices.reversed() where functions.count < count && eigen.values[c] > smallest {
      var component = [Double](repeating: 0, count: size)
      for k in kernels.indices {
        let factor = eigen.vectors[k * kernels.count + c]
        for i in 0..<size { component[i] += factor * pixels[k * size + i] }
      }
      guard let extreme = component.max(by: { abs($0) < abs($1) }), extreme != 0 else { continue }
      functions.append(component.map { $0 / extreme })
    }
    var images: [Image<Double>] = []
    for function in functions { images.append(try Image(box: first.box, pixels: function)) }
    try self.init(renormalizing: images)
  }
}
