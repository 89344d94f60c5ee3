// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import Testing

extension ProgramTests {
  /// The templates of the main job.
  @Suite(.serialized) struct TemplateTests {
    private static let type = DifferenceJob.templateType

    /// The job without what follows templates.
    private static func endingThere(_ text: inout String) {
      text = text.replacing(DifferenceJob.laterSteps, with: "]")
      for line in [DifferenceJob.config, DifferenceJob.forcedConfig] { text = text.replacing("  \(line)\n", with: "") }
      let types = DifferenceJob.types + DifferenceJob.objectTypes + DifferenceJob.bandTypes + DifferenceJob.patchTypes
      for type in types where type != Self.type { text = text.replacing("\(type), ", with: "") }
    }

    private func templates(_ change: (inout String) -> Void = { _ in }) throws -> DifferenceJob {
      try DifferenceJob { text in
        Self.endingThere(&text)
        change(&text)
      }
    }

    private func template(_ job: DifferenceJob, _ visit: Int, _ detector: Int) throws -> Dataset<Exposure> {
      try job.exposure(Self.type, visit, detector)
    }

    // MARK: - What it is

    @Test func theTemplateIsOnTheExposuresPixelsAndInItsCounts() throws {
      let job = try templates()
      #expect(try job.run().status == 0)
      let undisturbed = try DifferenceJob.undisturbed.get().products
      for (name, digest) in try job.products() where name.hasSuffix(".h5") && name != "index.h5" {
        #expect(undisturbed[name] == digest, "\(name) is not what it is where it is handed on")
      }
      for visit in [104, 105] {
        for detector in 0..<2 {
          let (template, science) = (try template(job, visit, detector), try job.science(visit, detector))
          #expect(template.content.box == science.box.grown(by: 20))
          #expect(template.content.wcs == science.wcs && template.content.photoCalib == science.photoCalib)
          #expect(template.content.filter?.band == (visit == 104 ? "g" : "r"))
          #expect(template.content.psf is CoaddPSF)
          #expect(try template.metadata.double("getTemplate.coverage") > 0.5)
          // Stars lie on stars, and are as bright; the seeing differs by a fifth, an image in nJy would by 3.6, which a count is at zero point 30.
          let (image, own) = (template.content.maskedImage.image, science.maskedImage)
          var sums = (template: 0.0, science: 0.0)
          for y in science.box.minY..<science.box.endY {
            for x in science.box.minX..<science.box.endX
            where own.image[x, y] > 10 * own.variance[x, y].squareRoot() && image[x, y].isFinite {
              sums.template += Double(image[x, y])
              sums.science += Double(own.image[x, y])
            }
          }
          let ratio = sums.template / sums.science
          #expect((0.7...1.3).contains(ratio), "\(visit), \(detector): \(ratio)")
        }
      }
      let export = try job.command("export", "\(job.runFolder)/\(job.files(Self.type)[0])", "--output", "template.fits")
      #expect(export.status == 0, "\(export.errors)")
      #expect(FileManager.default.fileExists(atPath: "\(job.folder)/template.fits"))
    }

    // MARK: - What is not there

    @Test func aVisitInItsOwnTemplate() throws {
      let job = try templates { $0 = $0.replacing("template: { visit: 100..103 }\n", with: "") }
      let refused = try job.run()
      #expect(refused.status == 65 && refused.errors.contains("allowSelf: true"), "\(refused.errors)")
      #expect(!FileManager.default.fileExists(atPath: job.runFolder))
      try job.write { text in
        Self.endingThere(&text)
        text = text.replacing("100..103 }", with: "100..103, allowSelf: true }")
      }
      let allowed = try job.run()
      #expect(allowed.status == 0, "\(allowed.errors)")
      #expect(job.files(Self.type).count == 12)
    }

    @Test func nobodyMakesTheCoadds() throws {
      let job = try templates { text in
        text =
          text.replacing("[makeWarp, matchBackgrounds, assembleCoadd, getTemplate]", with: "[getTemplate]")
          .split(separator: "\n").filter {
            !$0.contains("binWarps") && !$0.hasPrefix("config") && !$0.hasPrefix("retain")
          }
          .joined(separator: "\n") + "\n"
      }
      let end = try job.run()
      #expect(
        end.status == 66 && end.errors.contains("getTemplate reads goodSeeingCoadd")
          && end.errors.contains("which no task of the pipeline makes"), "\(end.errors)")
      // Those of another run serve as well.
      let other = try templates { $0 = $0.replacing(", getTemplate]", with: "]").replacing("\(Self.type), ", with: "") }
      #expect(try other.run().status == 0)
      let text = try String(contentsOfFile: "\(job.folder)/\(job.jobFile)", encoding: .utf8)
      try text.write(toFile: "\(other.folder)/\(other.jobFile)", atomically: true, encoding: .utf8)
      let made = try other.run(["--run", "later", "--skip-existing-in", "coadds"])
      #expect(made.status == 0, "\(made.errors)")
      #expect(other.files(Self.type, run: "later").count == 4)
    }

    /// Patches that are not selected have no coadds; what they would have covered has no data.
    @Test func patchesThatAreNotThereCostTheirArea() throws {
      let job = try templates { $0 = $0.replacing("visit: 100..105 }", with: "visit: 100..105, patch: [0, 1] }") }
      #expect(try job.run().status == 0)
      let whole = try templates()
      #expect(try whole.run().status == 0)
      for detector in 0..<2 {
        let less = try template(job, 104, detector).content.maskedImage
        let all = try template(whole, 104, detector).content.maskedImage
        let noData = try all.mask.planes.bitMask("NO_DATA")
        #expect(less.mask.count(noData) > all.mask.count(noData))
        #expect(less.mask.count(noData) < less.box.area)
      }
    }

    /// A coadd that fails blocks no template that has others, and once it is there they are made again.
    @Test func aCoaddThatFailsCostsItsArea() throws {
      let job = try DifferenceJob()
      let process = try job.start()
      try process.wait { !job.files("deepCoadd_tempExp_background").isEmpty }
      kill(process.pid, SIGSTOP)
      let damaged = job.files("deepCoadd_tempExp").filter { $0.contains("patch0") && $0.contains("bandr") }
      #expect(damaged.count == 3)
      for file in damaged { try Data().write(to: URL(filePath: "\(job.runFolder)/\(file)")) }
      kill(process.pid, SIGCONT)
      let end = try process.end()
      #expect(end.status == 1, "\(end.status) \(end.errors)")
      #expect(try job.failures().filter { $0.task != "subtractImages" }.map(\.task) == ["assembleCoadd"])
      #expect(job.files(Self.type).count == 4)
      let again = try job.run()
      #expect(again.status == 0, "\(again.errors)")
      #expect(try job.products() == DifferenceJob.undisturbed.get().products)
    }

    @Test func anExposureWithoutCalibration() throws {
      let job = try templates()
      try job.replaceExposure(104, 0) { $0.photoCalib = nil }
      let end = try job.run()
      #expect(end.status == 1, "\(end.errors)")
      let failures = try job.failures().filter { $0.task == "getTemplate" }
      #expect(failures.count == 1 && failures[0].message.contains("has no photometric calibration"), "\(failures)")
      #expect(job.files(Self.type).count == 3)
    }

    @Test(arguments: ["templateBorderSize=-1", "warpingKernelName=sinc", "psfOrder=9"])
    func aSettingOutOfRange(_ setting: String) throws {
      let job = try templates()
      let end = try job.run(["-c", "getTemplate:\(setting)"])
      #expect(end.status == 78 && end.errors.contains("getTemplate."), "\(end.errors)")
    }
  }
}
