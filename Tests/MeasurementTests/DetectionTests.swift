// SPDX-License-Identifier: GPL-3.0-or-later
// Detection beside obvious twins.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

struct DetectionTests {
  private func detect(
    _ exposure: inout Exposure, sigma: Double = 1, doSmooth: Bool = true,
    _ change: (inout SourceDetectionConfig) -> Void = { _ in }
  ) throws -> DetectedFootprints {
    var config = SourceDetectionConfig()
    config.thresholdPolarity = .both
    config.doTempLocalBackground = false
    change(&config)
    return try SourceDetectionTask(config: config).detectFootprints(&exposure, doSmooth: doSmooth, sigma: sigma)
  }

  /// Connected pixels for which a condition holds, by walking from pixel to pixel; in the order of their first pixels.
  private func flooded(_ box: Box2I, _ isIn: (Int, Int) -> Bool) -> [Set<Point2I>] {
    var seen: Set<Point2I> = []
    var result: [Set<Point2I>] = []
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX where isIn(x, y) && !seen.contains(Point2I(x: x, y: y)) {
        var waiting = [Point2I(x: x, y: y)]
        var region: Set<Point2I> = [Point2I(x: x, y: y)]
        while let pixel = waiting.popLast() {
          for dy in -1...1 {
            for dx in -1...1 {
              let next = Point2I(x: pixel.x + dx, y: pixel.y + dy)
              if box.contains(next), isIn(next.x, next.y), region.insert(next).inserted { waiting.append(next) }
            }
          }
        }
        seen.formUnion(region)
        result.append(region)
      }
    }
    return result
  }

  private func pixels(_ spans: SpanSet) -> Set<Point2I> {
    Set(spans.spans.flatMap { span in (span.x0...span.x1).map { Point2I(x: $0, y: span.y) } })
  }

  /// Random images without smoothing: regions, their order, peaks and growth as from the obvious walk.
  @Test(arguments: 0..<12)
  func findsWhatAWalkFinds(_ seed: Int) throws {
    var random = SeededRandom(UInt64(seed))
    let box = Box2I(
      minX: Int(random.next() % 100), minY: -Int(random.next() % 100), width: 1 + Int(random.next() % 40),
      height: 1 + Int(random.next() % 40))
    // Few levels, so that there are plateaus.
    let image = Image<Float>(box: box) { _, _ in
      random.uniform() < 0.02 ? .nan : Float((2 * random.gaussian()).rounded() / 2)
    }
    let variance = Image<Float>(box: box) { _, _ in
      let choice = random.uniform()
      return choice < 0.03 ? 0 : choice < 0.06 ? .infinity : choice < 0.09 ? .nan : Float(random.uniform(0.5...2))
    }
    let masked = try MaskedImage(image: image, mask: Mask(box: box), variance: variance)
    for (growth, isotropic) in [(0.0, true), (1, true), (3, false), (3, true)] {
      var exposure = Exposure(masked)
      let found = try detect(&exposure, doSmooth: false) {
        $0.thresholdValue = 1
        $0.nSigmaToGrow = growth
        $0.isotropicGrow = isotropic
      }
      for (sign, set) in [(Float(1), found.positive), (-1, found.negative)] {
        let set = try #require(set)
        func isDetected(_ x: Int, _ y: Int) -> Bool {
          let (value, v) = (sign * image[x, y], variance[x, y])
          return value.isFinite && v.isFinite && v > 0 && value >= v.squareRoot()
        }
        let seeds = flooded(box, isDetected)
        let reach = Int(growth)
        func isGrown(_ x: Int, _ y: Int) -> Bool {
          for dy in -reach...reach {
            for dx in -reach...reach {
              let isNear = isotropic ? dx * dx + dy * dy <= reach * reach : abs(dx) + abs(dy) <= reach
              if isNear, box.contains(x: x + dx, y: y + dy), isDetected(x + dx, y + dy) { return true }
            }
          }
          return false
        }
        let expected = flooded(box, isGrown)
        #expect(set.footprints.map { pixels($0.spans) } == expected)
        // Every seed has a peak, and no pixel of a footprint is higher than its first one.
        #expect(set.peakCount >= seeds.count)
        for footprint in set.footprints {
          let highest = pixels(footprint.spans).filter { isDetected($0.x, $0.y) }.map { sign * image[$0.x, $0.y] }.max()
          #expect(sign * footprint.peaks[0].value <= highest ?? 0)
          for (a, b) in zip(footprint.peaks, footprint.peaks.dropFirst()) { #expect(abs(a.value) >= abs(b.value)) }
          for peak in footprint.peaks { #expect(footprint.spans.contains(peak.pixel)) }
        }
        let plane: UInt32 = sign > 0 ? 1 << 5 : 1 << 6
        let mask = exposure.maskedImage.mask
        #expect(
          pixels(SpanSet(of: box) { mask[$0, $1] & plane != 0 }) == expected.reduce(into: []) { $0.formUnion($1) })
      }
      // NaN keeps images from being equal to themselves.
      #expect(exposure.maskedImage.image.pixels.map(\.bitPattern) == image.pixels.map(\.bitPattern))
    }
  }

  @Test func aPlateauHasOnePeakAtItsMiddle() throws {
    var image = Image<Float>(box: Box2I(width: 20, height: 20), fill: 0)
    for y in 5...9 { for x in 4...12 { image[x, y] = 10 } }
    // A plateau beside something higher is none.
    for x in 14...17 { image[x, 15] = 10 }
    image[17, 15] = 11
    var exposure = try makeExposure(image, variance: 1)
    let found = try #require(try detect(&exposure, doSmooth: false) { $0.nSigmaToGrow = 0 }.positive)
    #expect(found.footprints.map { $0.peaks.map(\.pixel) } == [[Point2I(x: 8, y: 7)], [Point2I(x: 17, y: 15)]])
  }

  @Test func bothPolaritiesAreAlike() throws {
    let box = Box2I(minX: 100, minY: -50, width: 150, height: 120)
    var scene = noiseImage(box, sigma: 1, seed: 3)
    for (i, x) in [110, 130, 160, 200].enumerated() {
      addStar(to: &scene, at: Point2D(x: Double(x), y: Double(-20 + 15 * i)), sigma: 2, flux: 300 * Double(i + 1))
    }
    var (upright, inverted) = (try makeExposure(scene, variance: 1), try makeExposure(scene.map { -$0 }, variance: 1))
    let (a, b) = (try detect(&upright, sigma: 2), try detect(&inverted, sigma: 2))
    #expect(a.numPos >= 4)
    func same(_ a: FootprintSet?, _ b: FootprintSet?) -> Bool {
      let (a, b) = (a?.footprints ?? [], b?.footprints ?? [])
      return a.map(\.spans) == b.map(\.spans)
        && a.map { $0.peaks.map(\.pixel) } == b.map { $0.peaks.map(\.pixel) }
        && a.map { $0.peaks.map(\.value) } == b.map { $0.peaks.map { -$0.value } }
        && a.map { $0.peaks.map(\.significance) } == b.map { $0.peaks.map(\.significance) }
    }
    #expect(same(a.positive, b.negative) && same(a.negative, b.positive))
  }

  @Test func aGridOfStarsIsFoundWithItsSignificance() throws {
    let field = try StarField(
      count: 25, flux: 2000, noise: 2, spacing: 40, seed: 7, origin: Point2I(x: 12345, y: 67890))
    var exposure = field.exposure
    exposure.maskedImage = try MaskedImage(
      image: field.exposure.maskedImage.image, mask: field.exposure.maskedImage.mask,
      variance: Image(box: exposure.box, fill: 4))
    let found = try detect(&exposure, sigma: 2)
    let set = try #require(found.positive)
    #expect(set.count == 25 && found.numNeg == 0)
    for (footprint, position) in zip(
      set.footprints, field.positions.sorted { ($0.y / 40).rounded() < ($1.y / 40).rounded() })
    {
      #expect(footprint.region == exposure.box)
      #expect(field.positions.contains { $0.distance(to: footprint.peaks[0].position) < 1 }, "\(position)")
    }
    // The smoothed image by the obvious sum: σ 2 gives a kernel of 15 pixels a side.
    let kernel = try SeparableKernel(gaussianSigma: 2, halfWidth: 7)
    let peak = set.footprints[12].peaks[0]
    var (value, variance) = (0.0, 0.0)
    for v in 0..<15 {
      for u in 0..<15 {
        let weight = kernel.column[v] * kernel.row[u]
        value += weight * Double(exposure.maskedImage.image[peak.pixel.x - 7 + u, peak.pixel.y - 7 + v])
        variance += weight * weight * 4
      }
    }
    // Float32 sums of 15 products, twice.
    #expect(abs(peak.significance - value / variance.squareRoot()) < 1e-5 * peak.significance)
    #expect(abs(Double(peak.value) - value) < 1e-5 * value)
    // The frame where the kernel does not fit.
    let edge: UInt32 = 1 << 4
    #expect(exposure.maskedImage.mask.count(edge) == 200 * 200 - 186 * 186)
    #expect(exposure.maskedImage.mask[exposure.box.minX + 6, exposure.box.minY + 50] & edge != 0)
    #expect(exposure.maskedImage.mask[exposure.box.minX + 7, exposure.box.minY + 50] & edge == 0)
  }

  @Test func thresholdsCountInWhatTheySay() throws {
    var image = noiseImage(Box2I(width: 100, height: 100), sigma: 3, seed: 5)
    image[50, 50] = 40
    image[70, 20] = 17
    var exposure = try makeExposure(image, variance: 1)
    func count(_ type: SourceDetectionConfig.ThresholdType, _ value: Double) throws -> Int {
      try detect(&exposure, doSmooth: false) {
        $0.thresholdType = type
        $0.thresholdValue = value
        $0.nSigmaToGrow = 0
      }.numPos
    }
    #expect(try count(.value, 30) == 1)
    #expect(try count(.variance, 900) == 1)
    #expect(try count(.pixelStdev, 30) == 1)
    // 5σ of noise of 3: the two pixels, and the rare others that noise of 10⁴ pixels does not have.
    #expect(try count(.stdev, 5) == 2)
    #expect(try count(.stdev, 8) == 1)
  }

  @Test func smallFaintAndExcludedDetectionsAreLeftOut() throws {
    var image = Image<Float>(box: Box2I(width: 60, height: 60), fill: 0)
    for (x, value) in [(10, Float(6)), (30, 6), (50, 20)] {
      image[x, 30] = value
      image[x, 31] = 6
      image[x + 1, 30] = x == 10 ? 0 : 6
    }
    var exposure = try makeExposure(image, variance: 1)
    func count(_ change: (inout SourceDetectionConfig) -> Void) throws -> Int {
      try detect(&exposure, doSmooth: false) {
        $0.nSigmaToGrow = 0
        change(&$0)
      }.numPos
    }
    #expect(try count { _ in } == 3)
    #expect(try count { $0.minPixels = 3 } == 2)
    #expect(try count { $0.includeThresholdMultiplier = 3 } == 1)
    try exposure.maskedImage.update { _, mask, _ throws(ImagingError) in
      try mask.set("SAT", in: Box2I(minX: 45, minY: 25, width: 10, height: 10))
    }
    #expect(try count { $0.excludeMaskPlanes = ["SAT", "NOT_THERE"] } == 2)
  }

  @Test func footprintsMayBeReturnedAsTheyWere() throws {
    var image = Image<Float>(box: Box2I(width: 40, height: 40), fill: 0)
    image[20, 20] = 9
    var exposure = try makeExposure(image, variance: 1)
    let found = try #require(
      try detect(&exposure, doSmooth: false) {
        $0.returnOriginalFootprints = true
        $0.nSigmaToGrow = 3
      }.positive)
    #expect(found.footprints.map(\.area) == [1])
    // A disk of radius 3.
    #expect(exposure.maskedImage.mask.count(1 << 5) == 29)
  }

  @Test func theLocalBackgroundTellsPeaksAndChangesNoImage() throws {
    let box = Box2I(width: 256, height: 256)
    var image = noiseImage(box, sigma: 1, seed: 8)
    addStar(to: &image, at: Point2D(x: 100, y: 100), sigma: 2, flux: 2000)
    addStar(to: &image, at: Point2D(x: 107, y: 100), sigma: 2, flux: 1500)
    let before = image
    var exposure = try makeExposure(image, variance: 1)
    let found = try detect(&exposure, sigma: 2) { $0.doTempLocalBackground = true }
    #expect(exposure.maskedImage.image == before)
    #expect(found.positive?.footprints.contains { $0.peaks.count == 2 } == true)
  }

  @Test func imagesThatCannotBeSearchedAreTypedErrors() throws {
    var tiny = try makeExposure(Image(box: Box2I(width: 5, height: 5), fill: 0), variance: 1)
    #expect(throws: DetectionError.imageTooSmall(box: tiny.box, kernelWidth: 15)) { try detect(&tiny, sigma: 2) }
    var empty = try makeExposure(Image(box: Box2I(width: 0, height: 0), fill: 0), variance: 1)
    #expect(throws: DetectionError.self) { try detect(&empty, sigma: 2) }
    for type in SourceDetectionConfig.ThresholdType.allCases {
      let found = try detect(&empty, doSmooth: false) {
        $0.thresholdType = type
        $0.doTempLocalBackground = true
      }
      #expect(found.numPos + found.numNeg == 0)
    }
    for sigma in [0, -1, Double.nan, .infinity] {
      #expect(throws: DetectionError.self) { try detect(&tiny, sigma: sigma) }
    }
    let task = try SourceDetectionTask()
    #expect(throws: DetectionError.self) { try task.detectFootprints(&tiny) }
  }

  @Test func nothingIsFoundWhereThereIsNothing() throws {
    let box = Box2I(width: 80, height: 80)
    for value in [Float.nan, 0, .infinity] {
      for variance in [Double.nan, 0, .infinity, 1] {
        var exposure = try makeExposure(Image(box: box, fill: value), variance: variance)
        for type in SourceDetectionConfig.ThresholdType.allCases {
          let found = try detect(&exposure) {
            $0.thresholdType = type
            $0.doTempLocalBackground = true
          }
          #expect(found.numPos + found.numNeg == 0, "\(value) \(variance) \(type)")
        }
      }
    }
  }

  /// Noise above a low threshold has some 10⁵ peaks; equal input gives equal footprints.
  @Test func manyPeaksAreFoundAlike() throws {
    let image = noiseImage(Box2I(width: 1200, height: 1200), sigma: 1, seed: 11)
    var (first, second) = (try makeExposure(image, variance: 1), try makeExposure(image, variance: 1))
    let a = try detect(&first, doSmooth: false) {
      $0.thresholdValue = 0.5
      $0.nSigmaToGrow = 0
    }
    let b = try detect(&second, doSmooth: false) {
      $0.thresholdValue = 0.5
      $0.nSigmaToGrow = 0
    }
    // An eighth of the pixels of white noise is higher than its eight neighbours: one in nine.
    #expect(a.numPosPeaks > 120_000 && a.numNegPeaks > 120_000)
    #expect(a == b)
    var grown = try makeExposure(image, variance: 1)
    let c = try detect(&grown, doSmooth: false) {
      $0.thresholdValue = 2.5
      $0.nSigmaToGrow = 2.4
    }
    #expect(c.numPos > 100)
  }

  @Test func rowsAreNegativesFirstWithIDs() throws {
    var image = Image<Float>(box: Box2I(width: 60, height: 60), fill: 0)
    image[10, 10] = 20
    image[30, 40] = -30
    image[50, 20] = 25
    var exposure = try makeExposure(image, variance: 1)
    var config = SourceDetectionConfig()
    config.thresholdPolarity = .both
    let task = try SourceDetectionTask(config: config)
    var schema = try Schema.minimalSource()
    try task.addFields(to: &schema)
    var ids = IDFactory()
    let found = try task.run(&exposure, schema: schema, ids: &ids, doSmooth: false, sigma: 1)
    #expect(try found.sources.column("id", as: Int64.self) == [1, 2, 3])
    #expect(try found.sources.column("flags_negative", as: Bool.self) == [true, false, false])
    #expect(found.sources.footprint(row: 0)?.peaks[0].pixel == Point2I(x: 30, y: 40))
    #expect(found.sources.footprint(row: 0)?.strongestNegativePeak?.value == -30)
    #expect(found.sources.footprint(row: 0)?.strongestPositivePeak == nil)
    #expect(found.sources.footprint(row: 1)?.peaks[0].pixel == Point2I(x: 10, y: 10))
    #expect(found.footprints.positive?.footprints.flatMap { $0.peaks.map(\.id) } == [1, 2])
    #expect(found.footprints.negative?.footprints.flatMap { $0.peaks.map(\.id) } == [3])
  }

  @Test func setsOfBothPolaritiesMerge() throws {
    var image = Image<Float>(box: Box2I(width: 60, height: 60), fill: 0)
    image[20, 20] = 10
    image[25, 20] = -20
    image[50, 50] = 7
    var exposure = try makeExposure(image, variance: 1)
    let found = try detect(&exposure, doSmooth: false) { $0.nSigmaToGrow = 0 }
    let (positive, negative) = (try #require(found.positive), try #require(found.negative))
    // Four pixels lie between the first two.
    #expect(PolarityMerge(positive.footprints, negative.footprints, reach: 3).groups.count == 3)
    let merge = PolarityMerge(positive.footprints, negative.footprints, reach: 4)
    #expect(merge.groups == [.init(positive: [0], negative: [0]), .init(positive: [1], negative: [])])
    let both = PolarityMerge.footprint(of: positive.footprints + negative.footprints, region: positive.region)
    #expect(both.peaks.map(\.value) == [-20, 10, 7])
    #expect(both.peaks.map(\.isFromNegative) == [true, false, false])
    #expect(both.area == 3)
  }

  /// Blends stay apart, unless one of the other polarity is near several of them.
  @Test func onlyOppositesAreUnited() {
    func square(_ x: Int, _ y: Int) -> Footprint {
      Footprint(SpanSet(Box2I(minX: x, minY: y, width: 3, height: 3)), region: Box2I(width: 60, height: 60))
    }
    let positive = [square(10, 10), square(12, 10), square(40, 40), square(46, 40)]
    let negative = [square(43, 42), square(20, 50)]
    let groups = PolarityMerge(positive, negative, reach: 0).groups
    #expect(
      groups == [
        .init(positive: [0], negative: []), .init(positive: [1], negative: []), .init(positive: [2, 3], negative: [0]),
        .init(positive: [], negative: [1]),
      ])
    #expect(PolarityMerge([], [], reach: 5).groups.isEmpty)
  }
}
