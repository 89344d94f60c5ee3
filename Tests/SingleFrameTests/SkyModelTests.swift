// SPDX-License-Identifier: GPL-3.0-or-later
// The sky under sources.

import Foundation
import Imaging
import SingleFrame
import SkyGeometry
import TestSupport
import Testing

@Suite struct SkyModelTests {
  /// Mean and root mean square of what the sky is off, in standard deviations of a pixel.
  private func errors(
    _ sky: SkyModel, _ field: SimulatedField, _ truth: (Double, Double) -> Double
  ) -> (mean: Double, rms: Double) {
    var (sum, squares) = (0.0, 0.0)
    for y in 0..<sky.image.height {
      for x in 0..<sky.image.width {
        let difference = (Double(sky.image[x, y]) - truth(Double(x), Double(y))) / field.noise
        sum += difference
        squares += difference * difference
      }
    }
    let count = Double(sky.image.box.area)
    return (sum / count, (squares / count).squareRoot())
  }

  @Test func gradientsAndRipplesAreFollowed() throws {
    // 1 % of ripple is 0.4 standard deviations of a pixel, the gradient two.
    func truth(_ x: Double, _ y: Double) -> Double {
      400 * (1 + 0.03 * x / 512 - 0.02 * y / 512 + 0.01 * sin(5 * x / 512 + 3 * y / 512))
    }
    let field = try SimulatedField(count: 120, seed: 1, sky: truth)
    // Cells of 64 pixels, since the ripple's length is that of the image.
    var config = SkyModelConfig()
    config.binSize = 64
    let sky = try SkyModel(of: field.exposure.maskedImage, config)
    #expect(sky.mesh == .spline(binSize: 64))
    let error = errors(sky, field, truth)
    // A cell has 4096 pixels, so that its median has 0.02 of noise; the ripple's curvature at the edges and faint wings are the rest.
    #expect(abs(error.mean) < 0.02, "\(error)")
    #expect(error.rms < 0.08, "\(error)")
    #expect(abs(sky.scatter / field.noise - 1) < 0.1)
  }

  @Test func noSkyStaysNone() throws {
    let field = try SimulatedField(count: 80, seed: 2)
    let sky = try SkyModel(of: field.exposure.maskedImage)
    let error = errors(sky, field) { _, _ in 0 }
    #expect(abs(error.mean) < 0.02 && error.rms < 0.05, "\(error)")
  }

  @Test(arguments: [64, 193]) func smallImagesHaveASky(side: Int) throws {
    let field = try SimulatedField(side: side, count: side / 16, seed: 3) { _, _ in 500 }
    let sky = try SkyModel(of: field.exposure.maskedImage)
    // 4096 pixels, of which most are sky: 0.02 of noise, and as much of wings.
    #expect(abs(errors(sky, field) { _, _ in 500 }.mean) < 0.1)
  }

  @Test func crowdedFieldsGetNoMesh() throws {
    // A star every 70 pixels' area: there is no pixel without light.
    let field = try SimulatedField(side: 256, count: 900, range: 5...3000, seed: 4) { _, _ in 500 }
    let sky = try SkyModel(of: field.exposure.maskedImage)
    #expect(sky.mesh == .polynomial(order: 2) || sky.mesh == .constant)
    #expect(sky.image.pixels.allSatisfy { $0.isFinite })
  }

  @Test func imagesWithoutAUsablePixelHaveSkyZero() throws {
    let box = Box2I(width: 40, height: 30)
    var masked = MaskedImage(box: box)
    try masked.update { image, mask, _ throws(ImagingError) in
      image = Image(box: box, fill: 7)
      try mask.set("BAD", in: box)
    }
    let empty = try MaskedImage(withoutDataOver: box)
    for image in [masked, empty] {
      let sky = try SkyModel(of: image)
      #expect(sky.mesh == .none)
      #expect(sky.image == Image(box: box, fill: 0))
    }
    // One row, one pixel, and a constant.
    for box in [Box2I(width: 50, height: 1), Box2I(minX: -3, minY: 9, width: 1, height: 1), Box2I(width: 9, height: 9)]
    {
      let flat = try MaskedImage(
        image: Image(box: box, fill: 5), mask: Mask(box: box), variance: Image(box: box, fill: 1))
      #expect(try SkyModel(of: flat).image.pixels.allSatisfy { abs($0 - 5) < 1e-5 })
    }
  }

  @Test func maskedJunkDoesNotCount() throws {
    var field = try SimulatedField(side: 256, count: 20, seed: 5) { _, _ in 300 }
    let junk = Box2I(minX: 60, minY: 0, width: 40, height: 256)
    try field.exposure.maskedImage.update { image, mask, _ throws(ImagingError) in
      for y in 0..<256 { for x in 60..<100 { image[x, y] = y % 2 == 0 ? .nan : 1e6 } }
      try mask.set("BAD", in: junk)
    }
    let sky = try SkyModel(of: field.exposure.maskedImage)
    #expect(abs(errors(sky, field) { _, _ in 300 }.mean) < 0.05)
  }
}
