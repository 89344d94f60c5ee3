// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels to which a point source is fitted.

internal import Imaging
internal import SkyGeometry

/// The pixels of a family about a peak, for linear fits.
struct FitRegion {
  /// On the family's grid.
  private(set) var indices: [Int] = []
  var values: [Double] = []
  private var positions: [Point2I] = []
  private var variances: [Double] = []
  /// What a pixel counts for: 1 near the peak, less toward the border.
  private var ramps: [Double] = []
  private let center: Point2I

  /// What solves a fit.
  struct Solution {
    /// Of the columns that were given.
    let values: [Double]
    let reducedChi2: Double
  }

  /// - Parameters:
  ///   - inner: up to which distance pixels count fully, px.
  ///   - outer: from which on they do not count.
  init(about center: Point2I, inner: Int, outer: Int, of pixels: FamilyPixels) {
    self.center = center
    let side = Box2I(minX: -outer, minY: -outer, width: 2 * outer + 1, height: 2 * outer + 1)
    for dy in side.minY..<side.endY {
      for dx in side.minX..<side.endX {
        let distance = Double(dx * dx + dy * dy).squareRoot()
        let ramp = distance <= Double(inner) ? 1 : (Double(outer) - distance) / Double(outer - inner)
        let position = Point2I(x: center.x + dx, y: center.y + dy)
        guard ramp > 0, let index = pixels.index(position), pixels.isInside[index] else { continue }
        let variance = Double(pixels.variances[index])
        guard variance > 0, variance.isFinite else { continue }
        indices.append(index)
        positions.append(position)
        values.append(Double(pixels.values[index]))
        variances.append(variance)
        ramps.append(ramp)
      }
    }
  }

  /// What a stamp has on the pixels; 0 beyond it.
  func column(of stamp: Image<Double>, shiftX: Int = 0, shiftY: Int = 0) -> [Double] {
    positions.map { position in
      let (x, y) = (position.x - shiftX, position.y - shiftY)
      return stamp.box.contains(x: x, y: y) ? stamp[x, y] : 0
    }
  }

  /// How a stamp changes where its source moves along x, and along y: half the difference of those moved by a pixel.
  func slopes(of stamp: Image<Double>) -> [[Double]] {
    [(1, 0), (0, 1)].map { dx, dy in
      zip(column(of: stamp, shiftX: dx, shiftY: dy), column(of: stamp, shiftX: -dx, shiftY: -dy)).map {
        ($0 - $1) / 2
      }
    }
  }

  /// Fits columns and a plane to the values.
  ///
  /// - Parameters:
  ///   - columns: light of point sources, one number a pixel.
  ///   - psfError: part of that light by which it may be wrong.
  /// - Returns: `nil` for fewer pixels than unknowns, or numbers that are not finite.
  func solve(_ columns: [[Double]], psfError: Double) -> Solution? {
    let freedom = ramps.reduce(0, +) - Double(columns.count + 3)
    guard freedom > 0 else { return nil }
    let plane = [
      [Double](repeating: 1, count: indices.count), positions.map { Double($0.x - center.x) },
      positions.map { Double($0.y - center.y) },
    ]
    let system = try? SymmetricSystem(
      columns: (columns + plane).flatMap { $0 }, rowCount: indices.count, target: values,
      weights: zip(ramps, variances).map { $0 / $1 })
    guard let solution = try? system?.solve().values, solution.allSatisfy(\.isFinite) else { return nil }
    var light = [Double](repeating: 0, count: indices.count)
    for (column, amount) in zip(columns, solution) { for i in light.indices { light[i] += amount * column[i] } }
    var chi2 = 0.0
    for i in light.indices {
      var model = light[i]
      for (k, column) in plane.enumerated() { model += solution[columns.count + k] * column[i] }
      let (rest, error) = (values[i] - model, psfError * light[i])
      chi2 += ramps[i] * rest * rest / (variances[i] + error * error)
    }
    guard chi2.isFinite else { return nil }
    return Solution(values: Array(solution[0..<columns.count]), reducedChi2: chi2 / freedom)
  }
}
