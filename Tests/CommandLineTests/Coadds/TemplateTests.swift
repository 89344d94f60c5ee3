// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import Testing

extension ProgramTests {
  /// The main job up to the templates of visits 104 (g) and 105 (r), two detectors each.
  @Suite(.serialized) struct TemplateTests {
    private static let type = "goodSeeingDiff_templateExp"

    private static func withTemplates(_ text: inout String) {
      text = text.replacing("assembleCoadd]", with: "assembleCoadd, getTemplate]")
        .replacing("retain: [", with: "retain: [\(type), ")
    }

    private static let golden: Result<JobFolder.Golden, any Error> = Result {
      let job = try CoaddJob(withTemplates)
      let end = try job.run()
      #expect(end.status == 0, "\(end.errors)")
      return (try job.products(), try job.timelessReport())
    }

    private func template(_ job: CoaddJob, _ visit: Int, _ detector: Int) throws -> Dataset<Exposure> {
      let name = "\(Self.type)/visit\(visit)/\(Self.type)-visit\(visit)-detector\(detector).h5"
      let file = "\(job.runFolder)/\(name)"
      return try Dataset(decoding: try readFile(file), name: file)
    }

    private func science(_ job: CoaddJob, _ visit: Int, _ detector: Int) throws -> Exposure {
      let file = job.exposurePath(visit, detector)
      return try Dataset<Exposure>(decoding: try readFile(file), name: file).content
    }

    @Test(arguments: [1, 2, 3]) func anyNumberOfRanksMakesTheSame(_ ranks: Int) throws {
      let job = try CoaddJob(Self.withTemplates)
      let end = try job.run(ranks: ranks)
      #expect(end.status == 0, "\(end.errors)")
      try job.expect(try Self.golden.get(), "\(ranks) ranks")
      #expect(job.files(Self.type).count == 4, "of the template's own visits there is none")
    }

    private func expectRecovery(_ what: String, _ disturb: (CoaddJob) throws -> Void) throws {
      let job = try CoaddJob(Self.withTemplates)
      try disturb(job)
      let end = try job.run(ranks: 3)
      #expect(end.status == 0, "\(what): \(end.errors)")
      try job.expect(try Self.golden.get(), what)
      #expect(try job.successes().values.allSatisfy { $0 == 1 }, "\(what): a quantum was recorded twice")
    }

    @Test(arguments: ["unitStart:kill:1@1/getTemplate", "unitEnd:kill:1@2/getTemplate", "journalAppend:kill:9@0"])
    func aRankIsKilled(_ fault: String) throws {
      try expectRecovery(fault) { job in
        let end = try job.run(["--inject", fault], ranks: 3)
        // Nobody knows which rank gets which work, so that the place may never come; but there is one journal.
        #expect(
          end.status == 137 || end.status == 0 && !fault.hasPrefix("journal"), "\(fault): \(end.status) \(end.errors)")
      }
    }

    @Test func mpirunIsKilledAmongTemplates() throws {
      try expectRecovery("mpirun") { job in
        let process = try job.start(ranks: 3)
        try process.wait { !job.files(Self.type).isEmpty }
        kill(process.pid, SIGKILL)
        _ = try process.end()
      }
    }

    @Test func aDrainBeforeTheFirstTemplate() throws {
      try expectRecovery("drain") { job in
        let end = try job.run(["--inject", "unitStart:drain:1/getTemplate"])
        #expect(end.status == 75, "\(end.errors)")
      }
    }

    // MARK: - What it is

    @Test func theTemplateIsOnTheExposuresPixelsAndInItsCounts() throws {
      let job = try CoaddJob(Self.withTemplates)
      #expect(try job.run().status == 0)
      for visit in [104, 105] {
        for detector in 0..<2 {
          let (template, science) = (try template(job, visit, detector), try science(job, visit, detector))
          #expect(template.content.box == science.box.grown(by: 20))
          #expect(template.content.wcs == science.wcs && template.content.photoCalib == science.photoCalib)
          #expect(template.content.filter?.band == (visit == 104 ? "g" : "r"))
          #expect(template.content.psf is CoaddPSF)
          #expect(try template.metadata.double("getTemplate.coverage") > 0.5)
          // The same sky: what is common dominates the noise of both.
          let (a, b) = (template.content.maskedImage.image.cropped(to: science.box), science.maskedImage.image)
          var (xx, yy, xy, x, y, n) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
          for (p, q) in zip(a.pixels, b.pixels) where p.isFinite && q.isFinite {
            let (p, q) = (Double(p), Double(q))
            (xx, yy, xy, x, y, n) = (xx + p * p, yy + q * q, xy + p * q, x + p, y + q, n + 1)
          }
          let slope = (xy - x * y / n) / (xx - x * x / n)
          let correlation = (xy - x * y / n) / ((xx - x * x / n) * (yy - y * y / n)).squareRoot()
          #expect(correlation > 0.8, "\(visit), \(detector): \(correlation)")
          // The seeing differs by a half at most; an image in nJy would differ by 3.6, which a count is at zero point 30.
          #expect((0.5...2).contains(slope), "\(visit), \(detector): \(slope)")
        }
      }
      let export = try job.command("export", "\(job.runFolder)/\(job.files(Self.type)[0])", "--output", "template.fits")
      #expect(export.status == 0, "\(export.errors)")
      #expect(FileManager.default.fileExists(atPath: "\(job.folder)/template.fits"))
    }

    // MARK: - What is not there

    @Test func aVisitInItsOwnTemplate() throws {
      let job = try CoaddJob { text in
        Self.withTemplates(&text)
        text = text.replacing("template: { visit: 100..103 }\n", with: "")
      }
      let refused = try job.run()
      #expect(refused.status == 65 && refused.errors.contains("allowSelf: true"), "\(refused.errors)")
      #expect(!FileManager.default.fileExists(atPath: job.runFolder))
      try job.write { text in
        Self.withTemplates(&text)
        text = text.replacing("100..103 }", with: "100..103, allowSelf: true }")
      }
      let allowed = try job.run()
      #expect(allowed.status == 0, "\(allowed.errors)")
      #expect(job.files(Self.type).count == 12)
    }

    @Test func nobodyMakesTheCoadds() throws {
      let job = try CoaddJob { text in
        text =
          text.replacing("[makeWarp, matchBackgrounds, assembleCoadd]", with: "[getTemplate]")
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
      let other = try CoaddJob()
      #expect(try other.run().status == 0)
      let text = try String(contentsOfFile: "\(job.folder)/\(job.jobFile)", encoding: .utf8)
      try text.write(toFile: "\(other.folder)/\(other.jobFile)", atomically: true, encoding: .utf8)
      let made = try other.run(["--run", "later", "--skip-existing-in", "coadds"])
      #expect(made.status == 0, "\(made.errors)")
      #expect(other.files(Self.type, run: "later").count == 4)
    }

    /// Patches that are not selected have no coadds; what they would have covered has no data.
    @Test func patchesThatAreNotThereCostTheirArea() throws {
      let job = try CoaddJob { text in
        Self.withTemplates(&text)
        text = text.replacing("visit: 100..105 }", with: "visit: 100..105, patch: [0, 1] }")
      }
      #expect(try job.run().status == 0)
      let whole = try CoaddJob(Self.withTemplates)
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
      let job = try CoaddJob(Self.withTemplates)
      let process = try job.start()
      try process.wait { !job.files("deepCoadd_tempExp_background").isEmpty }
      kill(process.pid, SIGSTOP)
      let damaged = job.files("deepCoadd_tempExp").filter { $0.contains("patch0") && $0.contains("bandr") }
      #expect(damaged.count == 3)
      for file in damaged { try Data().write(to: URL(filePath: "\(job.runFolder)/\(file)")) }
      kill(process.pid, SIGCONT)
      let end = try process.end()
      #expect(end.status == 1, "\(end.status) \(end.errors)")
      #expect(try job.failures().map(\.task) == ["assembleCoadd"])
      #expect(job.files(Self.type).count == 4)
      let again = try job.run()
      #expect(again.status == 0, "\(again.errors)")
      #expect(try job.products() == Self.golden.get().products)
    }

    @Test func anExposureWithoutCalibration() throws {
      let job = try CoaddJob(Self.withTemplates)
      try job.replaceExposure(104, 0) { $0.photoCalib = nil }
      let end = try job.run()
      #expect(end.status == 1, "\(end.errors)")
      let failures = try job.failures().filter { $0.task == "getTemplate" }
      #expect(failures.count == 1 && failures[0].message.contains("has no photometric calibration"), "\(failures)")
      #expect(job.files(Self.type).count == 3)
    }

    @Test(arguments: ["templateBorderSize=-1", "warpingKernelName=sinc", "psfOrder=9"])
    func aSettingOutOfRange(_ setting: String) throws {
      let job = try CoaddJob(Self.withTemplates)
      let end = try job.run(["-c", "getTemplate:\(setting)"])
      #expect(end.status == 78 && end.errors.contains("getTemplate."), "\(end.errors)")
    }
  }
}
