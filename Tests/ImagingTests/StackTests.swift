// SPDX-License-Identifier: GPL-3.0-or-later
// Stacks: against their formula, and what they promise of outliers and strips.

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

@Suite struct StackTests {
  static let box = Box2I(minX: 5, minY: -3, width: 53, height: 41)

  /// Images of noise about a common value, with holes, bad pixels and a few flashes.
  private func inputs(_ count: Int, seed: UInt64, flashes: Bool = true) throws -> [StackInput] {
    var random = SeededRandom(seed)
    return try (0..<count).map { i in
      var mask = Mask(box: Self.box)
      let sigma = Float(1 + 0.3 * Double(i % 4))
      var image = Image<Float>(box: Self.box) { _, _ in 10 + sigma * Float(random.gaussian()) }
      var variance = Image<Float>(box: Self.box, fill: sigma * sigma)
      for k in 0..<20 {
        let (x, y) = (Self.box.minX + Int(random.next() % 53), Self.box.minY + Int(random.next() % 41))
        switch k % 4 {
        case 0: try mask.set("BAD", in: Box2I(minX: x, minY: y, width: 1, height: 1))
        case 1: image[x, y] = .nan
        case 2: try mask.set("NO_DATA", in: Box2I(minX: x, minY: y, width: 1, height: 1))
        default: if flashes { image[x, y] += 300 * sigma }
        }
      }
      variance[Self.box.minX, Self.box.minY] = .infinity
      return StackInput(
        try MaskedImage(image: image, mask: mask, variance: variance), weight: 1 / Double(sigma * sigma), tolerance: 0.3
      )
    }
  }

  private func control(_ planes: MaskPlanes = .standard) throws -> StackControl {
    var planes = planes
    return StackControl(
      badMask: try planes.bitMask(["BAD", "SAT"]), noData: try planes.bitMask("NO_DATA"),
      clipped: try planes.add("CLIPPED"), rejected: try planes.add("REJECTED"),
      inexactPSF: try planes.add("INEXACT_PSF"),
      propagated: try planes.bitMask("SAT"))
  }

  private func withPlanes(_ inputs: [StackInput]) throws -> [StackInput] {
    var planes = MaskPlanes.standard
    for name in ["CLIPPED", "REJECTED", "INEXACT_PSF"] { try planes.add(name) }
    return try inputs.map { input in
      StackInput(
        try MaskedImage(
          image: input.image.image, mask: try input.image.mask.conformed(to: planes), variance: input.image.variance),
        weight: input.weight, tolerance: input.tolerance)
    }
  }

  /// The stack pixel by pixel, in float64, as its doc comment says it.
  private func obvious(_ inputs: [StackInput], _ control: StackControl, x: Int, y: Int) -> (Double, Double, Int, Bool) {
    func isPresent(_ i: Int, _ x: Int, _ y: Int) -> Bool {
      let image = inputs[i].image
      return image.image[x, y].isFinite && image.variance[x, y].isFinite && image.mask[x, y] & control.noData == 0
    }
    func isGood(_ i: Int, _ x: Int, _ y: Int) -> Bool {
      isPresent(i, x, y) && inputs[i].image.mask[x, y] & control.badMask == 0
    }
    func good(_ x: Int, _ y: Int) -> [Int] { inputs.indices.filter { isGood($0, x, y) } }
    func median(_ x: Int, _ y: Int) -> Double {
      let values = good(x, y).map { Double(inputs[$0].image.image[x, y]) }.sorted()
      guard !values.isEmpty else { return 0 }
      return (values[(values.count - 1) / 2] + values[values.count / 2]) / 2
    }
    func excess(_ i: Int, _ x: Int, _ y: Int) -> Double {
      guard Self.box.contains(x: x, y: y), isGood(i, x, y), good(x, y).count >= 3 else { return 0 }
      var largest = 0.0
      for b in y - 1...y + 1 {
        for a in x - 1...x + 1 where Self.box.contains(x: a, y: b) { largest = max(largest, abs(median(a, b))) }
      }
      let image = inputs[i].image
      let distance = abs(Double(image.image[x, y]) - median(x, y))
      return (distance - inputs[i].tolerance * largest) / Double(image.variance[x, y]).squareRoot()
    }
    func isOutlier(_ i: Int) -> Bool {
      guard control.clips, inputs.count > 2 else { return false }
      let own = excess(i, x, y)
      guard own > control.numSigmaClipBeside else { return false }
      for b in y - 1...y + 1 { for a in x - 1...x + 1 where excess(i, a, b) > control.numSigmaClip { return true } }
      return false
    }
    let outliers = good(x, y).filter(isOutlier)
    var used = good(x, y).filter { !outliers.contains($0) }
    let hasMajority = !used.isEmpty
    if used.isEmpty { used = good(x, y) }
    if used.isEmpty { used = inputs.indices.filter { isPresent($0, x, y) } }
    let weight = used.reduce(0) { $0 + inputs[$1].weight }
    let sum = used.reduce(0) { $0 + inputs[$1].weight * Double(inputs[$1].image.image[x, y]) }
    let variance = used.reduce(0) {
      $0 + inputs[$1].weight * inputs[$1].weight * Double(inputs[$1].image.variance[x, y])
    }
    return (sum / weight, variance / (weight * weight), used.count, hasMajority && !outliers.isEmpty)
  }

  @Test(arguments: [1, 2, 3, 4, 5, 8, 17])
  func agreesWithItsFormula(count: Int) throws {
    let control = try control()
    let inputs = try withPlanes(try inputs(count, seed: UInt64(count)))
    let stack = try stack(inputs, rows: Self.box.minY..<Self.box.endY, control)
    var clipped = 0
    for y in Self.box.minY..<Self.box.endY {
      for x in Self.box.minX..<Self.box.endX {
        let (value, variance, number, hasOutliers) = obvious(inputs, control, x: x, y: y)
        let bits = stack.image.mask[x, y]
        #expect(Int(stack.inputCount[x, y]) == number)
        if number == 0 {
          #expect(stack.image.image[x, y].isNaN && stack.image.variance[x, y] == .infinity)
          #expect(bits & control.noData != 0)
        } else {
          // Sums are float64 there too; the result is rounded once.
          #expect(abs(Double(stack.image.image[x, y]) - value) <= 1e-7 * abs(value))
          #expect(abs(Double(stack.image.variance[x, y]) - variance) <= 1e-7 * variance)
        }
        #expect((bits & control.clipped != 0) == hasOutliers)
        if hasOutliers { clipped += 1 }
      }
    }
    // Of two images none can tell which is wrong.
    #expect(count > 2 ? clipped > 0 : clipped == 0)
  }

  @Test func stripsDoNotShow() throws {
    let control = try control()
    let inputs = try withPlanes(try inputs(6, seed: 3))
    let whole = try stack(inputs, rows: Self.box.minY..<Self.box.endY, control)
    for height in [1, 3, 7, 40] {
      for first in stride(from: Self.box.minY, to: Self.box.endY, by: height) {
        let rows = first..<min(first + height, Self.box.endY)
        let reach = max(rows.lowerBound - 2, Self.box.minY)..<min(rows.upperBound + 2, Self.box.endY)
        let parts = inputs.map { input in
          StackInput(
            input.image.cropped(
              to: Box2I(minX: Self.box.minX, minY: reach.lowerBound, width: Self.box.width, height: reach.count)),
            weight: input.weight, tolerance: input.tolerance)
        }
        let part = try stack(parts, rows: rows, control)
        let same = whole.image.cropped(to: part.image.box)
        for (a, b) in zip(part.image.image.pixels, same.image.pixels) { #expect(a.bitPattern == b.bitPattern) }
        #expect(part.image.mask == same.mask)
      }
    }
  }

  @Test func noiseFallsAsTheVarianceSays() throws {
    let box = Box2I(width: 400, height: 400)
    var random = SeededRandom(11)
    let inputs = try (0..<10).map { (i: Int) throws -> StackInput in
      let sigma = 1 + 0.2 * Double(i)
      return StackInput(
        try MaskedImage(
          image: Image<Float>(box: box) { _, _ in Float(sigma * random.gaussian()) }, mask: Mask(box: box),
          variance: Image(box: box, fill: Float(sigma * sigma))), weight: 1 / (sigma * sigma), tolerance: 0.3)
    }
    let result = try stack(inputs, rows: 0..<400, StackControl(noData: 256))
    let expected = (1 / inputs.reduce(0) { $0 + $1.weight }).squareRoot()
    let scatter = try PixelStatistics(of: result.image.image).standardDeviation
    // 160,000 pixels: the scatter of their standard deviation is 0.2 %.
    #expect(abs(scatter / expected - 1) < 0.01)
    #expect(abs(Double(result.image.variance[7, 7]) / (expected * expected) - 1) < 1e-6)
  }

  @Test func starsOfDifferentSeeingSurviveAndFlashesDoNot() throws {
    let box = Box2I(width: 41, height: 41)
    let widths: [Double] = [1.6, 1.8, 2.0, 2.2, 2.4]
    let peaks: [Double] = widths.map { 1 / ($0 * $0) }
    let inputs = try widths.indices.map { (i: Int) throws -> StackInput in
      let (width, height): (Double, Double) = (2 * widths[i] * widths[i], 1.6e4 * peaks[i])
      var image = Image<Float>(box: box) { x, y in
        let r2 = Double((x - 20) * (x - 20) + (y - 20) * (y - 20))
        return Float(height * exp(-r2 / width))
      }
      if i == 1 { for x in 4..<9 { image[x, 6] += 400 } }
      return StackInput(
        try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 25)), weight: 1,
        tolerance: 0.3 + abs(peaks[i] / peaks[2] - 1))
    }
    let result = try stack(inputs, rows: 0..<41, StackControl(noData: 256, clipped: 1 << 20))
    for y in 12..<29 { for x in 12..<29 { #expect(result.inputCount[x, y] == 5, "(\(x), \(y))") } }
    for x in 4..<9 {
      #expect(result.inputCount[x, 6] == 4)
      #expect(abs(result.image.image[x, 6]) < 1)
    }
  }

  @Test func withoutAMajorityNothingIsAnOutlier() throws {
    let box = Box2I(width: 3, height: 3)
    let planes = MaskPlanes.standard
    let inputs = try [(0, 0), (0, 0), (1000, 0), (1000, 0), (5000, 1)].map { value, isBad -> StackInput in
      var mask = Mask(box: box)
      if isBad == 1 { try mask.set("SAT", in: box) }
      return StackInput(
        try MaskedImage(image: Image(box: box, fill: Float(value)), mask: mask, variance: Image(box: box, fill: 1)),
        weight: 1, tolerance: 0.3)
    }
    let control = StackControl(
      badMask: try planes.bitMask("SAT"), noData: try planes.bitMask("NO_DATA"), clipped: 1 << 20)
    let result = try stack(inputs, rows: 0..<3, control)
    // Two say this and two that: the mean of the four, and not of the bad one.
    #expect(result.image.image[1, 1] == 500 && result.inputCount[1, 1] == 4)
    #expect(result.image.mask[1, 1] & (1 << 20 | control.badMask) == 0)
    #expect(result.clippedCount == 0)
  }

  @Test func saturationIsPropagatedByWeight() throws {
    let box = Box2I(width: 20, height: 3)
    let sat = try MaskPlanes.standard.bitMask("SAT")
    let inputs = try (0..<20).map { i -> StackInput in
      var mask = Mask(box: box)
      // In column k the first k images are saturated.
      for x in i + 1..<20 { try mask.set("SAT", in: Box2I(minX: x, minY: 0, width: 1, height: 3)) }
      return StackInput(
        try MaskedImage(image: Image(box: box, fill: 1), mask: mask, variance: Image(box: box, fill: 1)), weight: 1,
        tolerance: 0.3)
    }
    let control = StackControl(badMask: sat, noData: 256, propagated: sat, propagationThreshold: 0.1)
    let result = try stack(inputs, rows: 0..<3, control)
    for x in 0..<20 {
      #expect((result.image.mask[x, 1] & sat != 0) == (x >= 2), "column \(x)")
      #expect(Int(result.inputCount[x, 1]) == 20 - x)
    }
  }

  @Test func whatCannotBeStackedIsRefused() throws {
    let inputs = try inputs(3, seed: 1)
    #expect(throws: ImagingError.self) { try stack([], rows: 0..<1, StackControl()) }
    #expect(throws: ImagingError.self) { try stack(inputs, rows: -10..<0, StackControl()) }
    var other = inputs
    other[1].weight = .nan
    #expect(throws: ImagingError.self) { try stack(other, rows: 0..<1, StackControl()) }
    other = inputs
    other[2].image = other[2].image.cropped(to: Self.box.grown(by: -1))
    #expect(throws: ImagingError.self) { try stack(other, rows: 0..<1, StackControl()) }
  }
}
