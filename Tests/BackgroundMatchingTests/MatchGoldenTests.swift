// SPDX-License-Identifier: GPL-3.0-or-later

import BackgroundMatching
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Case M of `shared/golden`: `matchBackgrounds` of pipe_tasks w.2023.05 in twelve configurations.
@Suite(
  .enabled(
    if: GoldenFile.isAvailable("M_matchbackgrounds.h5"), "needs shared/golden and the Python environment of `make test`"
  ))
struct MatchGoldenTests {
  private struct Case: Decodable {
    struct Settings: Decodable {
      var binSize: Int?
      var gridStatistic: String?
      var interpStyle: String?
      var usePolynomial: Bool?
      var order: Int?
      var approxWeighting: Bool?
    }
    var config: Settings
    var fitRMS: Double
    var matchedMSE: Double
    var diffImVar: Double

    func settings() throws -> MatchBackgroundsConfig {
      var result = MatchBackgroundsConfig()
      if let size = config.binSize { result.binSize = size }
      if let name = config.gridStatistic { result.gridStatistic = try #require(.init(rawValue: name)) }
      if let name = config.interpStyle { result.interpStyle = try #require(.init(rawValue: name)) }
      if let flag = config.usePolynomial { result.usePolynomial = flag }
      if let order = config.order { result.order = order }
      if let flag = config.approxWeighting { result.approxWeighting = flag }
      return result
    }
  }

  private func exposure(_ name: String) throws -> Exposure {
    let fits = try FITSExposure(SharedData.url("golden/\(name)").path)
    return Exposure(
      try MaskedImage(image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance)))
  }

  /// Float32 keeps the model, which reaches about 100 counts, to 4e-6; a spline adds a few such roundings of its cells.
  private let tolerance: Float = 3e-5

  private func expectEqual(_ model: Image<Float>, _ golden: GoldenFile, _ name: String) throws {
    let sub8 = try golden["\(name)_model_sub8"].image()
    let (row, column) = (try golden["\(name)_model_row100"].doubles, try golden["\(name)_model_col333"].doubles)
    var worst: Float = 0
    for y in 0..<75 { for x in 0..<75 { worst = max(worst, abs(model[8 * x, 8 * y] - sub8[x, y])) } }
    for i in 0..<600 {
      worst = max(worst, abs(model[i, 100] - Float(row[i])), abs(model[333, i] - Float(column[i])))
    }
    #expect(worst < tolerance, "\(name): \(worst)")
  }

  /// The reference's constant style: the mean of the nearest cell and the one before it, along each axis.
  private func referenceConstant(_ background: Background) throws -> Image<Float> {
    func cells(_ cells: BackgroundCells, _ position: Int) -> (Int, Int) {
      let index = zip(cells.centers, cells.centers.dropFirst()).filter { ($0 + $1) / 2 <= Double(position) }.count
      // Beyond half a cell behind the last centre the last value alone counts.
      let last = cells.centers[cells.count - 1]
      let end = last + (last - cells.centers[cells.count - 2]) / 2
      return Double(position) >= end ? (index, index) : (max(0, index - 1), index)
    }
    let columns = (0..<background.box.width).map { cells(background.columnCells, $0) }
    let rows = (0..<background.box.height).map { cells(background.rowCells, $0) }
    return Image(box: background.box) { x, y in
      let (i, j) = (columns[x], rows[y])
      let v = background.values
      return (v[i.0, j.0] + v[i.0, j.1] + v[i.1, j.0] + v[i.1, j.1]) / 4
    }
  }

  /// The reference's fit RMS, whose sample points are half a pixel beyond the centres of its cells, rounded down.
  private func referenceFitRMS(
    _ difference: MaskedImage, _ model: Image<Float>, _ config: MatchBackgroundsConfig, _ control: StatisticsControl
  ) throws -> Double {
    let statistic = try #require(Statistic(rawValue: config.gridStatistic.rawValue))
    var residuals: [Double] = []
    for y in stride(from: 0, to: 600, by: config.binSize) {
      for x in stride(from: 0, to: 600, by: config.binSize) {
        let (endX, endY) = (min(600, x + config.binSize), min(600, y + config.binSize))
        let cell = try PixelStatistics(
          of: difference.image, mask: difference.mask,
          in: Box2I(minX: x, minY: y, width: endX - x, height: endY - y), control: control)
        guard cell.count > 1 else { continue }
        residuals.append(cell[statistic] - Double(model[(x + endX) / 2, (y + endY) / 2]))
      }
    }
    return (residuals.reduce(0) { $0 + $1 * $1 } / Double(residuals.count)).squareRoot()
  }

  @Test func agreesWithTheReferenceSystem() throws {
    let golden = try GoldenFile("M_matchbackgrounds.h5")
    defer { golden.remove() }
    let cases = try JSONDecoder().decode(
      [String: Case].self, from: Data(contentsOf: SharedData.url("golden/M_matchbackgrounds_meta.json")))
    #expect(cases.count == 12)
    let (reference, science) = (try exposure("M_ref.fits"), try exposure("M_sci.fits"))
    var difference = reference.maskedImage
    try difference.subtract(science.maskedImage)

    for (name, expected) in cases.sorted(by: { $0.key < $1.key }) {
      let config = try expected.settings()
      let control = StatisticsControl(
        numSigmaClip: Double(config.numSigmaClip), numIter: config.numIter,
        andMask: try difference.mask.planes.bitMask(config.badMaskPlanes))
      var matched = science
      let match = try MatchBackgroundsTask(config: config).matchBackgrounds(
        refExposure: reference, sciExposure: &matched)
      let background = match.backgroundModel.background

      // Cells: float32 values of float64 sums in another order.
      if !config.usePolynomial {
        let (values, errors) = (try golden["\(name)_stats_image"].image(), try golden["\(name)_stats_var"].image())
        for (a, b) in zip(background.values.pixels, values.pixels) { #expect(abs(a - b) <= 1e-6 * max(1, abs(b))) }
        for (a, b) in zip(background.errors.pixels, errors.pixels) { #expect(abs(a - b) <= 1e-6 * max(1, abs(b))) }
      }

      // Where ours is another model by design, theirs is built from our cells by its formula.
      let ours = try match.backgroundModel.image()
      let theirs: Image<Float>
      if config.usePolynomial, config.approxWeighting {
        // It weights by 1/error where we do by 1/error².
        theirs = try ChebyshevApproximation(
          background, order: config.order, weights: background.errors.map { Double(1 / $0) }
        ).image()
        #expect(ours != theirs)
      } else if config.interpStyle == .constant, !config.usePolynomial {
        theirs = try referenceConstant(background)
      } else {
        theirs = ours
      }
      try expectEqual(theirs, golden, name)

      #expect(abs(match.diffImVar - expected.diffImVar) < 1e-6 * expected.diffImVar)
      if theirs == ours { #expect(abs(match.matchedMSE - expected.matchedMSE) < 1e-6 * expected.matchedMSE, "\(name)") }
      var rest = difference
      try rest.add(theirs, times: -1)
      let mse = try PixelStatistics(of: rest.image, mask: rest.mask, control: control).meanSquare
      #expect(abs(mse - expected.matchedMSE) < 1e-6 * expected.matchedMSE, "\(name): \(mse)")
      let rms = try referenceFitRMS(difference, theirs, config, control)
      #expect(abs(rms - expected.fitRMS) < 2e-5, "\(name): \(rms), expected \(expected.fitRMS)")

      // What is added is the model, and nothing else changes.
      var added = science.maskedImage
      try added.add(ours)
      #expect(matched.maskedImage == added)
    }
  }
}
