// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of images and masks that reach further.

import Imaging
import SkyGeometry
import Testing

@Suite struct ImagePartTests {
  @Test func masksGrowBySquares() throws {
    let box = Box2I(minX: -3, minY: 4, width: 30, height: 20)
    var mask = Mask(box: box)
    try mask.set("DETECTED", in: Box2I(minX: 5, minY: 10, width: 2, height: 1))
    try mask.set("DETECTED", in: Box2I(minX: -3, minY: 4, width: 1, height: 1))
    let detected = try mask.planes.bitMask("DETECTED")
    let grown = mask.growing(detected, by: 3)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX {
        let isNear = [(5, 10), (6, 10), (-3, 4)].contains { abs($0.0 - x) <= 3 && abs($0.1 - y) <= 3 }
        #expect((grown[x, y] & detected != 0) == isNear, "(\(x), \(y))")
      }
    }
    #expect(mask.growing(detected, by: 0) == mask)
  }

  @Test func croppingBesideAnImageGivesNothing() {
    let image = Image<Float>(box: Box2I(width: 4, height: 4), fill: 1)
    #expect(image.cropped(to: Box2I(minX: 10, minY: 1, width: 3, height: 2)).pixels.isEmpty)
    #expect(image.cropped(to: Box2I(minX: 1, minY: 10, width: 3, height: 2)).pixels.isEmpty)
    var copy = image
    copy.paste(Image<Float>(box: Box2I(minX: 10, minY: 2, width: 3, height: 9), fill: 7))
    #expect(copy == image)
  }
}
