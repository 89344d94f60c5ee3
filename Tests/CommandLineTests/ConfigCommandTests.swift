// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TestSupport
import Testing

/// Everything that starts processes, one test after the other.
@Suite(.serialized) struct ProgramTests {}

extension ProgramTests {
  @Suite(.serialized) struct ConfigCommandTests {
    private func run(_ arguments: String...) throws -> SkydiffProgram.Result {
      try SkydiffProgram.run(["config"] + arguments)
    }

    private func run(file text: String) throws -> SkydiffProgram.Result {
      try SkydiffProgram.inTemporaryFolder { folder in
        try text.write(toFile: folder + "/f.yaml", atomically: true, encoding: .utf8)
        return try SkydiffProgram.run(["config", "-C", "f.yaml"], in: folder)
      }
    }

    @Test func showsEveryFieldAndReadsItBack() throws {
      let all = try run()
      #expect(all.status == 0 && all.errors.isEmpty)
      #expect(all.output.hasPrefix("ingest:\n  # keyword of the visit's number"))
      #expect(all.output.contains("    # rounds of clipping (int, from 1 to 50)\n    numIter: 5\n"))
      let again = try run(file: all.output)
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.output.split(separator: "\n").count == all.output.split(separator: "\n").count)
      let one = try run("ingest", "-c", "ingest:noise.numIter=7")
      #expect(one.output.contains("numIter: 7  # from command line, -c ingest:noise.numIter=7"))
    }

    /// Fields of a registry's choices, in every form that there is.
    @Test func whatASubtaskChoosesIsSetLikeAnythingElse() throws {
      let all = try run("subtractImages")
      #expect(all.status == 0 && all.output.hasPrefix("subtractImages:\n") && !all.output.contains("\ngetTemplate:"))
      let fields = all.output.split(separator: "\n").filter {
        !$0.contains("#") && $0.hasPrefix("  ") && !$0.hasPrefix("   ")
      }
      #expect(
        fields.compactMap { $0.split(separator: ":").first.map { $0.trimmingCharacters(in: .whitespaces) } }.contains(
          "makeKernel"))
      let path = "subtractImages:makeKernel.kernel.AL.spatialKernelOrder"
      let one = try run("subtractImages", "-c", "\(path)=2")
      #expect(one.output.contains("spatialKernelOrder: 2  # from command line, -c \(path)=2"), "\(one.output)")
      for text in [
        "subtractImages: { makeKernel.kernel.AL.spatialKernelOrder: 2 }",
        "subtractImages:\n  makeKernel:\n    kernel:\n      AL: { spatialKernelOrder: 2 }\n",
      ] {
        let end = try run(file: text)
        #expect(
          end.status == 0 && end.output.contains("spatialKernelOrder: 2  # from f.yaml:"), "\(text): \(end.errors)")
      }
      for (setting, expected) in [
        ("\(path)r=2", "subtractImages.makeKernel.kernel.AL.spatialKernelOrderr: there is no such field; "),
        ("\(path)r=2", "; did you mean spatialKernelOrder?"), ("subtractImages:mode=atuo", "did you mean auto?"),
        ("subtractImage:mode=auto", "did you mean subtractImages?"),
      ] {
        let end = try run("-c", setting)
        #expect(end.status == 78 && end.errors.contains(expected), "\(end.errors)")
        #expect(end.errors.split(separator: "\n").count == 1)
      }
    }

    @Test func theCommandLineIsStrongerThanFiles() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        try "ingest:\n  doMaskSaturated: false\n  noise: { numIter: 3 }\n".write(
          toFile: folder + "/f.yaml", atomically: true, encoding: .utf8)
        let result = try SkydiffProgram.run(["config", "-c", "ingest:noise.numIter=9", "-C", "f.yaml"], in: folder)
        #expect(
          result.output.contains("numIter: 9") && result.output.contains("doMaskSaturated: false  # from f.yaml:2"))
      }
    }

    @Test func everyErrorIsOneLineWithPlaceAndAdvice() throws {
      let cases: [(String, String)] = [
        (
          "ingest:\n  visitKeywrd: X",
          "f.yaml:2: ingest.visitKeywrd: there is no such field; the fields are visitKeyword,"
        ),
        ("ingest:\n  visitKeywrd: X", "did you mean visitKeyword?"),
        (
          "ingset: {}",
          "f.yaml:1: ingset: there is no such task; the tasks are ingest, characterizeImage, decorrelate, forced, makeWarp, binWarps, matchBackgrounds, assembleCoadd, getTemplate, subtractImages, detectAndMeasure, detectAndMeasureScore, ssSingleFrameAssociation, reconcileSolarSystem, detectCoadd, mergeDetections, measureCoadd, mergeReference, forcedPhotCoadd; did you mean ingest?"
        ),
        ("ingest:\n  doMaskSaturated: 3", "f.yaml:2: ingest.doMaskSaturated: 3 is given; it must be bool"),
        (
          "ingest:\n  noise:\n    numIter: 99",
          "f.yaml:3: ingest.noise.numIter: 99 is given; it must be int, from 1 to 50"
        ),
        ("ingest:\n  noise: {}\n  noise: {}", "noise is there twice in one mapping"),
        ("a: &a [x]\nb: *a", "f.yaml:1: anchors and aliases"),
        ("[1, 2", "f.yaml:2: not YAML"),
        ("ingest: [1]", "f.yaml:1: ingest: a list of 1 is given; it must be a mapping of fields to values"),
        (String(repeating: "x", count: 10 << 20), "f.yaml: it has more than 524288 bytes"),
      ]
      for (text, expected) in cases {
        let start = ContinuousClock.now
        let result = try run(file: text)
        #expect(result.status == 78, "\(text.prefix(60))")
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1 && result.output.isEmpty)
        #expect(ContinuousClock.now - start < .seconds(2))
      }
      #expect(try run("ingst").status == 78)
      #expect(try run("-c", "ingest.noise=3").errors.contains("it must have the form task:field=value"))
      #expect(try run("-C", "/nowhere.yaml").errors == "skydiff config: /nowhere.yaml: there is no such file\n")
    }

    @Test(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
    func bombsTakeLittleMemory() throws {
      let program = try #require(SkydiffProgram.path).path
      try SkydiffProgram.inTemporaryFolder { folder in
        var bomb = "a0: &a0 [x, x]\n"
        for i in 1..<12 {
          bomb += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        let texts = [
          bomb, String(repeating: "- ", count: 5 << 20), String(repeating: "[", count: 1 << 19),
          String(repeating: "- ", count: 250_000),
          String(repeating: "a: b\n", count: 100_000), (0..<60_000).map { "a\($0): b\n" }.joined(),
        ]
        for (i, text) in texts.enumerated() {
          let file = folder + "/\(i).yaml"
          try text.write(toFile: file, atomically: true, encoding: .utf8)
          let found = String(decoding: try Peers.run("peak_memory.py", [program, "config", "-C", file]), as: UTF8.self)
            .split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
          #expect(found.count == 2 && found[0] == 78 && found[1] < 100 << 20, "text \(i): \(found)")
        }
      }
    }
  }

  @Suite(.serialized) struct HelpTests {
    @Test func helpListsWhatWorks() throws {
      let help = try SkydiffProgram.run(["--help"])
      #expect(help.status == 0)
      for name in ["config", "ingest", "export", "match-backgrounds", "subtract", "decorrelate", "associate"] {
        #expect(help.output.contains("\n  \(name) "))
        let own = try SkydiffProgram.run([name, "--help"])
        #expect(own.status == 0 && own.output.contains("USAGE: skydiff \(name)"))
      }
      #expect(try SkydiffProgram.run(["--version"]).output == "0.1.0\n")
      #expect(try SkydiffProgram.run(["nothing"]).status == 64)
      #expect(try SkydiffProgram.run(["ingest"]).status == 64)
      #expect(try SkydiffProgram.run(["ingest", "repo"]).status == 64)
    }

    @Test func completionIsGenerated() throws {
      for shell in ["bash", "zsh", "fish"] {
        let result = try SkydiffProgram.run(["--generate-completion-script", shell])
        #expect(
          result.status == 0 && result.output.contains("ingest") && result.output.contains("zeropoint"), "\(shell)")
      }
    }
  }
}
