// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import Testing

extension ProgramTests {
  /// What becomes of the main job when an exposure is not as it should be, and that nothing else is lost.
  ///
  /// Visits 100, 102 and 104 are of band g; what happens to them must leave band r as it is.
  @Suite(.serialized) struct CoaddInputTests {
    /// What an undisturbed run makes where every product stays.
    private static let everything: Result<[String: String], any Error> = Result {
      let job = try CoaddJob(CoaddJob.retainingAll)
      #expect(try job.run().status == 0)
      return try job.products()
    }

    @Test(arguments: ["missing", "damaged"]) func aFileThatCannotBeRead(_ what: String) throws {
      let undisturbed = try Self.everything.get()
      let job = try CoaddJob(CoaddJob.retainingAll)
      let path = job.exposurePath(102, 0)
      let whole = try Data(contentsOf: URL(filePath: path))
      if what == "missing" {
        try FileManager.default.removeItem(atPath: path)
      } else {
        var bytes = whole
        bytes[bytes.count / 2] ^= 0x10
        try bytes.write(to: URL(filePath: path))
      }
      let end = try job.run(ranks: 2)
      #expect(end.status == 1 && end.errors.contains("4 quanta failed, 0 could not run"), "\(end.errors)")
      let failures = try job.failures()
      #expect(failures.count == 4)
      for failure in failures {
        #expect(failure.task == "makeWarp" && failure.message.contains("calexp-visit102-detector0.h5: "), "\(failure)")
      }
      #expect(try job.counts("makeWarp")["successful"] == 20 && job.counts("assembleCoadd")["successful"] == 8)
      for patch in 0..<4 {
        #expect(try job.visits("deepCoadd", patch: patch, "g") == [100, 104])
        #expect(try job.visits("goodSeeingCoadd", patch: patch, "g") == [100])
      }
      try job.expectGolden(band: "r", what, of: undisturbed)
      #expect(try job.command("verify", job.runFolder).status == 0, "what is there is good")

      try whole.write(to: URL(filePath: path))
      let count = try job.recordedQuanta().count
      let again = try job.run()
      #expect(again.status == 0, "\(again.errors)")
      #expect(
        try job.recorded(since: count) == [
          "makeWarp g": 4, "binWarps g": 4, "matchBackgrounds g": 1, "assembleCoadd g": 4,
        ])
      #expect(try job.products() == undisturbed)
    }

    @Test func aVisitWithoutAGoodPixel() throws {
      let job = try CoaddJob()
      for detector in 0..<2 {
        try job.replaceExposure(104, Int64(detector)) { exposure in
          try exposure.maskedImage.update { image, _, _ in image = Image(box: image.box, fill: .nan) }
        }
      }
      let end = try job.run(ranks: 2)
      #expect(end.status == 0, "nothing to do is no failure: \(end.errors)")
      #expect(try job.counts("makeWarp")["withCaveats"] == 4)
      let codes = try #require(job.report()["caveats"]?.elements).filter { $0["task"] == .string("makeWarp") }
      #expect(codes.count == 4 && codes.allSatisfy { $0["code"] == .string("*N") }, "\(codes)")
      try expectWithout104(job, "all NaN")
    }

    @Test func aVisitWithoutWCS() throws {
      let job = try CoaddJob()
      for detector in 0..<2 { try job.replaceExposure(104, Int64(detector)) { $0.wcs = nil } }
      let end = try job.run()
      #expect(end.status == 0, "\(end.errors)")
      #expect(
        end.errors.contains(
          "warning: 2 exposures have no usable WCS and cover no patch, such as visit 104, detector 0"), "\(end.errors)")
      #expect(try job.counts("makeWarp")["expected"] == 20)
      try expectWithout104(job, "no WCS")
    }

    @Test func aVisitWithoutPhotometricCalibration() throws {
      let job = try CoaddJob()
      for detector in 0..<2 { try job.replaceExposure(104, Int64(detector)) { $0.photoCalib = nil } }
      let end = try job.run(ranks: 2)
      #expect(end.status == 1, "\(end.errors)")
      let failures = try job.failures()
      #expect(failures.count == 4)
      for failure in failures {
        #expect(failure.task == "makeWarp" && failure.message.contains("has no photometric calibration"), "\(failure)")
      }
      try expectWithout104(job, "no calibration")
    }

    @Test(arguments: [0, -1, Float.nan, Float.infinity]) func aVisitWhoseVarianceMeansNothing(_ value: Float) throws {
      let job = try CoaddJob()
      for detector in 0..<2 {
        try job.replaceExposure(104, Int64(detector)) { exposure in
          try exposure.maskedImage.update { _, _, variance in variance = Image(box: variance.box, fill: value) }
        }
      }
      let end = try job.run()
      #expect(end.status == 1, "\(end.errors)")
      let failures = try job.failures()
      #expect(failures.count == 4)
      for failure in failures {
        #expect(failure.task == "makeWarp" && failure.message.contains("from which no weight follows"), "\(failure)")
      }
      try expectWithout104(job, "variance \(value)")
    }

    /// Pixels that no camera writes are no reason to end, and cost other visits nothing.
    @Test(arguments: [Float.infinity, -Float.infinity, 3e38]) func wildPixels(_ value: Float) throws {
      let job = try CoaddJob()
      try job.replaceExposure(104, 0) { exposure in
        try exposure.maskedImage.update { image, _, _ in
          for y in 30..<90 { image.withMutableRow(image.box.minY + y) { row in row[40 + y % 7] = value } }
        }
      }
      let end = try job.run()
      #expect(!end.diedBySignal && (end.status == 0 || end.status == 1), "\(end.errors)")
      #expect(try job.counts("assembleCoadd")["successful"] == 8)
      try job.expectGolden(band: "r", "pixels of \(value)")
      for patch in 0..<4 {
        let image = try job.coadd("deepCoadd", patch: patch, "g").content.maskedImage
        let wild = image.image.pixels.reduce(0) { $0 + (abs($1) > 1e30 ? 1 : 0) }
        #expect(wild == 0, "patch \(patch)")
      }
    }

    @Test func aVisitThatOverlapsNoPatch() throws {
      let job = try CoaddJob { $0 = $0.replacing("visit: 100..105", with: "visit: 100..106") }
      try job.addExposure(106, 0, from: (104, 0)) { exposure in
        let far = SpherePoint(raDegrees: 151, decDegrees: 3)
        let scale = 0.25 / 3600
        exposure.wcs = try SkyWCS(
          projection: "TAN", referencePixel: Point2D(x: 60, y: 80), reference: far,
          cd: AffineTransform(xx: -scale, xy: 0, yx: 0, yy: scale))
      }
      let end = try job.run()
      #expect(end.status == 0, "\(end.errors)")
      #expect(try job.counts("makeWarp")["expected"] == 24)
      for band in ["g", "r"] { try job.expectGolden(band: band, "a visit elsewhere") }
    }

    /// The coadds are there and made of the other visits, and band r is untouched.
    private func expectWithout104(
      _ job: CoaddJob, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      #expect(try job.counts("assembleCoadd")["successful"] == 8, "\(what)", sourceLocation: sourceLocation)
      for patch in 0..<4 {
        #expect(
          try job.visits("deepCoadd", patch: patch, "g") == [100, 102], "\(what)", sourceLocation: sourceLocation)
        #expect(
          try job.visits("goodSeeingCoadd", patch: patch, "g") == [100, 102], "\(what)", sourceLocation: sourceLocation)
      }
      try job.expectGolden(band: "r", what, sourceLocation: sourceLocation)
    }
  }
}
