// SPDX-License-Identifier: GPL-3.0-or-later

import BackgroundMatching
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct MatchBackgroundsConfigTests {
  @Test func namesAndDefaultsAreTheSeeds() throws {
    let leaves = MatchBackgroundsConfig().tree.leaves
    let found = Dictionary(uniqueKeysWithValues: leaves.map { ($0.path, $0.leaf.value) })
    let expected: [String: ConfigValue] = [
      "usePolynomial": .boolean(false), "order": .integer(8),
      "badMaskPlanes": .list(
        ["NO_DATA", "DETECTED", "DETECTED_NEGATIVE", "SAT", "BAD", "INTRP", "CR"].map { .string($0) }),
      "gridStatistic": .string("MEAN"), "undersampleStyle": .string("REDUCE_INTERP_ORDER"), "binSize": .integer(256),
      "interpStyle": .string("AKIMA_SPLINE"), "numSigmaClip": .integer(3), "numIter": .integer(2),
      "bestRefWeightCoverage": .number(0.4), "bestRefWeightVariance": .number(0.4), "bestRefWeightLevel": .number(0.2),
      "approxWeighting": .boolean(true), "gridStdevEpsilon": .number(1e-8),
    ]
    for (name, value) in expected { #expect(found[name] == value, "\(name)") }
    let others = Set(found.keys).subtracting(expected.keys).filter { !$0.hasPrefix("tract.") }
    #expect(Set(others) == ["levelNormalization", "doCropToOverlap"])
  }

  @Test func rangesAreChecked() throws {
    var config = MatchBackgroundsConfig()
    try config.set("bestRefWeightLevel", to: .integer(1))
    try config.set("badMaskPlanes", to: .list([.string("EDGE")]))
    try config.set("gridStatistic", to: .string("MEANCLIP"))
    try config.set("interpStyle", to: .string("NONE"))
    for (name, value) in [
      ("bestRefWeightLevel", ConfigValue.number(1.01)), ("bestRefWeightLevel", .number(-0.1)), ("order", .integer(-1)),
      ("binSize", .integer(1)), ("gridStdevEpsilon", .number(-1)), ("numIter", .integer(0)),
      ("interpStyle", .string("CUBIC")), ("badMaskPlanes", .list([.string("DETECTD")])),
      ("gridStatistic", .string("mean")),
    ] {
      #expect(throws: ConfigProblem.self, "\(name)") { try config.set(name, to: value) }
    }
  }
}

@Suite struct ImageScalerTests {
  private func exposure(zeroPoint: Double? = 25) throws -> Exposure {
    var exposure = try sky(10, seed: 70, box: Box2I(minX: 40, minY: -20, width: 30, height: 20))
    exposure.photoCalib = try zeroPoint.map { try PhotoCalib(zeroPoint: $0) }
    return exposure
  }

  @Test func oneNumber() throws {
    let before = try exposure()
    var after = before
    try ImageScaler(scale: 3).scale(&after)
    #expect(after.maskedImage.image[45, -3] == 3 * before.maskedImage.image[45, -3])
    #expect(after.maskedImage.variance[45, -3] == 9)
    // Fluxes in nJy stay.
    let calibration = try #require(after.photoCalib)
    #expect(abs(calibration.mean * 3 / (try #require(before.photoCalib)).mean - 1) < 1e-15)
    try ImageScaler().scale(&after)
    #expect(after.maskedImage.variance[45, -3] == 9)
    for scale in [0, -1, .nan, .infinity] {
      let error = #expect(throws: MatchBackgroundsError.self) { try ImageScaler(scale: scale).scale(&after) }
      #expect(error?.category == "ValueError")
    }
  }

  @Test func zeroPoints() throws {
    let before = try exposure(zeroPoint: 24.5)
    var after = before
    try ScaleZeroPoint().scale(&after)
    // 2.5 magnitudes are a factor of 10.
    #expect(abs(after.maskedImage.image[45, -3] / before.maskedImage.image[45, -3] - 10) < 1e-5)
    #expect(abs(try #require(after.photoCalib).zeroPoint - 27) < 1e-12)
    var bare = try exposure(zeroPoint: nil)
    #expect(throws: MatchBackgroundsError.self) { try ScaleZeroPoint().scale(&bare) }
    #expect(throws: MatchBackgroundsError.self) { try ScaleZeroPoint(zeroPoint: .nan).scale(&after) }
  }

  @Test func aPlaneOfScales() throws {
    let before = try exposure()
    func scale(_ x: Double, _ y: Double) -> Double { 2 + 0.01 * x - 0.02 * y }
    let positions = [(0.0, 0.0), (100, 0), (0, 100), (50, 30), (-20, -40)]
    var after = before
    try SpatialImageScaler(positions.map { .init(x: $0, y: $1, scale: scale($0, $1)) }).scale(&after)
    for (x, y) in [(40, -20), (69, -1), (55, -10)] {
      let factor = scale(Double(x), Double(y))
      let ratio = Double(after.maskedImage.image[x, y] / before.maskedImage.image[x, y])
      // Three roundings of float32.
      #expect(abs(ratio / factor - 1) < 5e-7)
      #expect(abs(Double(after.maskedImage.variance[x, y]) / (factor * factor) - 1) < 1e-6)
    }
    // Positions on a line tell no plane: their mean.
    var mean = before
    try SpatialImageScaler((0..<5).map { .init(x: Double($0), y: 2 * Double($0), scale: Double($0)) }).scale(&mean)
    #expect(mean.maskedImage.variance[50, -5] == 4)
    for bad in [[], [SpatialImageScaler.Sample(x: 0, y: 0, scale: .nan)], [.init(x: 0, y: 0, scale: -1)]] {
      var unchanged = before
      #expect(throws: MatchBackgroundsError.self) { try SpatialImageScaler(bad).scale(&unchanged) }
      #expect(unchanged.maskedImage == before.maskedImage)
    }
  }
}
