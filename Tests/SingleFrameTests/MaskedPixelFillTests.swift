// SPDX-License-Identifier: GPL-3.0-or-later
// Values for pixels that have none.

import Imaging
import SingleFrame
import SkyGeometry
import TestSupport
import Testing

@Suite struct MaskedPixelFillTests {
  private let box = Box2I(minX: 10, minY: -5, width: 60, height: 50)

  private func image(_ value: (Int, Int) -> Float, holes: [(String, Box2I)]) throws -> MaskedImage {
    var mask = Mask(box: box)
    for (plane, part) in holes { try mask.set(plane, in: part) }
    return try MaskedImage(image: Image(box: box, value), mask: mask, variance: Image(box: box, fill: 4))
  }

  @Test func holesGetWhatIsAboutThem() throws {
    let holes = [
      ("SAT", Box2I(minX: 20, minY: 5, width: 7, height: 9)), ("BAD", Box2I(minX: 40, minY: -5, width: 2, height: 50)),
      ("CR", Box2I(minX: 60, minY: 20, width: 1, height: 1)),
      ("NO_DATA", Box2I(minX: 10, minY: 35, width: 20, height: 10)),
    ]
    // A plane is harmonic, so it is its own interpolation; beyond the edge of the image there is nothing to hold it.
    var filled = try image({ x, y in Float(3 * x - 2 * y) }, holes: holes)
    let plain = filled
    try filled.update { image, _, _ in
      for (_, part) in holes { for y in part.minY..<part.endY { for x in part.minX..<part.endX { image[x, y] = 1e9 } } }
      image[50, 10] = .nan
    }
    let junk = filled
    let count = try filled.fillMaskedPixels()
    #expect(count == 7 * 9 + 2 * 50 + 1 + 20 * 10 + 1)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX where (0..<30).contains(y) {
        // The sweeps end before they converge to the last digit: a hundredth of the hole's range of 60.
        #expect(abs(filled.image[x, y] - plain.image[x, y]) < 0.6, "\(x) \(y)")
      }
    }
    let interpolated = try filled.mask.planes.bitMask("INTRP")
    #expect(filled.mask.count(interpolated) == count)
    #expect(zip(filled.mask.bits.pixels, junk.mask.bits.pixels).allSatisfy { $0 & ~interpolated == $1 })
    #expect(filled.variance == junk.variance)
    // What is filled is between the lowest and highest good pixel: nothing rings.
    let limits = (plain.image.pixels.min() ?? 0, plain.image.pixels.max() ?? 0)
    #expect(filled.image.pixels.allSatisfy { $0 >= limits.0 && $0 <= limits.1 })
    var again = junk
    try again.fillMaskedPixels()
    #expect(again == filled)
  }

  @Test func variancesThatAreNoneAreFilled() throws {
    var input = try image({ _, _ in 1 }, holes: [("BAD", Box2I(minX: 20, minY: 0, width: 3, height: 3))])
    try input.update { _, _, variance in for x in 20..<23 { variance[x, 1] = .infinity } }
    try input.fillMaskedPixels()
    #expect(input.variance.pixels.allSatisfy { abs($0 - 4) < 1e-5 })
  }

  @Test func nothingGoodGivesZero() throws {
    var input = try MaskedImage(withoutDataOver: box)
    #expect(try input.fillMaskedPixels() == box.area)
    #expect(input.image == Image(box: box, fill: 0))
    #expect(input.variance == Image(box: box, fill: 0))
    var whole = try image({ _, _ in 1 }, holes: [])
    let before = whole
    #expect(try whole.fillMaskedPixels() == 0)
    #expect(whole == before)
  }
}
