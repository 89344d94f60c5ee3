// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels to which a point source is fitted.

internal import Imaging
internal import SkyGeometry

/// The pixels of a family about a peak, for linear fits.
struct FitRegion {
  /// On the family's grid.
  private var indices: [Int] = []
  private var values: [Double] = []
  private var positions: [Point2I] = []
  private var variances: [Double] = []
  /// What a pixel counts for: 1 near the peak, less toward the border.
  private var ramps: [Double] = []
  private let center: Point2I
  /// Of the family's grid.
  private let width: Int
  /// Light of other forms nearby, and its slopes: one number a pixel.
  private var extended: [[Double]] = []

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
    width = pixels.width
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

  private static let maxTemplates = 4

  /// Adds what symmetric templates are made of here: each may be brighter or fainter, or lie a little beside its place; beyond that it may be wrong by
  /// a part of itself.
  ///
  /// Of more than four those with the most light count.
  ///
  /// - Returns: whether any shines here.
  mutating func add(_ templates: [Template], on pixels: FamilyPixels, error: Double) -> Bool {
    let lights = templates.enumerated().map { i, template in
      let column = indices.map { template.source(at: $0, on: pixels) }
      return (index: i, column: column, sum: zip(column, ramps).reduce(0) { $0 + Double($1.0.value) * $1.1 })
    }
    let brightest = lights.filter { $0.sum > 0 }.sorted { ($1.sum, $0.index) < ($0.sum, $1.index) }
    for light in brightest.prefix(Self.maxTemplates) {
      let template = templates[light.index]
      extended.append(light.column.map { Double($0.value) })
      for step in [1, width] {
        // The margin keeps neighbours on the grid.
        extended.append(indices.map { Double(template.value(at: $0 + step) - template.value(at: $0 - step)) / 2 })
      }
      for (k, own) in light.column.enumerated() {
        let wrong = error * Double(own.value)
        variances[k] += Double(own.variance) + wrong * wrong
      }
    }
    return !brightest.isEmpty
  }

  /// Fits columns, a plane and what else there is to the values.
  ///
  /// - Parameters:
  ///   - columns: light of point sources, one number a pixel.
  ///   - psfError: part of that light by which it may be wrong.
  /// - Returns: `nil` for fewer pixels than unknowns, or numbers that are not finite.
  func solve(_ columns: [[Double]], psfError: Double) -> Solution? {
    let freedom = ramps.reduce(0, +) - Double(columns.count + extended.count + 3)
    guard freedom > 0 else { return nil }
    let others =
      extended + [
        [Double](repeating: 1, count: indices.count), positions.map { Double($0.x - center.x) },
        positions.map { Double($0.y - center.y) },
      ]
    let system = try? SymmetricSystem(
      columns: (columns + others).flatMap { $0 }, rowCount: indices.count, target: values,
      weights: zip(ramps, variances).map { $0 / $1 })
    guard let solution = try? system?.solve().values, solution.allSatisfy(\.isFinite) else { return nil }
    var light = [Double](repeating: 0, count: indices.count)
    for (column, amount) in zip(columns, solution) { for i in light.indices { light[i] += amount * column[i] } }
    var chi2 = 0.0
    for i in light.indices {
      var model = light[i]
      for (k, column) in others.enumerated() { model += solution[columns.count + k] * column[i] }
      let (rest, error) = (values[i] - model, psfError * light[i])
      chi2 += ramps[i] * rest * rest / (variances[i] + error * error)
    }
    guard chi2.isFinite else { return nil }
    return Solution(values: Array(solution[0..<columns.count]), reducedChi2: chi2 / freedom)
  }
}
