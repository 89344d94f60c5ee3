// SPDX-License-Identifier: GPL-3.0-or-later
// Whole subtractions against the reference system's.

import Catalogs
import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite(
  .enabled(if: GoldenFile.isAvailable("A_T_nodec.h5"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenSubtractionTests {
  /// The largest distance of two images where both are finite, in units of a scale for each pixel.
  private func worst(
    _ own: Image<Float>, _ other: Image<Float>, scale: (Int) -> Float
  ) -> (distance: Float, compared: Int) {
    var (distance, compared) = (Float(0), 0)
    for i in own.pixels.indices where own.pixels[i].isFinite && other.pixels[i].isFinite {
      distance = max(distance, abs(own.pixels[i] - other.pixels[i]) / scale(i))
      compared += 1
    }
    return (distance, compared)
  }

  private func kernelsAgree(_ kernel: MatchingKernel, _ golden: GoldenFile, tolerance: Double) throws {
    let (grid, images) = (try golden["kernel_grid_xy"].doubles, try golden["kernel_grid_images"].planes())
    for (k, image) in images.enumerated() {
      let own = kernel.kernel.image(at: Point2D(x: grid[2 * k], y: grid[2 * k + 1]))
      let peak = image.pixels.map(abs).max() ?? 1
      for (a, b) in zip(own.pixels, image.pixels) { #expect(abs(a - b) < tolerance * peak) }
    }
  }

  /// Planes that both have, by name.
  private func masksAgree(_ own: Mask, _ golden: GoldenFile, _ planes: [String: Int]) throws {
    let other = try golden["diff_mask"].doubles
    for (name, bit) in planes {
      let pattern = own.planes.bitMask(ofExisting: [name])
      var different = 0
      for i in other.indices where (own.bits.pixels[i] & pattern != 0) != (Int(other[i]) >> bit & 1 == 1) {
        different += 1
      }
      #expect(different == 0, "\(name): \(different)")
    }
  }

  /// Case A from exposures and catalog to difference, matched template, mask and metadata.
  @Test func caseA() throws {
    let golden = try GoldenFile("A_T_nodec.h5")
    defer { golden.remove() }
    let pair = try GoldenPair("A", scaledAsIn: "A_T_nodec")
    let (task, result) = try pair.run()
    try kernelsAgree(result.psfMatchingKernel, golden, tolerance: 1e-5)
    let ids: [Int64] = try #require(result.kernelSources).column("id")
    #expect(ids == (try golden["kernel_source_ids"].doubles).map { Int64($0) })
    let input = pair.template.maskedImage.image.pixels
    for (own, name, tolerance) in [
      (result.difference.maskedImage.image, "diff_image", Float(2e-4)),
      (result.difference.maskedImage.variance, "diff_variance", 2e-3),
      (result.matchedTemplate.maskedImage.image, "matched_template_image", 2e-4),
      (result.matchedTemplate.maskedImage.variance, "matched_template_variance", 2e-3),
    ] {
      let other = try golden[name].image()
      // Sums of 441 products in float32 of pixels up to that of the template, under a kernel that agrees to 10⁻⁵.
      let (distance, compared) = worst(own, other) { max(abs(other.pixels[$0]), abs(input[$0]), 1) }
      #expect(distance < tolerance && compared > 261_000, "\(name): \(distance)")
    }
    try masksAgree(
      result.difference.maskedImage.mask, golden,
      // A_T_nodec_meta.json; CR of the science image stays, BAD, NO_DATA, EDGE spread.
      ["BAD": 0, "SAT": 1, "CR": 3, "EDGE": 4, "NO_DATA": 8, "SAT_TEMPLATE": 13])
    for (key, value) in [
      ("templateCoveragePercent", 99.9359130859375), ("sciencePsfSize", 5.416086103571183),
      ("templatePsfSize", 4.003194076552614), ("scienceLimitingMagnitude", 28.1268180582483),
      ("templateLimitingMagnitude", 28.4550153448466), ("diffimLimitingMagnitude", 27.890196018703133),
    ] {
      let own = try task.metadata.double(key)
      // Adaptive moments stop where a step changes them by less than 1e-4.
      #expect(abs(own - value) < 1e-4 * abs(value), "\(key): \(own)")
    }
    #expect(try task.metadata.integer("nPsfSources") == 106)
    #expect(try task.metadata.string("convolvedExposure") == "Template")
    let sum = try task.fullMetadata().double("subtractImages:makeKernel.spatialKernelSum")
    #expect(abs(sum - 1.051354680623315) < 1e-5)
  }

  /// Case N: pixels without a value spread as far as the kernel reaches and no further; with filling they stay where they are.
  @Test func caseN() throws {
    let golden = try GoldenFile("N_T_nodec.h5")
    defer { golden.remove() }
    var pair = try GoldenPair("A", scaledAsIn: "N_T_nodec")
    let lost = try pair.losePixels()
    let result = try pair.run().result
    try kernelsAgree(result.psfMatchingKernel, golden, tolerance: 1e-5)
    let (own, other) = (result.difference.maskedImage.image, try golden["diff_image"].image())
    for i in own.pixels.indices { #expect(own.pixels[i].isNaN == other.pixels[i].isNaN) }
    let input = pair.template.maskedImage.image.pixels
    let scale = { (i: Int) in max(abs(other.pixels[i]), input[i].isFinite ? abs(input[i]) : 1, 1) }
    #expect(worst(own, other, scale: scale).distance < 2e-4)

    let filled = try pair.run { $0.doFillMaskedPixels = true }.result.difference.maskedImage
    let missing = filled.image.pixels.count { !$0.isFinite }
    #expect(missing == lost, "\(missing) of \(lost)")
  }

  /// Case B, whose PSF varies: candidates, kernels and background.
  @Test func caseB() throws {
    let golden = try GoldenFile("B_T_dec.h5")
    defer { golden.remove() }
    let pair = try GoldenPair("B", scaledAsIn: "B_T_dec")
    let (task, result) = try pair.run()
    #expect(try task.metadata.integer("nPsfSources") == 325)
    let ids: [Int64] = try #require(result.kernelSources).column("id")
    #expect(ids == (try golden["kernel_source_ids"].doubles).map { Int64($0) })
    try kernelsAgree(result.psfMatchingKernel, golden, tolerance: 1e-5)
    let background = try #require(result.psfMatchingKernel.background)
    let (places, values) = (try golden["bg_grid_xy"].doubles, try golden["bg_grid"].doubles)
    for (j, y) in places.enumerated() {
      for (i, x) in places.enumerated() {
        #expect(abs(background(Point2D(x: x, y: y)) - values[j * places.count + i]) < 1e-4)
      }
    }
  }

  /// Case C: the science image is convolved.
  ///
  /// The reference divides it by the kernel's sum and leaves the template as it is; ours divides both.
  @Test func caseC() throws {
    let golden = try GoldenFile("C_S_nodec.h5")
    defer { golden.remove() }
    let pair = try GoldenPair("C", scaledAsIn: "C_S_nodec")
    let (task, result) = try pair.run { $0.mode = .auto }
    #expect(try task.metadata.string("convolvedExposure") == "Science")
    // Two of 11 025 pixels are just beyond 1e-5.
    try kernelsAgree(result.psfMatchingKernel, golden, tolerance: 2e-5)
    let sum = result.psfMatchingKernel.sum(at: result.difference.box.center)
    #expect(abs(sum - 0.9472863196914512) < 1e-5)
    // D = theirs + T − T / k, away from the frame, which is not convolved.
    let (theirs, template) = (try golden["diff_image"].image(), pair.template.maskedImage.image)
    let own = result.difference.maskedImage
    let edge = try own.mask.planes.bitMask("EDGE")
    var (distance, compared) = (0.0, 0)
    for i in theirs.pixels.indices where own.mask.bits.pixels[i] & edge == 0 {
      let value = Double(template.pixels[i])
      let expected = Double(theirs.pixels[i]) + value - value / sum
      distance = max(distance, abs(Double(own.image.pixels[i]) - expected) / max(1, abs(value)))
      compared += 1
    }
    // A thousandth of the noise of 5 counts; kernels that agree to 1e-5 under stars of up to 800 counts a pixel.
    #expect(distance < 5e-3)
    #expect(compared > 240_000)

    let clean = try pair.run {
      $0.mode = .auto
      $0.doSubtractBackground = true
    }.result.difference.maskedImage
    // What is true: transients have the fluxes that they were given, under the template's PSF; the reference's difference is full of stars.
    let psf = try SubtractionScene.psf(pair.truth.par.templateSigma, Point2D(x: 0, y: 0)).kernel
    let squares = psf.pixels.reduce(0) { $0 + $1 * $1 }
    var pulls: [Double] = []
    for (k, flux) in pair.truth.transients.flux.enumerated() {
      let position = Point2D(x: pair.truth.transients.x[k], y: pair.truth.transients.y[k])
      guard let pixel = position.pixel,
        own.box.grown(by: -30).contains(pixel), own.mask[pixel.x, pixel.y] & edge == 0
      else { continue }
      let model = try SubtractionScene.psf(pair.truth.par.templateSigma, position).image(at: position)
      var (top, bottom, variance) = (0.0, 0.0, 0.0)
      for y in model.box.minY..<model.box.endY {
        for x in model.box.minX..<model.box.endX where clean.image[x, y].isFinite {
          top += model[x, y] * Double(clean.image[x, y])
          bottom += model[x, y] * model[x, y]
          variance += model[x, y] * model[x, y] * Double(clean.variance[x, y])
        }
      }
      pulls.append((top / bottom - flux) / (variance / (bottom * bottom)).squareRoot())
    }
    #expect(pulls.count >= 8 && squares > 0)
    let mean = pulls.reduce(0, +) / Double(pulls.count)
    // The noise that the convolution correlates makes the pulls wider than 1, by up to 2 here.
    #expect(abs(mean) < 2, "\(pulls)")
    // Of the brighter stars, noise and misregistered ones apart.
    func residual(_ image: Image<Float>) throws -> Double {
      let values = pair.truth.stars.x.indices.compactMap { k -> Double? in
        let position = Point2D(x: pair.truth.stars.x[k], y: pair.truth.stars.y[k])
        guard pair.truth.stars.flux[k] > 5000, let pixel = position.pixel, own.box.grown(by: -30).contains(pixel)
        else { return nil }
        let value = abs(Double(image[pixel.x, pixel.y]))
        return value.isFinite ? value : nil
      }
      #expect(values.count > 10)
      return try PixelStatistics(of: values.map { Float($0) }, .quartiles).median
    }
    let (ours, reference) = (try residual(clean.image), try residual(theirs))
    #expect(ours < 0.6 * reference, "\(ours), \(reference)")
  }
}
