// SPDX-License-Identifier: GPL-3.0-or-later
// From a plain image to one that can be subtracted.

import Foundation
import Imaging
import SingleFrame
import SkyGeometry
import TaskFramework

/// Measures what makes an exposure of an image without PSF: sky, noise, PSF, detection, the brightest sources.
struct CharacterisationStage {
  let side: Int

  /// The beginnings of the operations' names.
  static let names = ["characterise"]

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    guard isWanted(Self.names[0]) else { return [] }
    returnFreedMemory()
    let before = residentMemory()
    let exposure = try plainImage()
    let task = try CharacterizeImageTask()
    var result = try measure("characterise a plain image", side: side, runs: 3) {
      task.emptyMetadata()
      keep(try task.run(exposure))
    }
    result.rate = result.seconds / Double(side * side) * 1e9
    result.unit = "ns/px"
    result.setMemory(before: before, inputBytes: 12 * side * side)
    note("characterise, \(side): " + Self.parts(of: task.timing))
    return [result]
  }

  /// Seconds of each step of the last run.
  private static func parts(of timing: TaskMetadata) -> String {
    ["sky", "noise", "psf", "detect", "measure"].compactMap { step in
      duration(of: step, in: timing).map { "\(step) \(String(format: "%.3f", $0)) s" }
    }.joined(separator: ", ")
  }

  /// 400 stars a megapixel of σ 2 px on a sloping sky, with some pixels saturated or bad.
  private func plainImage() throws -> Exposure {
    var state: UInt64 = 9
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    let box = Box2I(width: side, height: side)
    var image = Image<Float>(box: box) { x, y in
      Float(500 + 4e-3 * Double(x) - 2e-3 * Double(y) + 20 * (uniform() + uniform() + uniform() - 1.5))
    }
    var mask = Mask(box: box)
    let (saturated, bad) = (try mask.planes.bitMask("SAT"), try mask.planes.bitMask("BAD"))
    for _ in 0..<max(40, side * side * 400 / 1_000_000) {
      let center = Point2D(x: uniform() * Double(side - 1), y: uniform() * Double(side - 1))
      let flux = 300 / (0.0005 + uniform())
      guard let pixel = center.pixel else { continue }
      for y in max(0, pixel.y - 14)..<min(side, pixel.y + 15) {
        for x in max(0, pixel.x - 14)..<min(side, pixel.x + 15) {
          let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
          image[x, y] += Float(flux / (8 * .pi) * exp(-(dx * dx + dy * dy) / 8))
          if image[x, y] > 20_000 { mask[x, y] |= saturated }
        }
      }
    }
    for k in 0..<side / 512 { for y in 0..<side { mask[(k * 509 + 97) % side, y] |= bad } }
    return Exposure(try MaskedImage(image: image, mask: mask, variance: image.map { 150 + 0.5 * max(0, $0) }))
  }
}
