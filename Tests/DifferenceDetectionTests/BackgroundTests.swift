// SPDX-License-Identifier: GPL-3.0-or-later
// The background of a difference beside its obvious twin and the reference's.

import DifferenceDetection
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

struct BackgroundTests {
  private func config(binSize: Int, filtered: Bool = false) -> SubtractBackgroundConfig {
    var config = SubtractBackgroundConfig()
    config.binSize = binSize
    config.doFilterSuperPixels = filtered
    return config
  }

  /// Medians of cells, bit for bit those of the statistics that know everything.
  @Test(arguments: [4, 8, 17, 40, 200])
  func mediansAreThoseOfStatistics(_ binSize: Int) throws {
    let box = Box2I(minX: -7, minY: 30, width: 131, height: 88)
    var scene = try testScene(box, seed: UInt64(binSize))
    try scene.update { image, _, _ in
      for i in 0..<50 { image[box.minX + 2 * i, box.minY + i] = i % 2 == 0 ? .nan : .infinity }
      // Few values, so that the middle ones are often equal.
      for y in box.minY..<box.minY + 20 { for x in box.minX..<box.endX { image[x, y] = Float((x &* 7 &+ y) & 3) } }
    }
    let found = try #require(try measureBackground(of: scene, config(binSize: binSize)))
    let twin = try Background(
      of: scene.image, mask: scene.mask,
      Background.Control(
        covering: box, binSize: binSize, statistic: .median,
        statistics: StatisticsControl(
          andMask: scene.mask.planes.bitMask(ofExisting: SubtractBackgroundConfig().ignoredPixelMask))))
    #expect(found.values.pixels.map(\.bitPattern) == twin.values.pixels.map(\.bitPattern))
  }

  @Test(arguments: [SubtractBackgroundConfig.StatisticsProperty.mean, .meanclip, .median])
  func aPlaneIsFound(_ statistic: SubtractBackgroundConfig.StatisticsProperty) throws {
    let box = Box2I(minX: 5, minY: -3, width: 200, height: 160)
    let plane = Image<Float>(box: box) { x, y in 3 + 0.01 * Float(x) - 0.02 * Float(y) }
    let scene = try MaskedImage(image: plane, mask: Mask(box: box), variance: Image(box: box, fill: 1))
    var config = config(binSize: 20, filtered: false)
    config.statisticsProperty = statistic
    let background = try fitBackground(of: scene, config)
    // Float32 of numbers up to 6, each rounded a few times.
    for (a, b) in zip(background.pixels, plane.pixels) { #expect(abs(a - b) < 8 * 0x1p-21) }
  }

  /// One cell that is wrong does not reach the surface when cells are filtered.
  @Test func filteredCellsForgetASource() throws {
    let box = Box2I(width: 160, height: 160)
    var image = Image<Float>(box: box, fill: 2)
    for y in 64..<80 { for x in 48..<64 { image[x, y] = 1000 } }
    let scene = try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 1))
    #expect(try fitBackground(of: scene, config(binSize: 16, filtered: true)).pixels.allSatisfy { $0 == 2 })
    #expect(try fitBackground(of: scene, config(binSize: 16)).pixels.contains { $0 > 900 })
  }

  /// Cells without a pixel take the median of those about them; of two in the middle the upper one.
  @Test func emptyCellsAreFilled() throws {
    let box = Box2I(width: 32, height: 8)
    var mask = Mask(box: box)
    try mask.set("BAD", in: Box2I(minX: 8, minY: 0, width: 8, height: 8))
    let image = Image<Float>(box: box) { x, _ in Float(x / 8) }
    let scene = try MaskedImage(image: image, mask: mask, variance: Image(box: box, fill: 1))
    let found = try #require(try measureBackground(of: scene, config(binSize: 8, filtered: true)))
    // Mirrored along y, so that each counts three times: {0, 0}, {0, 2}, {2, 3}, {2, 3, 3}.
    #expect(found.values.pixels == [0, 2, 3, 3])
  }

  @Test(arguments: [1, 3, 8, 37])
  func nothingToMeasureIsZero(_ side: Int) throws {
    let box = Box2I(minX: 4, minY: 4, width: side, height: side)
    var full = Mask(box: box)
    try full.set("NO_DATA", in: box)
    let nan = Image<Float>(box: box, fill: .nan)
    for (image, mask) in [(nan, Mask(box: box)), (Image(box: box, fill: 7), full), (nan, full)] {
      let scene = try MaskedImage(image: image, mask: mask, variance: Image(box: box, fill: 0))
      for binSize in [4, 8, 1_000_000] {
        let background = try fitBackground(of: scene, config(binSize: binSize, filtered: true))
        #expect(background.box == box && background.pixels.allSatisfy { $0 == 0 })
      }
    }
    let empty = MaskedImage(box: Box2I(width: 0, height: side))
    #expect(try fitBackground(of: empty, config(binSize: 8)).pixels.isEmpty)
    // One pixel is enough.
    var one = full
    one[box.minX, box.minY] = 0
    let scene = try MaskedImage(image: Image(box: box, fill: 7), mask: one, variance: Image(box: box, fill: 0))
    #expect(try fitBackground(of: scene, config(binSize: 8, filtered: true)).pixels.allSatisfy { $0 == 7 })
  }
}

/// Case A of `shared/golden`: the background in two passes (detection-measurement A.14.1).
@Suite(
  .enabled(if: GoldenFile.isAvailable("A_detect.h5"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenBackgroundTests {
  @Test func theMeasuredImageIsTheReferences() throws {
    let (golden, difference) = (try GoldenFile("A_detect.h5"), try GoldenFile("A_T_dec.h5"))
    defer {
      golden.remove()
      difference.remove()
    }
    let subtracted = try goldenSubtraction(difference)
    let expected = try golden["measured_image"].image()
    let mask = try difference["diff_mask"].bits()
    let before = try difference["diff_image"].image()
    var (compared, moved) = (0, Float(0))
    for i in expected.pixels.indices {
      if mask.pixels[i] & 1 << 8 != 0 {
        // The reference sets what has no data to 0 in the end.
        #expect(expected.pixels[i] == 0)
        continue
      }
      compared += 1
      moved = max(moved, abs(before.pixels[i] - expected.pixels[i]))
      // The surface and the difference are rounded to float32, the cells' medians are the same: 2⁻²⁴ of each of the three.
      let tolerance = 0x1p-23 * (abs(before.pixels[i]) + 3)
      #expect(abs(subtracted.image.pixels[i] - expected.pixels[i]) <= tolerance, "pixel \(i)")
    }
    #expect(compared > 261_000)
    #expect(moved > 1.5)
  }
}

/// A decorrelated difference of the golden data less its background in two passes; the mask as it was before.
func goldenSubtraction(_ difference: GoldenFile) throws -> MaskedImage {
  let bits = try difference["diff_mask"].bits().map { $0 & ~(1 << 5 | 1 << 6) }
  let image = try MaskedImage(
    image: try difference["diff_image"].image(), mask: Mask(bits: bits),
    variance: try difference["diff_variance"].image())
  var config = SubtractBackgroundConfig()
  config.binSize = 8
  var first = Exposure(image)
  try first.maskedImage.add(try fitBackground(of: image, config), times: -1)
  var detection = SourceDetectionConfig()
  detection.thresholdPolarity = .both
  _ = try SourceDetectionTask(config: detection).detectFootprints(&first, sigma: 2.3)
  var marked = image
  try marked.update { _, mask, _ in mask.unite(first.maskedImage.mask.bits, pattern: 1 << 5 | 1 << 6) }
  config.binSize = 40
  var result = image
  try result.add(try fitBackground(of: marked, config), times: -1)
  return result
}
