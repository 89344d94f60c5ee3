// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TestSupport
import Testing

extension ProgramTests {
  @Suite(.serialized, .enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
  struct IngestExportTests {
    private func inFolderOfFiles(_ body: (String) throws -> Void) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        try Peers.run("make_fits.py", [folder])
        try body(folder)
      }
    }

    @Test func anImageGoesInAndOut() throws {
      try inFolderOfFiles { folder in
        let ingest = try SkydiffProgram.run(["ingest", "repo", "plain.fits"], in: folder)
        #expect(ingest.status == 0 && ingest.errors.isEmpty, "\(ingest.errors)")
        #expect(ingest.output == "repo: a new repository; see repo/repository.yaml\nrepo: 1 added\n")
        let file = "repo/calexp/visit17/calexp-visit17-detector2.h5"
        #expect(try SkydiffProgram.run(["export", file, "-o", "out.fits"], in: folder).status == 0)
        let differences = try Peers.run("compare_fits.py", [folder + "/plain.fits", folder + "/out.fits"])
        #expect(differences.isEmpty, "\(String(decoding: differences, as: UTF8.self))")
        let refused = try SkydiffProgram.run(["export", file, "-o", "out.fits"], in: folder)
        #expect(
          refused.status == 73
            && refused.errors == "skydiff export: out.fits: cannot be created: it exists; --overwrite replaces it\n")
        #expect(try SkydiffProgram.run(["export", file, "-o", "out.fits", "--overwrite"], in: folder).status == 0)
        #expect(try SkydiffProgram.run(["export", file, "-o", "m.json"], in: folder).status == 0)
        let json = try String(contentsOfFile: folder + "/m.json", encoding: .utf8)
        #expect(json.contains("\"EXPNUM\": 17") && json.contains("\"skyVariance\""))
        let wrong = try SkydiffProgram.run(["export", file, "-o", "x.csv"], in: folder)
        #expect(
          wrong.status == 65 && wrong.errors.contains("an exposure cannot be written as .csv; there are .fits, .json"))
      }
    }

    /// The acceptance of the issue: every image that is at hand, through the program, compared by astropy.
    @Test(.enabled(if: SharedData.has("data"), "needs shared/data"))
    func everyRealImageComesBackAsItWas() throws {
      let root = SharedData.url("data")
      let all = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
      let files = all.filter { $0.hasSuffix(".fits") }.sorted().map { root.appending(path: $0).path }
      #expect(files.count > 30)
      try SkydiffProgram.inTemporaryFolder { folder in
        let ingest = try SkydiffProgram.run(
          ["ingest", "repo"] + files + ["--visit", "0..", "--detector", "1", "--band", "x", "--zeropoint", "27"],
          in: folder)
        #expect(ingest.status == 0, "\(ingest.errors)")
        var pairs: [String] = []
        for (i, file) in files.enumerated() {
          let out = "\(folder)/\(i).fits"
          let result = try SkydiffProgram.run(
            ["export", "repo/calexp/visit\(i)/calexp-visit\(i)-detector1.h5", "--output", out], in: folder)
          #expect(result.status == 0, "\(file): \(result.errors)")
          pairs += [file, out]
        }
        let differences = try Peers.run("compare_fits.py", pairs)
        #expect(differences.isEmpty, "\(String(decoding: differences, as: UTF8.self))")
      }
    }

    @Test func badFilesAreLeftOutAndTheOthersAreThere() throws {
      try inFolderOfFiles { folder in
        try "not FITS".write(toFile: folder + "/text.fits", atomically: true, encoding: .utf8)
        let result = try SkydiffProgram.run(
          [
            "ingest", "repo", "plain.fits", "text.fits", "nowhere.fits", "bare.fits", "plain.fits.gz", "lsst.fits",
            "--visit", "100..",
          ],
          in: folder)
        #expect(result.status == 65 && result.output.contains("repo: 3 added, 3 left out"))
        let lines = result.errors.split(separator: "\n")
        #expect(lines.count == 3, "\(result.errors)")
        #expect(result.errors.contains("skydiff ingest: text.fits: not a FITS file"))
        #expect(result.errors.contains("skydiff ingest: nowhere.fits: cannot be read: there is no such file"))
        #expect(
          result.errors.contains("bare.fits: has no detector number: its header has no CCDNUM; give it with --detector")
        )
        let twice = try SkydiffProgram.run(["ingest", "repo", "plain.fits", "plain.fits.gz"], in: folder)
        #expect(
          twice.status == 65 && twice.errors.contains("plain.fits.gz: it is visit 17, detector 2, as is plain.fits"))
        let again = try SkydiffProgram.run(["ingest", "repo", "plain.fits"], in: folder)
        #expect(again.status == 0 && again.output == "repo: 0 added, 1 there already\n")
        let other = try SkydiffProgram.run(["ingest", "repo", "plain.fits", "--zeropoint", "20"], in: folder)
        #expect(other.status == 65 && other.errors.contains("--replace puts this one in its place"))
        #expect(
          try SkydiffProgram.run(["ingest", "repo", "plain.fits", "--zeropoint", "20", "--replace"], in: folder).status
            == 0)
        let large = try SkydiffProgram.run(["ingest", "repo", "plain.fits", "--visit", "4294967296"], in: folder)
        #expect(large.status == 65 && large.errors.contains("plain.fits: visit 4294967296 is not from 0 to 4294967295"))
        #expect(try SkydiffProgram.run(["ingest", "repo", "nowhere.fits"], in: folder).status == 66)
        let only = try SkydiffProgram.run(["ingest", "other", "nowhere.fits"], in: folder)
        #expect(
          only.status == 66 && !FileManager.default.fileExists(atPath: folder + "/other"), "no repository of nothing")
      }
    }

    @Test func catalogsGoInAndOut() throws {
      try inFolderOfFiles { folder in
        try "ra,dec,mag\n10.0,-20.0,21.5\n10.1,-20.1,\n".write(
          toFile: folder + "/stars.csv", atomically: true, encoding: .utf8)
        #expect(try SkydiffProgram.run(["ingest", "repo", "plain.fits"], in: folder).status == 0)
        let none = try SkydiffProgram.run(["ingest", "nowhere", "stars.csv", "--type", "src"], in: folder)
        #expect(none.status == 66 || none.status == 73)
        let result = try SkydiffProgram.run(
          ["ingest", "repo", "stars.csv", "--type", "src", "--visit", "17", "--detector", "2"], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try SkydiffProgram.run(["ingest", "repo", "table.fits", "--type", "refcat"], in: folder).status == 0)
        for name in ["out.csv", "out.ecsv", "out.fits"] {
          #expect(
            try SkydiffProgram.run(["export", "repo/src/visit17/src-visit17-detector2.h5", "-o", name], in: folder)
              .status == 0)
        }
        #expect(
          try String(contentsOfFile: folder + "/out.csv", encoding: .utf8)
            == "ra,dec,mag\n10.0,-20.0,21.5\n10.1,-20.1,nan\n")
        #expect(try SkydiffProgram.run(["export", "repo/visits.h5", "-o", "visits.csv"], in: folder).status == 0)
        let bad = try SkydiffProgram.run(["ingest", "repo", "stars.csv", "--type", "../x"], in: folder)
        #expect(bad.status == 65 && bad.errors.contains("is no name of a dataset type"))
        #expect(
          try SkydiffProgram.run(["ingest", "repo", "stars.csv", "plain.fits", "--type", "src"], in: folder).status
            == 64)
      }
    }

    @Test func interruptedAndEqualIngestions() throws {
      try inFolderOfFiles { folder in
        for name in ["a", "b"] {
          let result = try SkydiffProgram.run(
            ["ingest", name, "plain.fits", "lsst.fits", "--visit", "5.."], in: folder)
          #expect(result.status == 0)
        }
        for file in [
          "visits.h5", "repository.yaml", "calexp/visit5/calexp-visit5-detector2.h5",
          "calexp/visit6/calexp-visit6-detector2.h5",
        ] {
          #expect(
            FileManager.default.contentsEqual(atPath: "\(folder)/a/\(file)", andPath: "\(folder)/b/\(file)"), "\(file)")
        }
      }
    }

    @Test func oddImagesAndRepositories() throws {
      try inFolderOfFiles { folder in
        func run(_ arguments: String...) throws -> SkydiffProgram.Result {
          try SkydiffProgram.run(arguments, in: folder)
        }
        let calexp = "repo/calexp/visit17/calexp-visit17-detector2.h5"
        // Without a WCS there is no tract; the repository takes images all the same.
        let bare = try run(
          "ingest", "bare", "bare.fits", "--visit", "1", "--detector", "1", "--band", "r", "--zeropoint", "27")
        #expect(bare.status == 0 && bare.errors.contains("warning: bare.fits: has no WCS"), "\(bare.errors)")
        #expect(try run("ingest", "bare", "plain.fits").status == 0)
        #expect(try run("ingest", "", "plain.fits").status == 64)
        // Frames that are not ours.
        for name in ["fk4.fits", "galactic.fits"] {
          let frame = try run("ingest", "repo", name)
          #expect(frame.status == 65 && frame.errors.contains("\(name): header: WCS: the axes are"), "\(frame.errors)")
        }
        let several = try run("ingest", "repo", "several.fits", "--visit", "3")
        #expect(several.status == 0 && several.errors.contains("of its images the first was taken; CCD2 were not"))
        // A dataset that is damaged or gone is written again.
        #expect(try run("ingest", "repo", "plain.fits").output == "repo: 1 added\n")
        let whole = try Data(contentsOf: URL(filePath: folder + "/" + calexp))
        try whole.dropLast().write(to: URL(filePath: folder + "/" + calexp))
        let again = try run("ingest", "repo", "plain.fits")
        #expect(
          again.output == "repo: 1 added\n" && again.errors.contains("was damaged or missing and is written again"))
        #expect(try Data(contentsOf: URL(filePath: folder + "/" + calexp)) == whole)
        // A catalog is no exposure.
        try "a,b\n1,2\n".write(toFile: folder + "/t.csv", atomically: true, encoding: .utf8)
        let fake = try run(
          "ingest", "repo", "t.csv", "--type", "calexp", "--visit", "17", "--detector", "2", "--replace")
        #expect(fake.status == 65 && fake.errors.contains("calexp is the type of exposures"))
        #expect(try run("ingest", "nowhere", "t.csv", "--type", "src").status == 66)
        // Options that no file can mend.
        for options in [
          ["--visit", "2..x"], ["--visit", ""], ["--zeropoint", "nan"], ["--psf-fwhm=-3"], ["--visit=-3"],
        ] {
          let result = try SkydiffProgram.run(["ingest", "repo", "plain.fits"] + options, in: folder)
          #expect(result.status == 64, "\(options)")
        }
        #expect(try run("ingest", "repo", "plain.fits", "--zeropoint=-99").status == 65)
        // Infinities are no data.
        #expect(try run("ingest", "repo", "infinite.fits", "--visit", "4").status == 0)
        #expect(try run("export", "repo/calexp/visit4/calexp-visit4-detector2.h5", "-o", "m.json").status == 0)
        #expect(try String(contentsOfFile: folder + "/m.json", encoding: .utf8).contains("\"nNoData\": 2"))
        // The instrument's settings are stronger than defaults and weaker than the command line.
        let yaml = try String(contentsOfFile: folder + "/repo/repository.yaml", encoding: .utf8)
        try yaml.replacingOccurrences(
          of: "applyOverrides: {}", with: "applyOverrides: { ingest: { visitKeyword: CCDNUM } }"
        )
        .write(toFile: folder + "/repo/repository.yaml", atomically: true, encoding: .utf8)
        #expect(try run("ingest", "repo", "plain.fits", "--detector", "9").status == 0)
        #expect(FileManager.default.fileExists(atPath: folder + "/repo/calexp/visit2/calexp-visit2-detector9.h5"))
        #expect(
          try run("ingest", "repo", "plain.fits", "--detector", "9", "-c", "ingest:visitKeyword=EXPNUM").status == 0)
        #expect(FileManager.default.fileExists(atPath: folder + "/repo/calexp/visit17/calexp-visit17-detector9.h5"))
        try FileManager.default.removeItem(atPath: folder + "/repo/repository.yaml")
        let headless = try run("ingest", "repo", "plain.fits")
        #expect(headless.status == 65 && headless.errors.contains("its repository.yaml is missing; put it back"))
      }
    }

    @Test func twoFirstIngestionsAtOnceBothCount() throws {
      try inFolderOfFiles { folder in
        let group = DispatchGroup()
        for (name, visit) in [("plain.fits", "1"), ("double.fits", "2"), ("cube1.fits", "3")] {
          DispatchQueue.global().async(group: group) {
            let result = try? SkydiffProgram.run(["ingest", "repo", name, "--visit", visit], in: folder)
            #expect(result?.status == 0, "\(result?.errors ?? "")")
          }
        }
        group.wait()
        let export = try SkydiffProgram.run(["export", "repo/visits.h5", "-o", "v.csv"], in: folder)
        #expect(export.status == 0)
        #expect(try String(contentsOfFile: folder + "/v.csv", encoding: .utf8).split(separator: "\n").count == 4)
      }
    }

    @Test func streamsThatCannotBeWrittenTo() throws {
      let program = try #require(SkydiffProgram.path).path
      func status(_ command: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command.replacingOccurrences(of: "skydiff", with: program)]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        return process.terminationStatus
      }
      #expect(try status("skydiff config >/dev/full") == 74)
      #expect(try status("skydiff config >&-") == 74)
      #expect(try status("skydiff config -c x 2>/dev/full") == 78)
      #expect(try status("skydiff config -c x 2>&-") == 78)
      #expect(try status("skydiff config | head -n 1 >/dev/null") == 0)
    }

    /// A tmpfs of a megabyte, in a mount namespace of its own.
    @Test func aFullDiskIsAnErrorAndNoSignal() throws {
      let unshare = ["/usr/bin/unshare", "--mount", "--map-root-user"].filter { $0.hasPrefix("/") || geteuid() != 0 }
      let prefix =
        unshare + (geteuid() == 0 ? ["--mount"] : []) + [
          "/bin/bash", "-c", "mount -t tmpfs -o size=300k tmpfs repo && exec \"$@\"", "full",
        ]
      try inFolderOfFiles { folder in
        try FileManager.default.createDirectory(atPath: folder + "/repo", withIntermediateDirectories: false)
        let probe = Process()
        probe.executableURL = URL(filePath: prefix[0])
        probe.arguments = Array(prefix.dropFirst()) + ["/bin/true"]
        probe.currentDirectoryURL = URL(filePath: folder)
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.run()) != nil else { return print("skipped: there is no unshare") }
        probe.waitUntilExit()
        guard probe.terminationStatus == 0 else { return print("skipped: this user may not mount a tmpfs") }
        try Peers.run("make_noise.py", [folder + "/noise.fits"])
        let result = try SkydiffProgram.run(
          ["ingest", "repo", "plain.fits", "noise.fits", "--visit", "1.."], in: folder, prefix: prefix)
        #expect(result.status == 74 && !result.diedBySignal, "\(result.status): \(result.errors)")
        #expect(result.errors.contains("calexp-visit2-detector2.h5: no space left on the device: "), "\(result.errors)")
        #expect(result.errors.contains(" bytes are needed, ") && result.errors.contains(" are free"))
        let export = try SkydiffProgram.run(["export", "../big.h5", "-o", "repo/x.fits"], in: folder, prefix: prefix)
        #expect(!export.diedBySignal)
      }
    }
  }
}
