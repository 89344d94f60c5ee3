// SPDX-License-Identifier: GPL-3.0-or-later

import BackgroundMatching
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// The facts of framework E.1, row by row.
@Suite struct MatchFactsTests {
  /// "Accurate": the levels agree within the variance (very loose), and the mean square of what is left is that of the noise.
  private func expectAccurate(
    _ reference: Exposure, _ science: Exposure, _ name: String,
    _ change: @escaping (inout MatchBackgroundsConfig) -> Void
  ) throws {
    var science = science
    let match = try makeTask(change).matchBackgrounds(refExposure: reference, sciExposure: &science)
    let ours = try PixelStatistics(of: science.maskedImage.image, .moments)
    let theirs = try PixelStatistics(of: reference.maskedImage.image, .moments)
    #expect(abs(theirs.mean - ours.mean) <= ours.variance, "\(name)")
    #expect(match.matchedMSE < 1.01 * match.diffImVar, "\(name): \(match.matchedMSE) and \(match.diffImVar)")
  }

  private func polynomial(_ binSize: Int, _ order: Int) -> (inout MatchBackgroundsConfig) -> Void {
    {
      $0.usePolynomial = true
      $0.binSize = binSize
      $0.order = order
    }
  }

  private func spline(_ binSize: Int) -> (inout MatchBackgroundsConfig) -> Void { { $0.binSize = binSize } }

  @Test func binsLargerThanTheImage() throws {
    for size in [601, 701, 801, 901] {
      #expect(try failure(chipGap(), vanilla(), polynomial(size, 8)) == "ValueError", "\(size)")
    }
  }

  @Test func ordersThatTheCellsDoNotAllow() throws {
    for order in 3...7 {
      #expect(try failure(chipGap(), vanilla(), polynomial(256, order)) == "ValueError", "\(order)")
    }
    // The order is judged before the sizes.
    let small = try sky(0, seed: 9, box: Box2I(width: 500, height: 500))
    #expect(try failure(vanilla(), small, polynomial(256, 3)) == "ValueError")
  }

  @Test func ordersThatTheCellsJustAllow() throws {
    for (size, order) in [(600, 0), (300, 1), (200, 2), (100, 5)] {
      try expectAccurate(chipGap(), vanilla(), "\(size) \(order)", polynomial(size, order))
    }
  }

  @Test func sizesDiffer() throws {
    let small = try sky(0, seed: 9, box: Box2I(width: 500, height: 500))
    #expect(try failure(vanilla(), small, polynomial(128, 2)) == "RuntimeError")
    #expect(try failure(vanilla(), small, spline(128)) == "RuntimeError")
    // One size elsewhere is no better.
    var moved = try vanilla()
    moved.maskedImage = try MaskedImage(
      image: moved.maskedImage.image.moved(toX: 7, y: 0), mask: Mask(box: moved.box.shifted(x: 7, y: 0)),
      variance: moved.maskedImage.variance.moved(toX: 7, y: 0))
    #expect(try failure(vanilla(), moved, spline(128)) == "RuntimeError")
  }

  @Test func levels() throws {
    try expectAccurate(chipGap(), vanilla(), "polynomial", polynomial(128, 4))
    try expectAccurate(chipGap(), vanilla(), "spline", spline(128))
  }

  @Test func ramps() throws {
    let ramp = try sky(0, seed: 4, shape: { x, y in x + 2 * y })
    try expectAccurate(ramp, vanilla(), "polynomial", polynomial(64, 8))
    try expectAccurate(ramp, vanilla(), "spline", spline(64))
  }

  @Test func polynomialOverLittleCover() throws {
    func style(
      _ style: UndersampleStyle, _ size: Int, _ order: Int
    ) -> (inout MatchBackgroundsConfig) -> Void {
      {
        polynomial(size, order)(&$0)
        $0.undersampleStyle = style
      }
    }
    #expect(try failure(chipGap(), lowCover(), style(.throwException, 64, 8)) == "ValueError")
    try expectAccurate(chipGap(), lowCover(), "increase", style(.increaseSampling, 128, 4))
    try expectAccurate(chipGap(), lowCover(), "reduce", style(.reduceInterpOrder, 64, 8))
    // Smaller cells keep the order: five columns of cells with data for order 4, in 200 of 600 columns of pixels.
    var science = try lowCover()
    let task = try makeTask(style(.increaseSampling, 128, 4))
    let match = try task.matchBackgrounds(refExposure: try chipGap(), sciExposure: &science)
    #expect(match.backgroundModel.approximationOrder == 4)
    #expect(match.backgroundModel.background.values.width == 15, "600 pixels in cells of at most 40")
    #expect(task.warnings == ["decreasing the bin size to 40: the overlap has few cells of 128 pixels"])
    // With one column of pixels no size is small enough.
    let sliver = try sky(0, seed: 5, hasData: { x, _ in x == 0 })
    #expect(try failure(vanilla(), sliver, style(.increaseSampling, 128, 4)) == "ValueError")
  }

  @Test func splineOverLittleCover() throws {
    var science = try lowCover()
    let match = try makeTask(spline(64)).matchBackgrounds(refExposure: try vanilla(), sciExposure: &science)
    #expect(match.matchedMSE < 1.01 * match.diffImVar)
    // Cells of 60 pixels: the fourth has the last 20 columns of data.
    #expect(abs(match.extrapolatedFraction - 0.6) < 1e-12)
    #expect(match.overlapFraction == 1)
    try expectAccurate(vanilla(), lowCover(), "spline", spline(64))
  }

  @Test func saturatedPixels() throws {
    var science = try sky(20, seed: 2, hasData: { x, _ in !(200..<300).contains(x) })
    try science.maskedImage.update { image, mask, _ throws(ImagingError) in
      for y in 0..<10 { image[5, y] = 65000 }
      try mask.set("SAT", in: Box2I(minX: 5, minY: 0, width: 1, height: 10))
    }
    for (name, change) in [("polynomial", polynomial(128, 4)), ("spline", spline(256))] {
      var matched = science
      let match = try makeTask(change).matchBackgrounds(refExposure: try chipGap(), sciExposure: &matched)
      #expect(match.matchedMSE < 1.01 * match.diffImVar, "\(name)")
      #expect(matched.maskedImage.mask == science.maskedImage.mask)
      #expect(matched.maskedImage.variance == science.maskedImage.variance)
    }
  }

  @Test func anExposureAndItself() throws {
    for change in [polynomial(128, 4), spline(256)] {
      let reference = try vanilla()
      var science = reference
      let match = try makeTask(change).matchBackgrounds(refExposure: reference, sciExposure: &science)
      #expect(match.matchedMSE == 0 && match.fitRMS == 0 && match.diffImVar == 2)
      #expect(science.maskedImage == reference.maskedImage)
    }
  }

  @Test func splinesWithTooFewCells() throws {
    func style(_ style: UndersampleStyle) -> (inout MatchBackgroundsConfig) -> Void {
      {
        $0.binSize = 256
        $0.undersampleStyle = style
      }
    }
    try expectAccurate(chipGap(), vanilla(), "reduce", style(.reduceInterpOrder))
    #expect(try failure(chipGap(), vanilla(), style(.increaseSampling)) == "RuntimeError")
    #expect(try failure(chipGap(), vanilla(), style(.throwException)) == "RuntimeError")
  }

  @Test func chipGaps() throws {
    let horizontal = try sky(10, seed: 6, hasData: { _, y in !(200..<300).contains(y) })
    for gap in [horizontal, try chipGap()] {
      try expectAccurate(gap, vanilla(), "spline", spline(64))
      try expectAccurate(gap, vanilla(), "polynomial", polynomial(64, 4))
    }
  }

  @Test func weightsKeepABadCornerOut() throws {
    var science = try chipGap()
    var random = SeededRandom(7)
    try science.maskedImage.update { image, _, _ in
      for y in 0..<50 {
        for x in 0..<50 { image[x, y] = random.uniform() < 0.6 ? .nan : Float(random.uniform(0...1000)) }
      }
    }
    var matched = science
    _ = try makeTask(polynomial(60, 4)).matchBackgrounds(refExposure: try vanilla(), sciExposure: &matched)
    let rest = Box2I(minX: 60, minY: 60, width: 540, height: 540)
    let statistics = try PixelStatistics(of: matched.maskedImage.image, in: rest, .moments)
    #expect(abs(statistics.mean - 50) < statistics.variance)
    // Without weights the corner's cell, off by hundreds, bends the polynomial.
    _ = try makeTask {
      polynomial(60, 4)(&$0)
      $0.approxWeighting = false
    }.matchBackgrounds(refExposure: try vanilla(), sciExposure: &science)
    let bent = try PixelStatistics(of: science.maskedImage.image, in: rest, .moments)
    #expect(abs(bent.mean - 50) > 10 * abs(statistics.mean - 50))
  }
}
