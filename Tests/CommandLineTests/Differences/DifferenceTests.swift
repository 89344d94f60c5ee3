// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import Testing

extension ProgramTests {
  /// The main job from exposures to differences: the same bytes for any ranks and after any disturbance, and what they are.
  @Suite(.serialized) struct DifferenceTests {
    @Test(arguments: [1, 2, 3, 5]) func anyNumberOfRanksMakesTheSame(_ ranks: Int) throws {
      let job = try DifferenceJob()
      let end = try job.run(ranks: ranks)
      #expect(end.status == 0, "\(end.errors)")
      try job.expectGolden("\(ranks) ranks")
      for type in DifferenceJob.types {
        #expect(job.files(type).count == 4, "\(type): of the template's own visits there is none")
      }
      for type in DifferenceJob.bandTypes { #expect(job.files(type).count == 8, "\(type): 4 patches, 2 bands") }
      for type in DifferenceJob.patchTypes { #expect(job.files(type).count == 4, "\(type): 4 patches") }
    }

    private func expectRecovery(_ what: String, ranks: Int? = 3, _ disturb: (DifferenceJob) throws -> Void) throws {
      let job = try DifferenceJob()
      try disturb(job)
      let end = try job.run(ranks: ranks)
      #expect(end.status == 0, "\(what): \(end.errors)")
      try job.expectGolden(what)
      #expect(try job.successes().values.allSatisfy { $0 == 1 }, "\(what): a quantum was recorded twice")
    }

    /// A unit is named by the first of its tasks, and in it a rank is lost before, between and after the two.
    @Test(arguments: [
      "unitStart:kill:1@1/getTemplate", "unitEnd:kill:1@2/getTemplate", "write:kill:2@1", "journalAppend:kill:14@0",
      "unitStart:kill:1@1/forcedPhotCoadd", "unitEnd:kill:1@2/measureCoadd",
    ]) func aRankIsKilled(_ fault: String) throws {
      try expectRecovery(fault) { job in
        let end = try job.run(["--inject", fault], ranks: 3)
        // Nobody knows which rank gets which work, so that the place may never come; but there is one journal.
        #expect(
          end.status == 137 || end.status == 0 && !fault.hasPrefix("journal"), "\(fault): \(end.status) \(end.errors)")
      }
    }

    @Test func mpirunIsKilledAmongDifferences() throws {
      try expectRecovery("mpirun") { job in
        let process = try job.start(ranks: 3)
        try process.wait { !job.files(DifferenceJob.differenceType).isEmpty }
        kill(process.pid, SIGKILL)
        _ = try process.end()
      }
    }

    @Test func aDrainBeforeTheFirstTemplate() throws {
      try expectRecovery("drain", ranks: nil) { job in
        let end = try job.run(["--inject", "unitStart:drain:1/getTemplate"])
        #expect(end.status == 75, "\(end.errors)")
      }
    }

    // MARK: - What it is

    /// Sky that is noise, and of stars next to nothing is left.
    @Test func theDifferenceIsNoiseWhereNothingChanged() throws {
      for (what, found, science) in try DifferenceJob.pairs.get() {
        let difference = found.content
        #expect(difference.box == science.box && difference.wcs == science.wcs)
        #expect(difference.photoCalib == science.photoCalib && difference.psf != nil)
        let coverage = try found.metadata.double("subtractImages.templateCoveragePercent")
        #expect((75...100).contains(coverage), "\(what): \(coverage)")
        #expect(try found.metadata.integer("subtractImages.nPsfSources") >= 3)
        let (sky, stars) = try residuals(difference.maskedImage, science.maskedImage)
        // Some thousand independent pixels: its own error is below 0.02. Neighbours share noise, which the variance does not say.
        #expect((0.9...1.1).contains(sky), "\(what): sky of \(sky) standard deviations")
        // At 15 standard deviations, about the median, noise alone of both images leaves 0.67 √2 / 15.
        #expect(stars < 0.08, "\(what): \(stars) of the stars is left")
      }
    }

    /// - Returns: the robust scatter of the blank sky in standard deviations, and the median of |difference / science| where the science image is
    ///   above 10 standard deviations.
    private func residuals(_ difference: MaskedImage, _ science: MaskedImage) throws -> (sky: Double, stars: Double) {
      let bad = difference.mask.planes.bitMask(ofExisting: ["NO_DATA", "BAD", "SAT", "EDGE", "CR", "DETECTED", "INTRP"])
      var (sky, stars): ([Float], [Float]) = ([], [])
      for y in science.box.minY..<science.box.endY {
        for x in science.box.minX..<science.box.endX {
          let (value, deviation) = (difference.image[x, y], difference.variance[x, y].squareRoot())
          let own = science.image[x, y]
          guard value.isFinite, deviation.isFinite else { continue }
          if own > 10 * science.variance[x, y].squareRoot() {
            stars.append(abs(value / own))
          } else if difference.mask.bits[x, y] & bad == 0 {
            sky.append(value / deviation)
          }
        }
      }
      return (
        try PixelStatistics(of: sky, .quartiles).robustStandardDeviation,
        try PixelStatistics(of: stars, .quartiles).median
      )
    }

    @Test func theTemplatePassesInMemory() throws {
      let job = try DifferenceJob { text in
        for type in DifferenceJob.types where type != DifferenceJob.differenceType {
          text = text.replacing("\(type), ", with: "")
        }
      }
      #expect(try job.run(ranks: 2).status == 0)
      #expect(job.files(DifferenceJob.templateType).isEmpty && job.files(DifferenceJob.kernelType).isEmpty)
      let undisturbed = try DifferenceJob.undisturbed.get().products
      let differences = try job.products().filter { $0.key.hasPrefix(DifferenceJob.differenceType) }
      #expect(differences.count == 4)
      for (name, digest) in differences { #expect(undisturbed[name] == digest, "\(name)") }
      #expect(try job.command("verify", job.runFolder).status == 0)
    }

    @Test func kernelsAreExportedAndRunsCompared() throws {
      let job = try DifferenceJob()
      #expect(try job.run().status == 0)
      let kernel = "\(job.runFolder)/\(job.files(DifferenceJob.kernelType)[0])"
      for output in ["kernel.fits", "kernel.json"] {
        let end = try job.command("export", kernel, "--output", output)
        #expect(end.status == 0, "\(end.errors)")
      }
      let cube = try String(contentsOf: URL(filePath: "\(job.folder)/kernel.fits"), encoding: .isoLatin1)
      #expect(cube.prefix(2880).contains("NAXIS"))
      let facts = try JSONValue(parsing: String(contentsOfFile: "\(job.folder)/kernel.json", encoding: .utf8))
      #expect(facts["metadata"]?["subtractImages"]?["scalars"]?["convolvedExposure"] == .string("Science"))
      let refused = try job.command("export", kernel, "--output", "kernel.csv")
      #expect(
        refused.status == 65
          && refused.errors.contains("a matching kernel cannot be written as .csv; there are .fits, .json"),
        "\(refused.errors)")

      let verification = try job.command("verify", job.runFolder)
      #expect(verification.status == 0, "\(verification.output)")
      let other = try job.run(["--run", "other", "-c", "subtractImages:mode=convolveTemplate"], ranks: 2)
      #expect(other.status == 0, "\(other.errors)")
      let comparison = try job.command("compare", job.runFolder, job.runFolder("other"))
      #expect(comparison.status == 1)
      #expect(
        comparison.output.contains("config: subtractImages.mode: auto / convolveTemplate"), "\(comparison.output)")
      for type in [DifferenceJob.differenceType, DifferenceJob.kernelType] {
        #expect(comparison.output.contains(type), "\(type): \(comparison.output)")
      }
      #expect(!comparison.output.contains(DifferenceJob.templateType), "templates do not depend on it")
    }

    // MARK: - What cannot be

    /// The worst of four exposures fails, and that costs the others nothing.
    @Test func tooFewStars() throws {
      let job = try DifferenceJob()
      let reference = DatasetRef("src", try DataID([.visit: .number(104), .detector: .number(1)]))
      var input = try InputRepository(job.repository)
      var sources: Catalog = try input.read(reference).content
      sources = sources.selecting([0])
      input.forget(reference)
      try input.add(Dataset(sources), reference)
      try input.commit()
      let end = try job.run(ranks: 2)
      #expect(end.status == 1 && end.errors.contains("1 quanta failed, 2 could not run"), "\(end.errors)")
      let failures = try job.failures(of: "subtractImages")
      #expect(failures.count == 1 && failures[0].category == "InsufficientKernelSourcesError", "\(failures)")
      #expect(failures[0].message.contains("3 are required (minKernelSources)"), "\(failures)")
      #expect(try job.counts("subtractImages")["successful"] == 3 && job.counts("getTemplate")["successful"] == 4)
      try expectOthers(job, than: "visit104-detector1")
    }

    @Test func noSources() throws {
      let job = try DifferenceJob()
      let path = "\(job.repository)/src/visit104/src-visit104-detector1.h5"
      let whole = try Data(contentsOf: URL(filePath: path))
      try FileManager.default.removeItem(atPath: path)
      let end = try job.run()
      #expect(end.status == 1, "\(end.errors)")
      let failures = try job.failures(of: "subtractImages")
      #expect(failures.count == 1 && failures[0].message.contains("src-visit104-detector1.h5: there is no such file"))
      try expectOthers(job, than: "visit104-detector1")
      // And where it is there again, the same command makes what lacked it.
      try whole.write(to: URL(filePath: path))
      let again = try job.run()
      #expect(again.status == 0, "\(again.errors)")
      #expect(try job.products() == DifferenceJob.undisturbed.get().products)
    }

    /// Where the template covers too little there is nothing to do, which is no failure.
    @Test func tooLittleTemplate() throws {
      let coverages = try DifferenceJob.pairs.get().map {
        try $0.difference.metadata.double("subtractImages.templateCoveragePercent")
      }.sorted()
      // Between the worst and the next.
      let limit = (coverages[0] + coverages[1]) / 200
      let job = try DifferenceJob()
      let end = try job.run(
        [
          "-c", "subtractImages:minTemplateFractionForExpectedSuccess=\(limit)",
          "-c", "subtractImages:requiredTemplateFraction=\(limit)",
        ], ranks: 2)
      #expect(end.status == 0, "\(end.errors)")
      #expect(
        try job.counts("subtractImages")["withCaveats"] == 1 && job.files(DifferenceJob.differenceType).count == 3)
      let caveats = try #require(job.report()["caveats"]?.elements)
      // And so nothing to find sources on.
      #expect(caveats.count == 4, "\(caveats)")
      // The visit has its other detector alone.
      let codes = [
        ("subtractImages", "*N"), ("detectAndMeasureScore", "*A"), ("ssSingleFrameAssociation", "*A"),
        ("reconcileSolarSystem", "+"),
      ]
      for (task, code) in codes {
        #expect(caveats.contains { $0["task"] == .string(task) && $0["code"] == .string(code) }, "\(caveats)")
      }
    }

    @Test func aSettingOutOfRange() throws {
      let job = try DifferenceJob()
      let end = try job.run(["-c", "subtractImages:requiredTemplateFraction=0.5"])
      #expect(
        end.status == 78
          && end.errors.contains("requiredTemplateFraction: it is above minTemplateFractionForExpectedSuccess (0.2)"),
        "\(end.errors)")
      #expect(!FileManager.default.fileExists(atPath: job.runFolder))
    }

    /// Whether all differences but one exposure's are what an undisturbed run makes.
    private func expectOthers(
      _ job: DifferenceJob, than exposure: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      func others(_ products: [String: String]) -> [String: String] {
        // Of the visit whose exposure it is, objects may be others.
        let visit = exposure.prefix { $0 != "-" }
        return products.filter {
          $0.key.hasPrefix("goodSeeingDiff_") && !$0.key.contains(exposure)
            && !($0.key.contains("ssoc") && $0.key.contains("-\(visit)"))
        }
      }
      let (found, golden) = (others(try job.products()), others(try DifferenceJob.undisturbed.get().products))
      // And the table of calibrated sources; and the other visit's objects and sources with them.
      #expect(
        golden.count == 3 * (DifferenceJob.types.count + 1) + 3 && found == golden, sourceLocation: sourceLocation)
    }
  }
}
