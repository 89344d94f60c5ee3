// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

/// The reference system's metadata of the unit cases: value and error of each statistic.
private struct UnitMetadata: Decodable {
  let values: [String: [Double?]]

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: AnyKey.self)
    var values: [String: [Double?]] = [:]
    for key in container.allKeys where key.stringValue.hasPrefix("stat_") {
      values[String(key.stringValue.dropFirst(5))] = try container.decode([Double?].self, forKey: key)
    }
    self.values = values
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

@Suite struct StatisticsTests {
  @Test(
    .enabled(if: GoldenFile.isAvailable("U_unit.h5"), "needs shared/golden and the Python environment of `make test`"))
  func agreesWithTheReferenceSystem() throws {
    let golden = try GoldenFile("U_unit.h5")
    defer { golden.remove() }
    // Python writes NaN, which JSON has not.
    let text = try String(contentsOf: SharedData.url("golden/U_unit_meta.json"), encoding: .utf8)
    let metadata = try JSONDecoder().decode(UnitMetadata.self, from: Data(text.replacing("NaN", with: "null").utf8))
    let mask = try Mask(bits: golden["conv_in_mask"].bits())
    let bad = try mask.planes.bitMask(["BAD", "SAT"])
    let statistics = try PixelStatistics(
      of: golden["conv_in_image"].image(), mask: mask, control: StatisticsControl(andMask: bad))
    #expect(metadata.values.count == 10)
    for (name, expected) in metadata.values {
      let statistic = try #require(Statistic(rawValue: name))
      let value = try #require(expected[0])
      // 40,000 float64 sums in another order.
      #expect(abs(statistics[statistic] / value - 1) < 1e-11, "\(name)")
      let hasError: Set<Statistic> = [.mean, .median, .meanclip, .stdev, .stdevclip]
      if let error = expected[1], hasError.contains(statistic) {
        #expect(abs(statistics.error(of: statistic) / error - 1) < 1e-9, "error of \(name)")
      }
    }
  }

  // Golden numbers of differencing C6.
  @Test func clippingAnchors() throws {
    let first = try PixelStatistics(of: [1, 1, 1, 1, 2, 3, 4])
    #expect(abs(first.clippedMean - 1.857142857) < 1e-9 && abs(first.clippedStandardDeviation - 1.214985793) < 1e-9)
    let outlier = try PixelStatistics(of: [1, 1, 1, 1, 2, 3, 4, 50])
    #expect(abs(outlier.clippedMean - 1.857142857) < 1e-9 && abs(outlier.clippedStandardDeviation - 1.214985793) < 1e-9)
    let second = try PixelStatistics(of: [1, 1.02, 0.98, 1.01, 0.99, 1.3, 1, 1.03, 0.97])
    #expect(abs(second.clippedMean - 1) < 1e-7 && abs(second.clippedStandardDeviation - 0.02) < 1e-7)
  }

  @Test func quantilesAgreeWithSorting() throws {
    var random = SeededRandom(1)
    for n in [1, 2, 3, 4, 5, 255, 511, 512, 513, 4096, 100_000] {
      for shape in 0..<8 {
        let values = (0..<n).map { i -> Float in
          switch shape {
          case 0: Float(random.gaussian())
          case 1: Float(exp(3 * random.gaussian()))
          case 2: Float(random.next() % 3)
          case 3: Float(i % 2 == 0 ? 5 : random.uniform() * 1e30)
          case 4: Float(i)
          case 5: 7
          case 6: i % 50 == 0 ? Float(random.gaussian()) : 0.5
          default: Float(i % 100 == 0 ? -1e38 : 1 + 1e-7 * random.gaussian())
          }
        }
        let statistics = try PixelStatistics(of: values, .quartiles)
        let expected = sortedQuantiles([0.25, 0.5, 0.75], of: values)
        #expect([statistics.lowerQuartile, statistics.median, statistics.upperQuartile] == expected, "\(n), \(shape)")
      }
    }
  }

  /// Mean and clipping as their definitions say, in the simplest loops.
  @Test func momentsAgreeWithTheDefinition() throws {
    var random = SeededRandom(2)
    for n in [2, 7, 8, 9, 1000, 4097] {
      let values = (0..<n).map { _ in Float(1000 + random.gaussian() * (random.uniform() < 0.02 ? 100 : 3)) }
      let doubles = values.map(Double.init)
      let statistics = try PixelStatistics(of: values)
      func moments(_ v: [Double]) -> (mean: Double, variance: Double) {
        let mean = v.reduce(0, +) / Double(v.count)
        return (mean, v.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(v.count - 1))
      }
      let plain = moments(doubles)
      #expect(abs(statistics.mean - plain.mean) < 1e-9)
      #expect(abs(statistics.variance / plain.variance - 1) < 1e-9)
      var center = statistics.median
      var width = 3 * 0.741301109252802 * (statistics.upperQuartile - statistics.lowerQuartile)
      for _ in 0..<3 {
        let kept = moments(doubles.filter { abs($0 - center) <= width })
        (center, width) = (kept.mean, 3 * kept.variance.squareRoot())
      }
      if n > 9 {
        #expect(abs(statistics.clippedMean - center) < 1e-9)
        #expect(abs(3 * statistics.clippedStandardDeviation - width) < 1e-9 * width)
      }
      #expect(statistics.minimum == doubles.min() && statistics.maximum == doubles.max())
    }
  }

  @Test func invalidPixelsAreLeftOut() throws {
    let box = Box2I(minX: 10, minY: 20, width: 40, height: 30)
    var image = noiseImage(box, seed: 3)
    image[12, 22] = .nan
    image[13, 22] = .infinity
    var mask = Mask(box: box)
    mask[14, 22] = 1
    let statistics = try PixelStatistics(of: image, mask: mask, control: StatisticsControl(andMask: 1))
    #expect(statistics.count == box.area - 3 && statistics.mean.isFinite && statistics.orMask == 1)
    let unsafe = try PixelStatistics(of: image, control: StatisticsControl(nanSafe: false))
    #expect(unsafe.count == box.area && unsafe.mean.isNaN && unsafe.median.isNaN)
    let part = try PixelStatistics(of: image, in: Box2I(minX: 0, minY: 0, width: 12, height: 22))
    #expect(part.count == 4)
  }

  @Test func edgeCases() throws {
    let constant = try PixelStatistics(of: Image<Float>(box: Box2I(width: 30, height: 30), fill: 7.25))
    #expect(constant.clippedMean == 7.25 && constant.clippedVariance == 0 && constant.interquartileRange == 0)
    let one = try PixelStatistics(of: [3])
    #expect(one.mean == 3 && one.median == 3 && one.clippedMean == 3 && one.variance.isNaN && one.clippedVariance.isNaN)
    let none = try PixelStatistics(of: [.nan, .nan])
    #expect(none.count == 0 && Statistic.allCases.allSatisfy { $0 == .npoint ? none[$0] == 0 : none[$0].isNaN })
    #expect(throws: ImagingError.self) { try PixelStatistics(of: [Float]()) }
    #expect(throws: ImagingError.self) {
      try PixelStatistics(of: Image<Float>(box: Box2I(width: 0, height: 4), fill: 0))
    }
    let far = Box2I(minX: 99, minY: 99, width: 2, height: 2)
    #expect(throws: ImagingError.self) {
      try PixelStatistics(of: noiseImage(Box2I(width: 4, height: 4), seed: 1), in: far)
    }
    for control in [
      StatisticsControl(numIter: 0), StatisticsControl(numSigmaClip: 0), StatisticsControl(numSigmaClip: .nan),
    ] {
      #expect(throws: ImagingError.self) { try PixelStatistics(of: [1, 2], control: control) }
    }
    let other = Mask(box: Box2I(width: 3, height: 3))
    #expect(throws: ImagingError.self) {
      try PixelStatistics(of: noiseImage(Box2I(width: 4, height: 4), seed: 1), mask: other)
    }
  }
}
