// SPDX-License-Identifier: GPL-3.0-or-later

import BackgroundMatching
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct ReferenceSelectionTests {
  private let box = Box2I(width: 80, height: 70)

  private func exposure(
    _ visit: Int64, level: Double = 10, sigma: Double = 1, columns: Int = 80
  ) throws -> MemoryExposure {
    MemoryExposure(
      visit: visit, try sky(level, seed: 1, box: box, sigma: sigma, hasData: { x, _ in x < columns }))
  }

  private func choose(
    _ list: [MemoryExposure], _ change: (inout MatchBackgroundsConfig) -> Void = { _ in }
  ) throws -> (index: Int, costs: [Double]) {
    let task = try makeTask(change)
    let index = try task.selectRefExposure(
      list, imageScalerList: list.map { _ in nil }, expDatasetType: "warp")
    return (
      index,
      try task.metadata.array("refCosts").map { value in
        guard case .float(let cost) = value else { return .infinity }
        return cost
      }
    )
  }

  @Test func lowNoiseLowSkyAndFullCoverageWin() throws {
    #expect(try choose([exposure(0, sigma: 3), exposure(1, sigma: 2), exposure(2, sigma: 4)]).index == 1)
    #expect(try choose([exposure(0, level: 30), exposure(1, level: 40), exposure(2, level: 20)]).index == 2)
    #expect(try choose([exposure(0, columns: 50), exposure(1, columns: 80), exposure(2, columns: 70)]).index == 1)
    #expect(try choose([exposure(0), exposure(1), exposure(2)]).index == 0, "the first of equals")
    // Each weight alone; a weight of exactly 1 is allowed.
    let list = [
      try exposure(0, level: 90, sigma: 1, columns: 40), try exposure(1, level: 5, sigma: 9, columns: 60),
      try exposure(2, level: 50, sigma: 5, columns: 80),
    ]
    for (weights, best) in [((1.0, 0.0, 0.0), 0), ((0.0, 1.0, 0.0), 1), ((0.0, 0.0, 1.0), 2)] {
      let index = try choose(list) {
        $0.bestRefWeightVariance = weights.0
        $0.bestRefWeightLevel = weights.1
        $0.bestRefWeightCoverage = weights.2
      }.index
      #expect(index == best)
    }
  }

  @Test func costsAreThoseOfTheFormula() throws {
    // One seed, so that the noise is the same but for its size: variances as 1 to 4, levels as 10 to 40.
    let (_, costs) = try choose([exposure(0, level: 10, sigma: 1), exposure(1, level: 40, sigma: 2)])
    #expect(abs(costs[0] - (0.4 / 4 + 0.2 / 4 + 0.4)) < 2e-3 && abs(costs[1] - (0.4 + 0.2 + 0.4)) < 1e-12)
    let (_, range) = try choose([exposure(0, level: 10, sigma: 1), exposure(1, level: 40, sigma: 2)]) {
      $0.levelNormalization = .range
    }
    #expect(abs(range[0] - (0.4 / 4 + 0.4)) < 1e-5 && abs(range[1] - (0.4 + 0.2 + 0.4)) < 1e-12)
  }

  /// The choice is of an exposure, whatever its place and whatever the counts are called.
  @Test func orderAndUnitsDoNotMatter() throws {
    var random = SeededRandom(60)
    for _ in 0..<20 {
      let list = try (0..<5).map {
        try exposure(
          $0, level: random.uniform(-20...20), sigma: random.uniform(0.5...3), columns: 30 + Int(random.next() % 50))
      }
      let (index, costs) = try choose(list)
      let least = try #require(costs.min())
      #expect(costs[index] == least)
      #expect(costs.allSatisfy { $0 > -0.2 && $0 <= 1 })
      let shuffled = list.shuffled(using: &random)
      #expect(shuffled[try choose(shuffled).index] === list[index])
      let scaled = try makeTask().selectRefExposure(
        list, imageScalerList: list.map { _ in ImageScaler(scale: 8) }, expDatasetType: "warp")
      #expect(scaled == index)
    }
  }

  @Test func zeroAndNegativeLevelsKeepTheirOrder() throws {
    for levels in [[-5.0, -50, -20], [0, -3, 4], [1e-6, -1e-6, 0]] {
      let list = try levels.enumerated().map { MemoryExposure(visit: Int64($0.offset), try flat($0.element)) }
      for normalization in [MatchBackgroundsConfig.LevelNormalization.maximum, .range] {
        let (index, costs) = try choose(list) { $0.levelNormalization = normalization }
        #expect(index == 1, "\(levels)")
        #expect(costs.allSatisfy { $0.isFinite })
      }
    }
    // Without any level, noise or difference there is nothing to tell them by.
    let dark = try (0..<2).map { MemoryExposure(visit: $0, try flat(0)) }
    #expect(try choose(dark).index == 0)
  }

  private func flat(_ level: Double) throws -> Exposure {
    Exposure(
      try MaskedImage(
        image: Image(box: box, fill: Float(level)), mask: Mask(box: box), variance: Image(box: box, fill: 1)))
  }

  @Test func unusableOnesAreLeftOut() throws {
    let broken = MemoryExposure(visit: 8, nil)
    broken.isReadable = false
    let list = [
      MemoryExposure(visit: 5, nil), try exposure(6, columns: 0), broken, try exposure(9, sigma: 3, columns: 40),
      try exposure(10, sigma: 2, columns: 80),
    ]
    let task = try makeTask()
    let index = try task.selectRefExposure(list, imageScalerList: list.map { _ in nil }, expDatasetType: "warp")
    #expect(index == 4)
    #expect(
      task.warnings == [
        "Not considered as the reference: visit 5: there is no warp",
        "Not considered as the reference: visit 6: it has no usable pixels",
        "Not considered as the reference: visit 8: the disk is on fire",
      ])
    // An exposure without pixels takes no part, so coverage still counts: 40 of 80 columns.
    guard case .float(let cost) = try task.metadata.array("refCosts")[4] else { return #expect(Bool(false)) }
    #expect(abs(cost - (0.4 * 4 / 9 + 0.2 + 0.4 * 0.5)) < 0.02)

    let error = #expect(throws: MatchBackgroundsError.self) {
      try task.selectRefExposure(Array(list[0..<3]), imageScalerList: [nil, nil, nil], expDatasetType: "warp")
    }
    #expect(error?.category == "RuntimeError")
    #expect(error?.description.contains("visit 5: there is no warp") == true)
    let scaled = #expect(throws: MatchBackgroundsError.self) {
      try task.selectRefExposure([list[3]], imageScalerList: [ImageScaler(scale: .nan)], expDatasetType: "warp")
    }
    #expect(scaled?.category == "RuntimeError")
    let lengths = #expect(throws: MatchBackgroundsError.self) {
      try task.selectRefExposure(list, imageScalerList: [nil], expDatasetType: "warp")
    }
    #expect(lengths?.category == "RuntimeError")
  }
}
