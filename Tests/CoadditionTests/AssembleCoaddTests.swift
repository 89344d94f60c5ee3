// SPDX-License-Identifier: GPL-3.0-or-later
// Warps and coadds: strips, gaps, missing PSFs, calibrations.

import Coaddition
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct AssembleCoaddTests {
  static let box = Box2I(minX: 100, minY: 50, width: 64, height: 150)

  private static func wcs() throws -> SkyWCS {
    try SkyWCS(
      referencePixel: Point2D(x: 130, y: 120), reference: SpherePoint(raDegrees: 10, decDegrees: -30),
      cd: AffineTransform(xx: -1e-4, xy: 0, yx: 0, yy: 1e-4))
  }

  /// Noise with flashes, some of them across the borders of strips.
  private func warps(_ count: Int, hasPSF: Bool = true) throws -> [WarpedVisit] {
    try (0..<count).map { visit in
      var random = SeededRandom(UInt64(visit + 1))
      var image = Image<Float>(box: Self.box) { _, _ in Float(random.gaussian()) }
      for k in 0..<12 {
        let (x, y) = (Self.box.minX + Int(random.next() % 60), Self.box.minY + (k * 13 + visit * 5) % 146)
        for dy in 0..<4 { image[x, y + dy] += Float(8 - 2 * dy) }
      }
      let masked = try MaskedImage(
        image: image, mask: Mask(box: Self.box), variance: Image(box: Self.box, fill: 1))
      let psf = try CoaddPSF(
        [
          CoaddPSF.Component(
            kernel: try Kernel(try KernelPSF(gaussianFwhm: 3 + Double(visit), averagePosition: Self.box.center).kernel),
            outline: Box2D(Self.box).corners, weight: 1)
        ], averagePosition: Self.box.center)
      return WarpedVisit(
        visit: Int64(visit), psf: hasPSF ? psf : nil, meanVariance: Double(1 + visit % 3), planes: masked.mask.planes
      ) { rows in
        masked.cropped(
          to: Box2I(minX: Self.box.minX, minY: rows.lowerBound, width: Self.box.width, height: rows.count))
      }
    }
  }

  private func run(_ warps: [WarpedVisit], memory: Int, members: [Int]? = nil) throws -> Coadd? {
    try AssembleCoaddTask().run(
      warps, [CoaddSelection(name: "coadd", members: members ?? Array(warps.indices))], box: Self.box,
      wcs: try Self.wcs(), band: "g", memory: memory)[0]
  }

  @Test func theSameBitsForAnyMemory() throws {
    let warps = try warps(7)
    let whole = try #require(try run(warps, memory: 1 << 30))
    // Eight rows are the least; 64 pixels, 7 visits, 32 bytes each make a row.
    for rows in [8, 11, 30] {
      let strips = try #require(try run(warps, memory: (rows + 4) * 64 * 7 * 32))
      #expect(strips.exposure.maskedImage == whole.exposure.maskedImage)
      #expect(strips.inputCount == whole.inputCount)
    }
    let clipped = try whole.exposure.maskedImage.mask.planes.bitMask("CLIPPED")
    #expect(whole.exposure.maskedImage.mask.count(clipped) > 50)
  }

  @Test func weightsAreInverseVariances() throws {
    let task = try AssembleCoaddTask()
    let warps = try warps(3)
    let coadd = try #require(
      try task.run(
        warps, [CoaddSelection(name: "some", members: [0, 2]), CoaddSelection(name: "none", members: [])],
        box: Self.box, wcs: try Self.wcs(), band: "g")[0])
    // 1 and 1/3, so that their sum is 1.
    let weights = try task.metadata.array("some_weights")
    #expect(weights == [.float(0.75), .float(0.25)])
    let (a, b) = (try warps[0].rows(60..<61), try warps[2].rows(60..<61))
    let expected = 0.75 * a.image[110, 60] + 0.25 * b.image[110, 60]
    #expect(abs(coadd.exposure.maskedImage.image[110, 60] - expected) < 1e-6)
    #expect(coadd.exposure.photoCalib?.mean == 1 && coadd.exposure.filter?.band == "g")
    let psf = try #require(coadd.exposure.psf as? CoaddPSF)
    #expect(psf.components.map(\.weight) == [0.75, 0.25] && psf.components.map(\.image) == [0, 1])
  }

  @Test func aSelectionWithoutMembersIsNoCoadd() throws {
    #expect(try run(try warps(2), memory: 1 << 20, members: []) == nil)
  }

  @Test func withoutAPSFTheCoaddHasNone() throws {
    var warps = try warps(3)
    warps[1].psf = nil
    let coadd = try #require(try run(warps, memory: 1 << 20))
    #expect(coadd.exposure.psf == nil)
    #expect(coadd.inputCount[120, 80] == 3)
  }

  @Test func rowsOfAnotherPlaceAreRefused() throws {
    var warps = try warps(3)
    let rows = warps[2].rows
    warps[2].rows = { try rows($0.lowerBound + 1..<$0.upperBound + 1) }
    #expect(throws: ImagingError.self) { try run(warps, memory: 1 << 20) }
  }

  // MARK: - Warps

  private func exposure(_ value: Float, columns: Range<Int>, hasPSF: Bool = true) throws -> Exposure {
    let box = Box2I(minX: columns.lowerBound, minY: 0, width: columns.count, height: 240)
    return Exposure(
      try MaskedImage(
        image: Image(box: box, fill: value), mask: Mask(box: box), variance: Image(box: box, fill: 4)),
      psf: hasPSF ? try KernelPSF(gaussianFwhm: 4, averagePosition: box.center) : nil, wcs: try Self.wcs(),
      photoCalib: try PhotoCalib(mean: 2.5))
  }

  @Test func detectorsAreCalibratedAndTheFirstCounts() throws {
    let task = try MakeWarpTask()
    let warp = try task.run(
      [
        WarpInput(detector: 1) { try exposure(10, columns: 90..<140) },
        WarpInput(detector: 2) { try exposure(20, columns: 120..<180) },
      ], wcs: try Self.wcs(), box: Self.box)
    // Counts times 2.5 nJy a count.
    #expect(abs(warp.maskedImage.image[110, 100] - 25) < 1e-3)
    #expect(abs(warp.maskedImage.image[130, 100] - 25) < 1e-3)
    #expect(abs(warp.maskedImage.image[160, 100] - 50) < 1e-3)
    #expect(abs(warp.maskedImage.variance[110, 100] - 25) < 1e-3)
    #expect(try task.metadata.double("coverage") == 1)
    #expect(abs(try task.metadata.double("meanVariance") - 25) < 1e-3)
    // Both have the pixel, and one PSF counts.
    let psf = try #require(warp.psf as? CoaddPSF)
    #expect(psf.components.count == 2)
    #expect(abs(try psf.kernelImage(at: Point2D(x: 130, y: 100)).sum - 1) < 1e-9)
    #expect(psf.components.contains { $0.contains(psf.averagePosition) })
  }

  @Test func oneWithoutAPSFTakesItFromTheWarp() throws {
    let warp = try MakeWarpTask().run(
      [WarpInput(detector: 1) { try exposure(10, columns: 90..<180, hasPSF: false) }], wcs: try Self.wcs(),
      box: Self.box)
    #expect(warp.psf == nil)
  }

  @Test func whatCannotBeWarpedSaysWhy() throws {
    func message(_ change: (inout Exposure) throws -> Void) throws -> String {
      var changed = try exposure(1, columns: 90..<180)
      try change(&changed)
      let exposure = changed
      do {
        _ = try MakeWarpTask().run(
          [WarpInput(detector: 7) { exposure }], wcs: try Self.wcs(), box: Self.box)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(try message { $0.wcs = nil }.contains("detector 7 has no WCS"))
    #expect(try message { $0.photoCalib = nil }.contains("no photometric calibration"))
    #expect(
      try message { exposure in
        try exposure.maskedImage.update { image, _, _ in image = image.map { _ in .nan } }
      }.contains("no pixel of the patch has data"))
    #expect(
      try message { exposure in
        try exposure.maskedImage.update { _, _, variance in variance = variance.map { _ in 0 } }
      }.contains("variance"))
  }
}
