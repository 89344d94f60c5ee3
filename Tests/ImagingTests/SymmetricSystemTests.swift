// SPDX-License-Identifier: GPL-3.0-or-later
// Normal equations, and sums over small images.

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

@Suite struct SymmetricSystemTests {
  /// Three columns and a target that is a combination of them plus noise.
  private func design(_ rows: Int) -> (columns: [Double], target: [Double]) {
    var random = SeededRandom(5)
    let columns = (0..<3 * rows).map { _ in random.gaussian() }
    let target = (0..<rows).map { i in
      2 * columns[i] - 3 * columns[rows + i] + 0.5 * columns[2 * rows + i] + 0.1 * random.gaussian()
    }
    return (columns, target)
  }

  @Test func weightsOfRows() throws {
    let (columns, target) = design(40)
    let plain = try SymmetricSystem(columns: columns, rowCount: 40, target: target, weight: 3)
    let weighted = try SymmetricSystem(
      columns: columns, rowCount: 40, target: target, weights: Array(repeating: 3, count: 40))
    for (a, b) in zip(plain.matrix, weighted.matrix) { #expect(abs(a - b) < 1e-12 * abs(a) + 1e-12) }
    // A row without weight is as if it were not there.
    let part = try SymmetricSystem(
      columns: columns, rowCount: 40, target: target, weights: (0..<40).map { $0 < 25 ? 1 : 0 })
    let short = try SymmetricSystem(
      columns: (0..<3).flatMap { columns[$0 * 40..<$0 * 40 + 25] }, rowCount: 25, target: Array(target.prefix(25)),
      weight: 1)
    for (a, b) in zip(try part.solve().values, try short.solve().values) { #expect(abs(a - b) < 1e-12) }
    for (value, truth) in zip(try plain.solve().values, [2, -3, 0.5]) { #expect(abs(value - truth) < 0.1) }
    #expect(throws: ImagingError.self) {
      try SymmetricSystem(columns: columns, rowCount: 40, target: target, weights: [1])
    }
  }

  /// Where Cholesky's decomposition gives up, the shortest solution is found.
  @Test func singularSystems() throws {
    let system = try SymmetricSystem(matrix: [1, 1, 1, 1], right: [4, 4])
    let solution = try system.solve()
    #expect(solution.nullity == 1 && solution.values.allSatisfy { abs($0 - 2) < 1e-12 })
    #expect(system.inverse() == nil)
    let regular = try SymmetricSystem(matrix: [2, 1, 1, 2], right: [3, 3])
    #expect(try regular.solve().nullity == 0)
    for (a, b) in zip(try #require(regular.inverse()), [2.0 / 3, -1.0 / 3, -1.0 / 3, 2.0 / 3]) {
      #expect(abs(a - b) < 1e-15)
    }
    #expect(abs(try regular.conditionNumber() - 3) < 1e-14)
    let indefinite = try SymmetricSystem(matrix: [1, 2, 2, 1], right: [0, 0])
    #expect(try indefinite.conditionNumber() < 0)
    #expect(abs(try indefinite.conditionNumber(.singularValue) - 3) < 1e-14)
    #expect(throws: ImagingError.self) { try SymmetricSystem(size: 3).solve() }
    #expect(throws: ImagingError.self) { try SymmetricSystem(matrix: [.nan], right: [1]).solve() }
    #expect(try regular.adding([1, 0, 0, 1], times: 2).matrix == [4, 1, 1, 4])
    #expect(throws: ImagingError.self) { try regular.adding([1], times: 2) }
    #expect(throws: ImagingError.self) { try SymmetricEigen([1, 2, 3], size: 2) }
    #expect(throws: ImagingError.self) { try SymmetricEigen([], size: 0) }
  }

  /// Against convolution pixel by pixel, for widths below, at and above the vectors'.
  @Test(arguments: [(9, 9, 3, 3), (25, 30, 5, 3), (43, 43, 21, 21), (71, 40, 35, 5), (30, 7, 7, 7), (4, 4, 4, 4)])
  func smallConvolutions(width: Int, height: Int, columns: Int, rows: Int) throws {
    let image = noiseImage(Box2I(minX: 3, minY: -4, width: width, height: height), level: 50, sigma: 9, seed: 1)
    let kernel = noiseImage(Box2I(width: columns, height: rows), sigma: 1, seed: 2).map { Double($0) }
    let (values, inner) = try innerConvolution(image, with: kernel)
    let (noise, same) = try innerVariance(image, with: kernel)
    #expect(inner == same && values.count == inner.area && noise.count == inner.area)
    for y in 0..<inner.height {
      for x in 0..<inner.width {
        var (sum, square) = (0.0, 0.0)
        for v in 0..<rows {
          for u in 0..<columns {
            let pixel = Double(image.pixels[(y + v) * width + x + u])
            let weight = kernel.pixels[v * columns + u]
            sum += weight * pixel
            square += weight * weight * pixel
          }
        }
        let index = y * inner.width + x
        #expect(abs(values[index] - sum) < 1e-10)
        // Sums of up to 1225 float32 terms of one sign.
        #expect(abs(Double(noise[index]) - square) < 1e-4 * square)
      }
    }
    #expect(inner.minX == 3 + (columns - 1) / 2 && inner.minY == -4 + (rows - 1) / 2)
    let large = Image<Double>(box: Box2I(width: width + 1, height: 1), fill: 1)
    #expect(throws: ImagingError.self) { try innerConvolution(image, with: large) }
    #expect(throws: ImagingError.self) {
      try innerConvolution(image, with: Image(box: Box2I(width: 0, height: 0), fill: 1))
    }
  }

  /// NaN reaches as far as the kernel, and no farther.
  @Test func whatIsNotANumberSpreads() throws {
    var image = noiseImage(Box2I(width: 30, height: 20), seed: 1)
    image[12, 9] = .nan
    let (values, inner) = try innerConvolution(image, with: Image<Double>(box: Box2I(width: 5, height: 3), fill: 1))
    for y in inner.minY..<inner.endY {
      for x in inner.minX..<inner.endX {
        let isNear = abs(x - 12) <= 2 && abs(y - 9) <= 1
        #expect(values[(y - inner.minY) * inner.width + x - inner.minX].isNaN == isNear)
      }
    }
  }
}
