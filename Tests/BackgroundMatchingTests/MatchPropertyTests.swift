// SPDX-License-Identifier: GPL-3.0-or-later

import BackgroundMatching
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct MatchPropertyTests {
  /// Cells of 60² pixels of a difference with variance 2: the standard error of a mean.
  private let cellError = (2.0 / 3600).squareRoot()
  private let cellCount = 100.0

  /// A plane added to one of two exposures comes back within the noise of the cells.
  @Test func aPlaneIsRecovered() throws {
    func plane(_ x: Double, _ y: Double) -> Double { 5 + x + 2 * y }
    let reference = try sky(100, seed: 11, shape: plane)
    let science = try sky(90, seed: 12)

    func error(_ change: (inout MatchBackgroundsConfig) -> Void) throws -> (rms: Double, match: BackgroundMatch) {
      var matched = science
      let match = try makeTask {
        $0.binSize = 60
        change(&$0)
      }.matchBackgrounds(refExposure: reference, sciExposure: &matched)
      let model = try match.backgroundModel.image()
      // Between the outermost centres; beyond them noise is extrapolated.
      let inner = model.box.grown(by: -30)
      let errors = Image<Float>(box: inner) { x, y in
        Float(Double(model[x, y]) - 10 - plane(Double(x), Double(y)))
      }
      return (try PixelStatistics(of: errors, .moments).meanSquare.squareRoot(), match)
    }

    for style in [MatchBackgroundsConfig.InterpStyle.linear, .naturalSpline, .akimaSpline] {
      // A curve between nodes is a sum of their values whose squared weights add up to 1 at most, so the error is that of a cell at
      // most; its mean square over 100 cells scatters by √(2/100), and four times that is allowed.
      let (rms, match) = try error { $0.interpStyle = style }
      #expect(rms < cellError * (1 + 4 * (2 / cellCount).squareRoot()).squareRoot(), "\(style): \(rms)")
      // Cells of model and grid are the same here, and between pixels a plane is linear: what is left is float32's rounding.
      #expect(match.fitRMS < 1e-3)
    }
    // The three terms of a plane take three parts in a hundred of the cells' noise; χ² of 3 is below 25 but for 1 in 60 000.
    let (rms, match) = try error {
      $0.usePolynomial = true
      $0.order = 1
    }
    #expect(rms < cellError * (25 / cellCount).squareRoot(), "\(rms)")
    // What the plane leaves of the cells is their noise. A sample point half a pixel beside the centre would add 1.5 counts.
    #expect(abs(match.fitRMS / cellError - 1) < 4 / (2 * cellCount).squareRoot(), "\(match.fitRMS)")
  }

  /// A curved background is followed to the order of the cells' size.
  @Test func aCurvedBackgroundIsRecovered() throws {
    // Cells average the curve: (60² − 1)/12 q an axis above the centre's value. Akima is exact for a parabola but at the ends.
    let q = 1e-3
    func bowl(_ x: Double, _ y: Double) -> Double { q * ((x - 300) * (x - 300) + (y - 300) * (y - 300)) }
    let reference = try sky(0, seed: 13, shape: bowl)
    let science = try sky(0, seed: 14)
    var matched = science
    let match = try makeTask { $0.binSize = 60 }.matchBackgrounds(refExposure: reference, sciExposure: &matched)
    let model = try match.backgroundModel.image()
    let inner = model.box.grown(by: -150)
    let offset = 2 * q * (3600.0 - 1) / 12
    let errors = Image<Float>(box: inner) { x, y in
      Float(Double(model[x, y]) - bowl(Double(x), Double(y)) - offset)
    }
    let rms = try PixelStatistics(of: errors, .moments).meanSquare.squareRoot()
    // 25 cells, as above; Akima's tangents weigh slopes, which noise of 0.02 hardly changes beside differences of 7 counts.
    #expect(rms < cellError * (1 + 4 * (2 / 25.0).squareRoot()).squareRoot() + 1e-3, "\(rms)")
  }

  @Test func theOriginDoesNotMatter() throws {
    let reference = try sky(3, seed: 15, shape: { x, y in 1e-2 * x + 2e-5 * y * y })
    let science = try sky(8, seed: 16, hasData: { x, y in x + y > 40 })
    func moved(_ exposure: Exposure, _ x: Int, _ y: Int) throws -> Exposure {
      let planes = exposure.maskedImage
      return Exposure(
        try MaskedImage(
          image: planes.image.moved(toX: x, y: y), mask: Mask(bits: planes.mask.bits.moved(toX: x, y: y)),
          variance: planes.variance.moved(toX: x, y: y)))
    }
    for isPolynomial in [false, true] {
      var results: [(pixels: [Float], rms: Double, mse: Double)] = []
      for (x, y) in [(0, 0), (-100, -999), (10_000, 54_321)] {
        var matched = try moved(science, x, y)
        let match = try makeTask {
          $0.usePolynomial = isPolynomial
          $0.order = 3
          $0.binSize = 70
        }.matchBackgrounds(refExposure: try moved(reference, x, y), sciExposure: &matched)
        #expect(match.backgroundModel.background.box.minX == x)
        // Bits, since NaN is no number that equals itself.
        results.append((matched.maskedImage.image.pixels.map { $0.isNaN ? 0 : $0 }, match.fitRMS, match.matchedMSE))
      }
      for other in results.dropFirst() { #expect(other == results[0]) }
    }
  }

  @Test func pixelsWithoutDataStaySo() throws {
    let reference = try sky(10, seed: 17, hasData: { x, _ in !(100..<200).contains(x) })
    var science = try sky(0, seed: 18, hasData: { _, y in !(300..<350).contains(y) })
    let before = science.maskedImage.image
    let match = try makeTask { $0.binSize = 60 }.matchBackgrounds(refExposure: reference, sciExposure: &science)
    let after = science.maskedImage.image
    for y in stride(from: 0, to: 600, by: 7) {
      for x in stride(from: 0, to: 600, by: 7) {
        #expect(after[x, y].isNaN == before[x, y].isNaN)
        // Where the reference has no data the model goes on.
        if !after[x, y].isNaN { #expect(abs(after[x, y] - before[x, y] - 10) < 1) }
      }
    }
    // 500 of 600 columns.
    #expect(abs(match.overlapFraction - 5.0 / 6) < 1e-12)
    #expect(match.extrapolatedFraction == 0, "a gap between cells with data is interpolated")
  }

  @Test func infinitePixelsDoNoHarm() throws {
    var science = try sky(0, seed: 19)
    try science.maskedImage.update { image, _, variance in
      image[50, 60] = .infinity
      image[51, 60] = -.infinity
      variance[52, 60] = .infinity
      variance[53, 60] = .nan
    }
    let match = try makeTask { $0.binSize = 100 }.matchBackgrounds(
      refExposure: try sky(5, seed: 20), sciExposure: &science)
    #expect(match.matchedMSE.isFinite && match.diffImVar == 2 && match.fitRMS.isFinite)
  }

  @Test func failuresChangeNothing() throws {
    let reference = try vanilla()
    // A model that float32 cannot hold would leave nothing of the pixels.
    let steep = try sky(0, seed: 21, shape: { x, _ in 1e36 * x }, hasData: { x, _ in x < 300 })
    #expect(try failure(steep, reference) { $0.binSize = 100 } == "RuntimeError")
    let empty = try sky(0, seed: 21, hasData: { _, _ in false })
    #expect(try failure(reference, empty) { _ in } == "ValueError", "no overlap")
    var science = try lowCover()
    let before = science.maskedImage
    let task = try makeTask {
      $0.binSize = 64
      $0.undersampleStyle = .throwException
    }
    // Rows of cells with two good ones are too few for Akima.
    #expect(throws: MatchBackgroundsError.self) {
      try task.matchBackgrounds(refExposure: reference, sciExposure: &science)
    }
    #expect(science.maskedImage.image.pixels.map(\.bitPattern) == before.image.pixels.map(\.bitPattern))
    #expect(science.maskedImage.mask == before.mask)
  }

  @Test func noneIsAModelOfZero() throws {
    let science = try sky(7, seed: 22)
    var matched = science
    let match = try makeTask { $0.interpStyle = .none }.matchBackgrounds(
      refExposure: try sky(9, seed: 23), sciExposure: &matched)
    #expect(matched.maskedImage == science.maskedImage)
    #expect(try match.backgroundModel.image().pixels.allSatisfy { $0 == 0 })
    // The difference of 2, and of the noise: 2² + 2 with the scatter of 600² squares.
    let scatter = (2.0 * 4 + 4 * 4 * 2).squareRoot() / 600
    #expect(abs(match.matchedMSE - 6) < 5 * scatter)
    #expect(abs(match.fitRMS - 2) < 5 * 2.0.squareRoot() / 600 + 1e-3)
  }

  @Test func clippingAndMediansResistSources() throws {
    let reference = try sky(20, seed: 24)
    var science = try sky(10, seed: 25)
    try science.maskedImage.update { image, _, _ in
      for y in stride(from: 5, to: 600, by: 20) { for x in stride(from: 5, to: 600, by: 20) { image[x, y] += 1000 } }
    }
    func offset(_ statistic: MatchBackgroundsConfig.GridStatistic) throws -> Double {
      var matched = science
      let match = try makeTask {
        $0.binSize = 60
        $0.gridStatistic = statistic
      }.matchBackgrounds(refExposure: reference, sciExposure: &matched)
      let model = try match.backgroundModel.image()
      return model.sum / Double(model.box.area) - 10
    }
    // One pixel in 400 is 1000 too bright; clipped it is gone, and a median moves by σ √(π/2) / 800.
    #expect(abs(try offset(.mean) + 2.5) < 0.1)
    #expect(abs(try offset(.meanclip)) < 0.02)
    #expect(abs(try offset(.median)) < 0.02)
  }

  @Test func croppingToTheOverlap() throws {
    let reference = try sky(10, seed: 26, box: Box2I(minX: 100, minY: 50, width: 500, height: 500))
    let science = try sky(4, seed: 27)
    #expect(try failure(reference, science) { _ in } == "RuntimeError")
    var matched = science
    let match = try makeTask {
      $0.doCropToOverlap = true
      $0.binSize = 64
    }.matchBackgrounds(refExposure: reference, sciExposure: &matched)
    #expect(matched.box == reference.box && match.backgroundModel.background.box == reference.box)
    #expect(match.matchedMSE < 1.01 * match.diffImVar)
    let elsewhere = try sky(0, seed: 28, box: Box2I(minX: 5000, minY: 0, width: 100, height: 100))
    #expect(try failure(reference, elsewhere) { $0.doCropToOverlap = true } == "ValueError")
  }

  @Test func masksUniteByName() throws {
    // BAD of one exposure has the bit of another plane in the other.
    let reference = try sky(10, seed: 29)
    var science = try sky(0, seed: 30)
    var image = science.maskedImage.image
    let block = Box2I(minX: 0, minY: 0, width: 60, height: 60)
    for y in 0..<60 { for x in 0..<60 { image[x, y] = 1e6 } }
    var mask = Mask(box: science.box, planes: try MaskPlanes(bits: ["BAD": 5, "OTHER": 0]))
    try mask.set("BAD", in: block)
    science.maskedImage = try MaskedImage(image: image, mask: mask, variance: science.maskedImage.variance)
    let match = try makeTask { $0.binSize = 100 }.matchBackgrounds(refExposure: reference, sciExposure: &science)
    #expect(match.matchedMSE < 1.01 * match.diffImVar)
  }

  @Test func tinyImages() throws {
    for (width, height) in [(1, 1), (1, 7), (3, 2), (5, 600)] {
      let box = Box2I(width: width, height: height)
      for isPolynomial in [false, true] {
        let name = try failure(sky(1, seed: 31, box: box), sky(2, seed: 32, box: box)) {
          $0.usePolynomial = isPolynomial
          $0.order = 0
          $0.binSize = 2
        }
        // One pixel has no scatter, and so no cell to judge a fit by.
        let isTooSmall = width * height == 1 || isPolynomial && width == 1
        #expect(name == (isTooSmall ? "ValueError" : nil), "\(width)×\(height)")
      }
    }
    let none = Exposure(MaskedImage(box: Box2I(width: 0, height: 3)))
    #expect(try failure(none, none) { _ in } == "ValueError")
  }
}
