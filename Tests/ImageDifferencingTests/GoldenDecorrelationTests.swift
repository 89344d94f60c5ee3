// SPDX-License-Identifier: GPL-3.0-or-later
// Decorrelated differences against the reference system's.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite(
  .enabled(if: GoldenFile.isAvailable("A_T_dec.h5"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenDecorrelationTests {
  /// As the reference has it: one filter for all, the PSF as it was.
  private func run(_ pair: GoldenPair, _ method: String = "wholeImage") throws -> (
    task: AlardLuptonSubtractTask, result: SubtractionResult
  ) {
    var config = AlardLuptonSubtractConfig()
    try config.set("decorrelate.method", to: .string(method))
    let decorrelate = config.decorrelate
    return try pair.run {
      $0.decorrelate = decorrelate
      $0.doDecorrelation = true
    }
  }

  /// Mean variances and the filter's kernel.
  @Test(arguments: ["A", "B"]) func filtersAgree(_ name: String) throws {
    let golden = try GoldenFile("\(name)_T_dec.h5")
    defer { golden.remove() }
    let (task, result) = try run(try GoldenPair(name, scaledAsIn: "\(name)_T_dec"))
    let metadata = task.fullMetadata()
    var found: [Double] = []
    for key in ["unconvolvedVariance", "convolvedVariance"] {
      found.append(try metadata.double("subtractImages:decorrelate.\(key)"))
    }
    // Clipping at 3 σ may leave a pixel out or not.
    for (own, other) in zip(found, try golden["decorr_vars"].doubles) { #expect(abs(own - other) < 1e-4 * other) }
    let kernel = try CorrectionKernel(
      result.psfMatchingKernel.kernel.image(at: result.difference.box.center), unconvolved: found[0],
      convolved: found[1], tolerance: 1e-9)
    let center = try golden["decorr_kernel_center"].image()
    for y in -20...20 {
      for x in -20...20 { #expect(abs(kernel.image[x, y] - Double(center[40 + x, 40 + y])) < 2e-5, "\(x) \(y)") }
    }
  }

  /// Differences and their variances.
  @Test(arguments: ["A", "B", "N"]) func differencesAgree(_ name: String) throws {
    let golden = try GoldenFile("\(name)_T_dec.h5")
    defer { golden.remove() }
    var pair = try GoldenPair(name == "N" ? "A" : name, scaledAsIn: "\(name)_T_dec")
    if name == "N" { _ = try pair.losePixels() }
    let own = try run(pair).result.difference.maskedImage
    let image = try golden["diff_image"].image()
    let mask = try golden["diff_mask"].doubles
    var (worst, compared) = (Float(0), 0)
    for (i, bits) in mask.enumerated() where bits == 0 && image.pixels[i].isFinite {
      worst = max(worst, abs(own.image.pixels[i] - image.pixels[i]) / own.variance.pixels[i].squareRoot())
      compared += 1
    }
    // The images before agree to 2e-4 of bright pixels, of up to a hundred times the noise.
    #expect(worst < 0.02 && compared > mask.count / 2, "\(worst) \(compared)")
    #expect(zip(own.image.pixels, image.pixels).allSatisfy { $0.isFinite == $1.isFinite })
    guard name != "N" else { return }
    let variance = try golden["diff_variance"].image()
    var ratio: Float = 0
    for (i, bits) in mask.enumerated() where bits == 0 && image.pixels[i].isFinite {
      ratio = max(ratio, abs(own.variance.pixels[i] / variance.pixels[i] - 1))
    }
    #expect(ratio < 1e-4, "\(ratio)")
  }

  /// The product's own way: the same noise in the middle of the image, and white noise everywhere.
  @Test func theCompactWay() throws {
    let pair = try GoldenPair("B", scaledAsIn: "B_T_dec")
    let (_, whole) = try run(pair)
    let (_, compact) = try run(pair, "compact")
    let part = Box2I(minX: 380, minY: 380, width: 40, height: 40)
    let clear = whole.difference.maskedImage.mask.cropped(to: part).bits.pixels
    let (a, b) = (
      whole.difference.maskedImage.cropped(to: part), compact.difference.maskedImage.cropped(to: part)
    )
    var (square, count) = (0.0, 0.0)
    for i in clear.indices where clear[i] == 0 {
      let distance = Double(a.image.pixels[i] - b.image.pixels[i])
      square += distance * distance / Double(a.variance.pixels[i])
      count += 1
    }
    // The kernels of the parts differ from that of the middle by a part in a hundred.
    #expect(count > 1000 && (square / count).squareRoot() < 0.03)
  }
}
