// SPDX-License-Identifier: GPL-3.0-or-later
// Detections of the reference system on case A's difference image.

import Catalogs
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Case A of `shared/golden`: detection on the decorrelated difference, both polarities at 5σ.
@Suite(
  .enabled(if: GoldenFile.isAvailable("A_detect.h5"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenDetectionTests {
  @Test func detectionIsTheReferences() throws {
    let (golden, difference) = (try GoldenFile("A_detect.h5"), try GoldenFile("A_T_dec.h5"))
    defer {
      golden.remove()
      difference.remove()
    }
    let after = try golden["mask"].bits()
    // What the reference added: cosmic rays, DETECTED and DETECTED_NEGATIVE.
    let before = after.map { $0 & ~(1 << 3 | 1 << 5 | 1 << 6) }
    let masked = try MaskedImage(
      image: try golden["measured_image"].image(), mask: Mask(bits: before),
      variance: try difference["diff_variance"].image())
    var exposure = Exposure(masked, psf: try gaussianPSF(sigma: 2.3, side: 31))
    var config = SourceDetectionConfig()
    config.thresholdPolarity = .both
    let task = try SourceDetectionTask(config: config)
    let found = try task.detectFootprints(&exposure, sigma: 2.3)
    #expect(try task.metadata.integer("nGrow") == 6)
    #expect(try task.metadata.integer("smoothingKernelWidth") == 17)

    // 11,846 pixels are detected, and no threshold is met so exactly that float32 sums in another order would matter.
    let detected: UInt32 = 1 << 5 | 1 << 6
    let differing = zip(exposure.maskedImage.mask.bits.pixels, after.pixels).filter { ($0 ^ $1) & detected != 0 }
    #expect(differing.isEmpty)
    #expect(exposure.maskedImage.image == masked.image)

    // Detections before the two polarities were merged, and after.
    #expect(found.numPos + found.numNeg == 23)
    let positive = try #require(found.positive)
    let negative = try #require(found.negative)
    let merged = positive.merged(withNegative: negative, reach: 0)
    #expect(merged.count == 19)

    // 15 of the 19 were kept; the others lie on bad pixels.
    let ids = try golden["footprints.id"].doubles
    let columns = try ["area", "x0", "y0", "x1", "y1", "npeaks"].map { try golden["footprints." + $0].doubles }
    let peakIDs = try golden["peaks.id"].doubles
    let (peakX, peakY) = (try golden["peaks.ix"].doubles, try golden["peaks.iy"].doubles)
    let values = try golden["peaks.value"].doubles
    for (i, id) in ids.enumerated() {
      let own = try #require(
        merged.footprints.first {
          $0.box.minX == Int(columns[1][i]) && $0.box.minY == Int(columns[2][i]) && $0.box.maxX == Int(columns[3][i])
            && $0.box.maxY == Int(columns[4][i])
        }, "footprint \(id)")
      #expect(own.area == Int(columns[0][i]))
      #expect(own.peaks.count == Int(columns[5][i]))
      for j in peakIDs.indices where peakIDs[j] == id {
        let peak = own.peaks.first { Double($0.pixel.x) == peakX[j] && Double($0.pixel.y) == peakY[j] }
        // Sums of 289 products in float32.
        let value = try #require(peak, "peak at \(peakX[j]), \(peakY[j])").value
        #expect(abs(Double(value) - values[j]) < 1e-5 * (abs(values[j]) + 1), "\(value) \(values[j])")
      }
    }
  }
}
