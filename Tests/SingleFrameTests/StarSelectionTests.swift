// SPDX-License-Identifier: GPL-3.0-or-later
// Stars among sources.

import Imaging
import SingleFrame
import SkyGeometry
import TestSupport
import Testing

@Suite struct StarSelectionTests {
  private let box = Box2I(width: 1000, height: 1000)

  private func source(_ size: Double, _ x: Double, _ y: Double, sn: Double = 100) -> StarMeasurement {
    StarMeasurement(
      position: Point2D(x: x, y: y), size: size, signalToNoise: sn, height: 100, isGood: true, isIsolated: true)
  }

  @Test func starsAreWhatIsSmallestAndAlike() {
    var random = SeededRandom(21)
    var sources: [StarMeasurement] = []
    for _ in 0..<100 {
      sources.append(source(2 * (1 + 0.01 * random.gaussian()), random.uniform(0...999), random.uniform(0...999)))
    }
    // Twice as many galaxies, over a wide range of sizes, and cosmic rays.
    for _ in 0..<200 {
      sources.append(source(random.uniform(2.3...8), random.uniform(0...999), random.uniform(0...999)))
    }
    for _ in 0..<30 { sources.append(source(0.5, random.uniform(0...999), random.uniform(0...999))) }
    let selection = StarSelection(sources, over: box)
    #expect(selection.stars.filter { $0 < 100 }.count >= 97)
    #expect(selection.stars.filter { $0 >= 100 }.count <= 3)
    #expect(abs((selection.size ?? 0) - 2) < 0.02)
  }

  @Test func aVaryingWidthIsFollowed() {
    var random = SeededRandom(22)
    let sources = (0..<80).map { _ in
      let (x, y) = (random.uniform(0...999), random.uniform(0...999))
      return source(2 * (1 + 0.1 * (x / 500 - 1)) * (1 + 0.005 * random.gaussian()), x, y)
    }
    #expect(StarSelection(sources, over: box).stars.count >= 76)
  }

  @Test func fewStarsAreEnough() {
    var sources = (0..<4).map { source(1.7 + 0.01 * Double($0), Double($0) * 100, 50) }
    sources += (0..<6).map { source(3 + Double($0), 500, Double($0) * 100) }
    #expect(StarSelection(sources, over: box).stars.sorted() == [0, 1, 2, 3])
    #expect(StarSelection([], over: box).stars.isEmpty)
    #expect(StarSelection([], over: box).size == nil)
  }

  @Test func brightGoodIsolatedOnesAreTaken() {
    var sources = (0..<12).map { source(2, Double($0) * 80, 500, sn: 30 + Double($0)) }
    sources[3].isGood = false
    sources[4].isIsolated = false
    sources[5].signalToNoise = 5
    #expect(StarSelection(sources, over: box).stars == [11, 10, 9, 8, 7, 6, 2, 1, 0])
  }
}
