// SPDX-License-Identifier: GPL-3.0-or-later
// Points that fill a square evenly.

import Measurement
import Testing

@Suite struct HaltonSequenceTests {
  /// Of a box's share of the square the share of the points differs by less than what random points would.
  @Test func pointsFillTheSquareEvenly() {
    let points = Array(HaltonSequence(seed: 7).prefix(1000))
    #expect(points.allSatisfy { (0..<1).contains($0.0) && (0..<1).contains($0.1) })
    for i in 0..<5 {
      for j in 0..<5 {
        let count = points.filter { Int($0.0 * 5) == i && Int($0.1 * 5) == j }.count
        // 40 are expected; random ones would scatter by 6.
        #expect((34...46).contains(count), "\(i) \(j): \(count)")
      }
    }
  }

  @Test func seedsDiffer() {
    let (a, b, c) = (
      Array(HaltonSequence(seed: 1).prefix(50)), Array(HaltonSequence(seed: 1).prefix(50)),
      Array(HaltonSequence(seed: 2).prefix(50))
    )
    #expect(a.map(\.0) == b.map(\.0) && a.map(\.1) == b.map(\.1))
    #expect(zip(a, c).filter { $0.0 == $1.0 && $0.1 == $1.1 }.count < 5)
  }
}
