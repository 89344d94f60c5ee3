// SPDX-License-Identifier: GPL-3.0-or-later
// Matching the backgrounds of a tract: what is known exactly, and what must not matter.

import BackgroundMatching
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct TractMatchingTests {
  static let tract = Box2I(width: 600, height: 500)

  /// A smooth background of each visit, nJy a pixel.
  private func background(_ visit: Int64, _ x: Int, _ y: Int) -> Double {
    let (u, v) = (Double(x) / 300 - 1, Double(y) / 250 - 1)
    let k = Double(visit % 10)
    return 5 * k + 10 * (k - 2) * u - 6 * k * v + 3 * k * u * v + 2 * (u * u - v * v) * (k - 1)
  }

  /// A warp: what all visits share, the visit's own background, and noise; nothing outside of `covered`.
  private func warp(_ visit: Int64, _ box: Box2I, covered: Box2I, noise: Double, seed: UInt64) throws -> MaskedImage {
    var random = SeededRandom(seed &+ UInt64(visit) &* 1000 &+ UInt64(box.minX &* 7 &+ box.minY))
    var mask = Mask(box: box)
    let noData = try mask.planes.bitMask("NO_DATA")
    mask.bits = Image<UInt32>(box: box) { x, y in covered.contains(x: x, y: y) ? 0 : noData }
    let image = Image<Float>(box: box) { x, y in
      guard covered.contains(x: x, y: y) else { return .nan }
      // Sources that all visits see alike, so bright that only differences can be matched.
      let source = x % 37 == 3 && y % 41 == 5 ? 5000.0 : 0
      return Float(background(visit, x, y) + source + (noise > 0 ? noise * random.gaussian() : 0))
    }
    return try MaskedImage(image: image, mask: mask, variance: Image(box: box, fill: Float(max(1, noise * noise))))
  }

  /// The bins of a tract of four patches.
  private func bins(
    _ visits: [Int64], noise: Double = 0, binSize: Int = 50, overlap: Int = 30, seed: UInt64 = 1,
    covered: @escaping (Int64) -> Box2I = { _ in TractMatchingTests.tract }
  ) throws -> TractBins {
    let grid = try TractGrid(tract: Self.tract, binSize: binSize)
    var config = BinWarpsConfig()
    config.binSize = binSize
    let inner = [(0, 0), (300, 0), (0, 250), (300, 250)].map { Box2I(minX: $0.0, minY: $0.1, width: 300, height: 250) }
    let patches = try inner.map { inner in
      let outer = inner.grown(by: overlap).intersection(Self.tract)
      return try BinWarpsTask(config: config).run(
        visits.map { visit in
          WarpToBin(visit: visit) { _ in try self.warp(visit, outer, covered: covered(visit), noise: noise, seed: seed)
          }
        }, grid: grid, part: inner)
    }
    return TractBins(grid: grid, patches: patches)
  }

  private func solve(
    _ bins: TractBins, _ change: (inout TractMatchingConfig) -> Void = { _ in }
  ) throws -> TractSolution {
    var config = MatchBackgroundsConfig()
    change(&config.tract)
    return try MatchBackgroundsTask(config: config).runTract(bins)
  }

  /// The largest difference between matched visits where a box is.
  private func worst(_ solution: TractSolution, in part: Box2I, against reference: Int = 0) throws -> Double {
    let backgrounds = try solution.models.map { try #require($0.background) }
    let models = try backgrounds.map { try BackgroundModel($0).image(in: part) }
    var worst = 0.0
    for v in models.indices {
      for y in part.minY..<part.endY {
        for x in part.minX..<part.endX {
          let own = background(solution.models[v].visit, x, y) + Double(models[v][x, y])
          let other = background(solution.models[reference].visit, x, y) + Double(models[reference][x, y])
          worst = max(worst, abs(own - other))
        }
      }
    }
    return worst
  }

  @Test(arguments: [TractMatchingConfig.Strategy.reference, .global])
  func smoothBackgroundsAreMatched(strategy: TractMatchingConfig.Strategy) throws {
    let solution = try solve(try bins([11, 12, 13, 14])) { $0.strategy = strategy }
    // Backgrounds differ by up to 90; what is left is what a curve through cells of 50 pixels and a little smoothing cost.
    #expect(try worst(solution, in: Self.tract.grown(by: -30)) < 0.15)
    #expect(try worst(solution, in: Self.tract) < 0.6)
  }

  @Test func theReferenceStaysAsItIs() throws {
    let solution = try solve(try bins([11, 12, 13])) { $0.refVisit = 12 }
    #expect(solution.referenceVisit == 12)
    let model = try #require(solution.models[1].background)
    #expect(model.values.pixels.allSatisfy { $0 == 0 })
    #expect(solution.models.map(\.visit) == [11, 12, 13])
  }

  @Test func theMeanOfAllModelsIsZero() throws {
    let solution = try solve(try bins([11, 12, 13, 14])) { $0.strategy = .global }
    let values = try solution.models.map { try #require($0.background).values.pixels }
    for cell in values[0].indices {
      #expect(abs(values.reduce(0) { $0 + Double($1[cell]) }) < 1e-3)
    }
    let gauged = try solve(try bins([11, 12, 13, 14])) {
      $0.strategy = .global
      $0.gauge = .reference
      $0.refVisit = 13
    }
    #expect(try #require(gauged.models[2].background).values.pixels.allSatisfy { abs($0) < 1e-6 })
  }

  @Test func edgesOfVisitsAreNoOffsets() throws {
    // Cells that a visit covers by a few columns only: their pixels are all to one side.
    let solution = try solve(
      try bins([11, 12, 13]) { visit in
        visit == 13 ? Box2I(minX: 0, minY: 0, width: 412, height: 500) : Self.tract
      }
    ) { $0.refVisit = 11 }
    #expect(try worst(solution, in: Box2I(minX: 30, minY: 30, width: 330, height: 440)) < 0.15)
    // Taken for those of whole cells, the last twelve columns would be off by 1.3.
    #expect(try worst(solution, in: Box2I(minX: 30, minY: 30, width: 380, height: 440)) < 0.3)
  }

  @Test func visitsThatShareNothingAreJoinedByAThird() throws {
    // 11 on the left, 13 on the right, 12 over both.
    func covered(_ visit: Int64) -> Box2I {
      switch visit {
      case 11: Box2I(minX: 0, minY: 0, width: 250, height: 500)
      case 13: Box2I(minX: 350, minY: 0, width: 250, height: 500)
      default: Self.tract
      }
    }
    let bins = try bins([11, 12, 13], covered: covered)
    let global = try solve(bins) { $0.strategy = .global }
    let backgrounds = try global.models.map { try #require($0.background) }
    let models = backgrounds.map { BackgroundModel($0) }
    for (part, visit) in [
      (Box2I(minX: 40, minY: 40, width: 170, height: 420), 0), (Box2I(minX: 390, minY: 40, width: 170, height: 420), 2),
    ] {
      let own = try models[visit].image(in: part)
      let middle = try models[1].image(in: part)
      for y in stride(from: part.minY, to: part.endY, by: 7) {
        for x in stride(from: part.minX, to: part.endX, by: 7) {
          let difference =
            background(global.models[visit].visit, x, y) + Double(own[x, y]) - background(12, x, y)
            - Double(middle[x, y])
          #expect(abs(difference) < 0.15, "visit \(global.models[visit].visit) at (\(x), \(y))")
        }
      }
    }
    // Matched to 11 alone, 13 has nothing to hold on to.
    let reference = try solve(bins) { $0.refVisit = 11 }
    #expect(reference.models[2].background == nil)
    #expect(reference.models[1].background != nil)
    #expect(reference.models[2].overlapFraction == 0)
  }

  @Test func whoIsNotJoinedIsLeftOut() throws {
    // 11 and 12 on the left; 13, best by any measure, alone on the right.
    let bins = try bins([11, 12, 13]) { visit in
      visit == 13
        ? Box2I(minX: 310, minY: 0, width: 290, height: 500) : Box2I(minX: 0, minY: 0, width: 250, height: 500)
    }
    for gauge in [TractMatchingConfig.Gauge.mean, .reference] {
      let solution = try solve(bins) {
        $0.strategy = .global
        $0.gauge = gauge
      }
      #expect(solution.models.map { $0.background != nil } == [true, true, false])
      #expect(solution.referenceVisit.map { $0 < 13 } ?? (gauge == .mean))
    }
    #expect(throws: TractMatchingError.loneReference(visit: 13)) {
      try solve(bins) {
        $0.strategy = .global
        $0.refVisit = 13
      }
    }
  }

  @Test func theOrderOfVisitsAndPatchesDoesNotMatter() throws {
    let a = try solve(try bins([11, 12, 13], noise: 2))
    let b = try solve(try bins([13, 11, 12], noise: 2))
    #expect(a.referenceVisit == b.referenceVisit)
    for (one, other) in zip(a.models, b.models) { #expect(one.background?.values == other.background?.values) }
  }

  @Test func theReferenceIsTheBestByItsCost() throws {
    let bins = try bins([11, 12, 13, 14], noise: 1) { visit in
      visit == 12 ? Box2I(minX: 0, minY: 0, width: 300, height: 500) : Self.tract
    }
    // By coverage alone the half visit costs most, all others the same.
    var config = TractMatchingConfig()
    (config.bestRefWeightChi2, config.bestRefWeightVariance, config.bestRefWeightGlobalCoverage) = (0, 0, 1)
    let byCoverage = try bins.referenceCosts(config)
    #expect(byCoverage[1].total == 1 && byCoverage[0].total < 0.51)
    // By flatness alone: visit 11 has the smallest terms of second order.
    (config.bestRefWeightChi2, config.bestRefWeightGlobalCoverage) = (1, 0)
    let byShape = try bins.referenceCosts(config)
    #expect(byShape.min { $0.total < $1.total }?.visit == 11)
    #expect(byShape.map(\.chi2).max() == 1)
  }

  @Test func whatCannotBeMatchedSaysSo() throws {
    let grid = try TractGrid(tract: Self.tract, binSize: 50)
    #expect(throws: TractMatchingError.noVisits) { try solve(TractBins(grid: grid, patches: [])) }
    let error = #expect(throws: TractMatchingError.self) {
      try solve(try bins([11, 12])) { $0.refVisit = 99 }
    }
    #expect(error?.description.contains("99") == true && error?.description.contains("11, 12") == true)
    #expect(throws: ImagingError.self) { try TractGrid(tract: Self.tract, binSize: 0) }
  }

  @Test func noiseIsNotAmplified() throws {
    let sigma = 20.0
    let solution = try solve(try bins([20, 30, 40], noise: sigma)) { $0.refVisit = 20 }
    // All three have no background at all, so what a model says is noise: that of the means of 50² pixels of two visits.
    let model = try BackgroundModel(try #require(solution.models[1].background)).image(in: Self.tract.grown(by: -50))
    let rms = (model.pixels.reduce(0) { $0 + Double($1) * Double($1) } / Double(model.pixels.count)).squareRoot()
    let expected = sigma / 50 * 2.0.squareRoot()
    #expect(rms > 0.5 * expected && rms < 1.3 * expected)
  }
}
