// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

@Suite struct BackgroundTests {
  private func ramp(_ box: Box2I, _ z0: Double, _ dx: Double, _ dy: Double) -> Image<Float> {
    Image(box: box) { x, y in Float(z0 + dx * Double(x - box.minX) + dy * Double(y - box.minY)) }
  }

  @Test(
    .enabled(if: GoldenFile.isAvailable("U_unit.h5"), "needs shared/golden and the Python environment of `make test`"))
  func agreesWithTheReferenceSystem() throws {
    let golden = try GoldenFile("U_unit.h5")
    defer { golden.remove() }
    let image = try golden["conv_in_image"].image()
    let mask = try Mask(bits: golden["conv_in_mask"].bits())
    let bad = try mask.planes.bitMask(["BAD", "SAT"])
    for statistic in [Statistic.mean, .meanclip, .median] {
      let background = try Background(
        of: image, mask: mask,
        .init(columns: 7, rows: 6, statistic: statistic, statistics: StatisticsControl(andMask: bad)))
      let cells = try golden["bkg_stats_\(statistic.rawValue)"].image()
      for (a, b) in zip(background.values.pixels, cells.pixels) { #expect(abs(a - b) < 1e-6 * max(1, abs(b))) }

      for style in [InterpolationStyle.linear, .naturalSpline, .cubicSpline, .akimaSpline] {
        let expected = try golden["bkg_\(style.rawValue)_\(statistic.rawValue)"].image()
        let surface = try background.image(style)
        // Every fourth pixel; cells reach 20 counts, and Akima's cubics a few times that.
        for y in 0..<50 {
          for x in 0..<50 { #expect(abs(surface[4 * x, 4 * y] - expected[x, y]) < 1e-5, "\(style) \(statistic)") }
        }
      }
      // The reference's constant style takes the mean of a cell and the one before it, between centres: through its formula.
      let expected = try golden["bkg_CONSTANT_\(statistic.rawValue)"].image()
      func cell(_ cells: BackgroundCells, _ position: Int) -> (Int, Int) {
        let breaks = zip(cells.centers, cells.centers.dropFirst()).map { ($0 + $1) / 2 }
        let index = breaks.filter { $0 <= Double(position) }.count
        return (max(0, index - 1), index)
      }
      for y in 0..<50 {
        for x in 0..<50 {
          let (i, j) = (cell(background.columnCells, 4 * x), cell(background.rowCells, 4 * y))
          let column0 = (background.values[i.0, j.0] + background.values[i.0, j.1]) / 2
          let column1 = (background.values[i.1, j.0] + background.values[i.1, j.1]) / 2
          #expect(abs((column0 + column1) / 2 - expected[x, y]) < 1e-5)
        }
      }
    }
    let clipped = try Background(
      of: image, mask: mask, .init(columns: 7, rows: 6, statistics: StatisticsControl(andMask: bad)))
    for order in 1...3 {
      let expected = try golden["approx_cheb\(order)"].image()
      let surface = try ChebyshevApproximation(clipped, order: order, isWeighted: false).image()
      for y in 0..<50 { for x in 0..<50 { #expect(abs(surface[4 * x, 4 * y] - expected[x, y]) < 1e-5) } }
    }
  }

  // The facts of framework E.2, in its order.

  @Test func rampIsExactInParentCoordinates() throws {
    let box = Box2I(minX: 9876, minY: 54321, width: 512, height: 512)
    let image = ramp(box, 10000, 0.1, 0.2)
    let control = Background.Control(
      columns: 6, rows: 6, statistics: StatisticsControl(numSigmaClip: 20, numIter: 1))
    let background = try Background(of: image, control)
    let surface = try background.image(.naturalSpline)
    for x in [box.minX, box.minX + 256, box.maxX] {
      for y in [box.minY, box.minY + 256, box.maxY] { #expect(abs(surface[x, y] / image[x, y] - 1) < 5e-7) }
    }
    let part = Box2I(minX: 9900, minY: 54400, width: 77, height: 33)
    #expect(try background.image(in: part, .akimaSpline) == background.image(.akimaSpline).cropped(to: part))
    #expect(throws: ImagingError.self) { try background.image(in: part.shifted(x: 600, y: 0)) }
    let again = try Background(box: box, values: background.values)
    #expect(try again.image(.akimaSpline) == background.image(.akimaSpline))
  }

  @Test func parabolaAndTent() throws {
    let image = Image<Float>(box: Box2I(width: 512, height: 512)) { x, y in
      Float(1e-4 * Double(x * x + y * y) + 0.1 * Double(x) + 0.2 * Double(y) + 10)
    }
    let surface = try Background(of: image, .init(columns: 24, rows: 24)).image(.naturalSpline)
    for position in [1, 128, 256, 384, 510] {
      #expect(abs(surface[position, position] - image[position, position]) < 0.5)
    }
    let tent = Image<Float>(box: Box2I(width: 2, height: 99)) { _, y in Float(y < 89 ? y : 178 - y) }
    let tentSurface = try Background(of: tent, .init(columns: 2, rows: 10, statistic: .mean))
      .image(.naturalSpline, undersample: .reduceInterpOrder)
    for y in 0..<99 { #expect(abs(tentSurface[0, y] - tent[0, y]) < 5) }
  }

  @Test func undersampledGrids() throws {
    let image = ramp(Box2I(width: 60, height: 40), 5, 1, 1)
    let two = try Background(of: image, .init(columns: 2, rows: 2))
    #expect(try two.usedStyle(.cubicSpline, undersample: .reduceInterpOrder) == .linear)
    #expect(throws: ImagingError.self) { try two.image(.cubicSpline) }
    #expect(throws: ImagingError.self) { try two.image(.cubicSpline, undersample: .increaseSampling) }
    let one = try Background(of: image, .init(columns: 1, rows: 1, statistic: .mean))
    #expect(try one.image(.constant)[30, 20] == Float(5 + 29.5 + 19.5))
    #expect(throws: ImagingError.self) { try Background.Control(covering: image.box, binSize: 0) }
    #expect(try Background.Control(covering: image.box, binSize: .max).columns == 1)
    #expect(throws: ImagingError.self) { try Background(of: image, .init(columns: 0, rows: 1)) }
    #expect(throws: ImagingError.self) { try Background(of: image, .init(columns: 61, rows: 1)) }
    #expect(throws: ImagingError.self) {
      try Background(of: Image<Float>(box: Box2I(width: 0, height: 3), fill: 0), .init(columns: 1, rows: 1))
    }
  }

  @Test func scalarsShiftTheSurface() throws {
    let image = Image<Float>(box: Box2I(width: 200, height: 200), fill: 100)
    var background = try Background(of: image, .init(columns: 20, rows: 20))
    background += 123
    #expect(try background.image(.linear).pixels.allSatisfy { $0 == 223 })
    background -= 123
    #expect(try background.image(.linear).pixels.allSatisfy { $0 == 100 })
  }

  @Test func emptyCells() throws {
    var image = Image<Float>(box: Box2I(width: 15, height: 9)) { _, y in Float(1 + 2 * y) }
    for y in 0..<3 { for x in 0..<3 { image[x, y] = .nan } }
    let background = try Background(of: image, .init(columns: 5, rows: 3, statistic: .mean))
    let error = #expect(throws: ImagingError.self) { try background.image(.naturalSpline) }
    #expect(error?.category == "OutOfRangeError")
    let surface = try background.image(.naturalSpline, undersample: .reduceInterpOrder)
    for y in 0..<9 { for x in 0..<15 { #expect(abs(surface[x, y] - Float(1 + 2 * y)) < 1e-5) } }

    let styles: [InterpolationStyle] = [.constant, .linear, .naturalSpline, .akimaSpline]
    let nothing = Image<Float>(box: Box2I(width: 50, height: 60), fill: .nan)
    var single = nothing
    single[0, 0] = 42
    for style in styles {
      let control = Background.Control(columns: 6, rows: 6, statistic: .mean)
      #expect(
        try Background(of: nothing, control).image(style, undersample: .reduceInterpOrder).pixels.allSatisfy {
          $0.isNaN
        })
      #expect(
        try Background(of: single, control).image(style, undersample: .reduceInterpOrder).pixels.allSatisfy { $0 == 42 }
      )
    }
    var rows = Image<Float>(box: Box2I(width: 100, height: 100), fill: 20)
    for y in 30..<70 { for x in 0..<100 { rows[x, y] = .nan } }
    for style in styles {
      let surface = try Background(of: rows, .init(columns: 10, rows: 10, statistic: .mean))
        .image(style, undersample: .reduceInterpOrder)
      #expect(surface.pixels.allSatisfy { abs($0 - 20) < 1e-5 })
    }
  }

  @Test func originDoesNotMatter() throws {
    let image = noiseImage(Box2I(width: 90, height: 70), level: 3, seed: 5)
    let reference = try Background(of: image, .init(columns: 6, rows: 5))
    for origin in [(-100, -999), (1000, 500)] {
      let moved = try Background(of: image.moved(toX: origin.0, y: origin.1), .init(columns: 6, rows: 5))
      #expect(moved.values == reference.values)
      #expect(try moved.image().pixels == reference.image().pixels)
    }
  }

  @Test func chebyshev() throws {
    let image = Image<Float>(box: Box2I(width: 20, height: 40)) { x, y in Float(1000 + x + y) }
    let background = try Background(box: image.box, values: image, errors: image.map { _ in 1 })
    let fit = try ChebyshevApproximation(background, order: 3)
    let surface = try fit.image()
    for x in [0, 19] { for y in [0, 39] { #expect(surface[x, y] == image[x, y]) } }
    // A cell of unknown error is left out, which changes nothing on a plane.
    var errors = Image<Float>(box: image.box, fill: 1)
    errors[7, 9] = .nan
    let holed = try ChebyshevApproximation(Background(box: image.box, values: image, errors: errors), order: 3).image()
    for x in [0, 7, 19] { for y in [0, 9, 39] { #expect(holed[x, y] == image[x, y]) } }
    let mean = try PixelStatistics(of: image, .moments).mean
    #expect(abs(Double(try ChebyshevApproximation(background, order: 0).image()[3, 3]) - mean) < 1e-3)
    // A lower order of the same fit is its leading terms.
    #expect(abs(Double(try fit.image(order: 0)[3, 3]) - mean) < 1e-3)
    #expect(throws: ImagingError.self) { try fit.image(order: 4) }
    #expect(throws: ImagingError.self) { try ChebyshevApproximation(background, order: 31) }
    let noErrors = try Background(box: image.box, values: image, errors: image.map { _ in 0 })
    let error = #expect(throws: ImagingError.self) { try ChebyshevApproximation(noErrors, order: 1) }
    #expect(error?.category == "RuntimeError")
    let empty = try Background(box: image.box, values: image.map { _ in .nan })
    #expect(throws: ImagingError.self) { try ChebyshevApproximation(empty, order: 1, isWeighted: false) }
    // Four cells do not determine ten terms: the order falls until they do.
    let few = try Background(box: image.box, values: Image<Float>(box: Box2I(width: 2, height: 2), fill: 9))
    #expect(try ChebyshevApproximation(few, order: 3, isWeighted: false).order <= 1)
  }

  @Test func akimaAndChebyshevDifferButAgree() throws {
    let image = Image<Float>(box: Box2I(width: 256, height: 256)) { x, y in
      Float(1e-4 * Double(x * x + y * y) + 0.1 * Double(x) + 0.2 * Double(y) + 10)
    }
    let background = try Background(of: image, .init(columns: 6, rows: 6, statistic: .mean))
    let akima = try background.image(.akimaSpline)
    let chebyshev = try ChebyshevApproximation(background, order: 2).image()
    let worst = zip(akima.pixels, chebyshev.pixels).map { abs($0 / $1 - 1) }.max() ?? 0
    #expect(worst > 1e-4 && worst < 1e-3, "\(worst)")
  }

  @Test func maskedRegionsLeaveNoHoles() throws {
    // A masked block that empties no cell, and columns without data that empty two thirds of them.
    let block = Image<Float>(box: Box2I(width: 800, height: 800), fill: 20)
    var mask = Mask(box: block.box)
    try mask.set("BAD", in: Box2I(minX: 260, minY: 210, width: 240, height: 336))
    let good = StatisticsControl(andMask: 1)
    let natural = try Background(of: block, mask: mask, .init(columns: 4, rows: 4, statistics: good)).image(
      .naturalSpline)
    #expect(natural.pixels.allSatisfy { $0 == 20 })

    let wide = Image<Float>(box: Box2I(width: 500, height: 200)) { x, _ in x >= 300 ? .nan : 20 }
    var half = Mask(box: wide.box)
    try half.set("BAD", in: Box2I(minX: 100, minY: 0, width: 200, height: 200))
    for style in [InterpolationStyle.constant, .linear, .naturalSpline, .akimaSpline] {
      let surface = try Background(
        of: wide, mask: half, .init(columns: 17, rows: 17, statistic: .mean, statistics: good)
      )
      .image(style, undersample: .reduceInterpOrder)
      for y in 0..<100 { for x in 0..<100 { #expect(surface[x, y] == 20) } }
    }
  }

  @Test func interpolatorAnchors() throws {
    let x = (0..<10).map(Double.init)
    let line = x.map { 3 * $0 - 1 }
    for style in [InterpolationStyle.linear, .naturalSpline] {
      #expect(abs(try Interpolator(style, x: x, y: line)(4.5) - 12.5) < 1e-12)
    }
    let parabola = x.map { 0.5 * $0 * $0 + $0 + 1 }
    let akima = try Interpolator(.akimaSpline, x: x, y: parabola)
    #expect(abs(akima(4.5) - (0.5 * 4.5 * 4.5 + 5.5)) < 1e-12)
    // Beyond the nodes Akima goes on quadratically, the natural spline along a line.
    let natural = try Interpolator(.naturalSpline, x: x, y: parabola)
    #expect(abs((natural(12) - natural(11)) - (natural(11) - natural(10))) < 1e-9)
    #expect(abs(akima(11) - (0.5 * 121 + 12)) < 1)

    let y = [1, 2.4, 5, 8.4, 13, 18.4, 25, 32.6, 41, 50.6]
    let constant = try Interpolator(.constant, x: x, y: y)
    #expect(constant(-10) == 1 && constant(19) == 50.6 && constant(0.49) == 1 && constant(0.5) == 2.4)
    // The reference's table, which is the mean of the nearest value and the one before: ours through that formula.
    let table = [1, 1.7, 3.7, 6.7, 10.7, 15.7, 21.7, 28.8, 36.8, 45.8, 50.6]
    for (i, expected) in table.enumerated() {
      let position = Double(i) - 0.5 + 0.1
      #expect(abs((constant(position) + constant(position - 1)) / 2 - expected) < 1e-9 || i == table.count - 1)
    }
    #expect(akima(.nan).isNaN)
  }

  @Test func interpolatorErrors() throws {
    #expect(throws: ImagingError.self) { try Interpolator(.constant, x: [], y: []) }
    #expect(throws: Never.self) { try Interpolator(.constant, x: [1], y: [2]) }
    #expect(throws: ImagingError.self) { try Interpolator(.linear, x: [1], y: [2]) }
    #expect(throws: ImagingError.self) { try Interpolator(.linear, x: [1, 1], y: [2, 3]) }
    #expect(throws: ImagingError.self) { try Interpolator(.linear, x: [1, .nan], y: [2, 3]) }
    #expect(throws: ImagingError.self) { try Interpolator(.linear, x: [1, 2], y: [2]) }
    let best = try [1, 2, 3, 4, 5, 99].map { try InterpolationStyle.best(forNodeCount: $0) }
    #expect(best == [.constant, .linear, .cubicSpline, .cubicSpline, .akimaSpline, .akimaSpline])
    for count in [0, -1, -5] { #expect(throws: ImagingError.self) { try InterpolationStyle.best(forNodeCount: count) } }
    #expect(throws: ImagingError.self) { try InterpolationStyle(named: "akima") }
    #expect(try InterpolationStyle(named: "AKIMA_SPLINE").minimumNodeCount == 5)
  }
}
