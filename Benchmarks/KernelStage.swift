// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel that matches two images, from a thousand stars.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework

/// Measures the search for a matching kernel: single kernels, what they leave, the varying kernel, what that leaves.
struct KernelStage {
  let side: Int

  /// The beginnings of the operations' names.
  static let names = ["matching kernel, 21²", "matching kernel, 35²"]
  private static let starCount = 1000

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    var results: [Measurement] = []
    // Widths of PSFs, standard deviations in pixels, that ask for kernels of these sizes (differencing A6.3).
    for (name, template, science) in [(Self.names[0], 2.0, 2.4), (Self.names[1], 2.0, 4.0)] where isWanted(name) {
      let task = try MakeKernelTask(config: Self.config())
      let fwhm = (template * fwhmPerSigma, science * fwhmPerSigma)
      let stamp = 2 * (try task.kernelSide(targetFwhm: fwhm.0, referenceFwhm: fwhm.1)) + 1
      let stars = try candidates(template: template, science: science, stamp: stamp)
      let region = Box2I(width: side, height: side)
      var result = try measure("\(name), \(Self.starCount) stars, 27 functions, order 1", side: side, runs: 3) {
        keep(try task.solve(stars, targetFwhm: fwhm.0, referenceFwhm: fwhm.1, region: region))
        task.emptyMetadata()
      }
      result.rate = result.seconds / Double(Self.starCount) * 1e6
      result.unit = "µs/star"
      results.append(result)
    }
    return results
  }

  /// Every star of every cell is used.
  private static func config() throws -> MakeKernelConfig {
    var config = MakeKernelConfig()
    try config.kernel.update("AL", PsfMatchConfigAL.self) { $0.search.nStarPerCell = 0 }
    return config
  }

  private func candidates(template: Double, science: Double, stamp: Int) throws -> [KernelCandidate] {
    var random = BenchmarkNoise(7)
    let margin = Double(stamp / 2 + 1)
    let span = Double(side) - 2 * margin
    return try (0..<Self.starCount).map { k in
      let center = Point2D(x: margin + span * random.uniform(), y: margin + span * random.uniform())
      guard let box = Box2I(centeredAt: center, side: stamp) else { fail("a stamp outside of all images", 70) }
      func image(_ sigma: Double) throws -> MaskedImage {
        let pixels = Image<Float>(box: box) { x, y in
          let r2 = (Double(x) - center.x) * (Double(x) - center.x) + (Double(y) - center.y) * (Double(y) - center.y)
          return Float(20_000 / (2 * .pi * sigma * sigma) * exp(-r2 / (2 * sigma * sigma)) + 5 * random.normal())
        }
        return try MaskedImage(image: pixels, mask: Mask(box: box), variance: pixels.map { 25 + max(0, $0) / 100 })
      }
      return try KernelCandidate(
        id: Int64(k), position: center, rating: 20_000, template: try image(template), science: try image(science))
    }
  }
}

/// SplitMix64 and sums of twelve: noise that is the same on every run.
private struct BenchmarkNoise {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func uniform() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }

  mutating func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }
}
