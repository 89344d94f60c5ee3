// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// Files that steps of the main job hand to one another are as little trusted as any other input.
  @Suite(.serialized) struct CoaddDamageTests {
    /// Every kind of damage to a file, in place.
    static let kinds = ["a flipped byte", "a cut end", "nothing in it", "zeros", "noise", "gone"]

    static let makers = [
      "deepCoadd_tempExp": "makeWarp", "deepCoadd_tempExp_bins": "binWarps",
      "deepCoadd_tempExp_background": "matchBackgrounds",
    ]

    private func damage(_ path: String, _ kind: String) throws {
      if kind == "gone" { return try FileManager.default.removeItem(atPath: path) }
      var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
      switch kind {
      case "a flipped byte": bytes[bytes.count / 2] ^= 0x10
      case "a cut end": bytes.removeLast(bytes.count / 2)
      case "nothing in it": bytes = []
      case "zeros": for i in 2000..<bytes.count { bytes[i] = 0 }
      default: for i in 100..<bytes.count { bytes[i] = UInt8(truncatingIfNeeded: i &* 2_654_435_761 >> 7) }
      }
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.truncate(atOffset: 0)
      try handle.write(contentsOf: bytes)
      try handle.close()
    }

    /// Between two starts: what is damaged is found before anything uses it, and is made again.
    @Test(
      arguments: zip(
        kinds,
        ["deepCoadd_tempExp", "deepCoadd_tempExp_bins", "deepCoadd_tempExp_background"] + [
          "deepCoadd_tempExp", "deepCoadd_tempExp_background", "deepCoadd_tempExp",
        ])) func betweenTwoStarts(_ kind: String, _ type: String) throws
    {
      let job = try CoaddJob()
      let stop = type.hasSuffix("bins") ? "matchBackgrounds" : "assembleCoadd"
      let drained = try job.run(["--inject", "unitStart:drain:1/\(stop)"])
      #expect(drained.status == 75, "\(drained.errors)")
      let count = try job.recordedQuanta().count
      for file in job.files(type) { try damage("\(job.runFolder)/\(file)", kind) }
      let end = try job.run(ranks: 2)
      #expect(end.status == 0, "\(end.errors)")
      let maker = try #require(Self.makers[type])
      #expect(
        try job.recorded(since: count).keys.contains { $0.hasPrefix(maker) }, "\(kind) in \(type) was not noticed")
      try job.expectGolden("\(kind) in \(type)")
    }

    /// While the run goes on: the quantum that reads it fails and names the file; the same command makes it good.
    @Test(arguments: kinds) func whileItRuns(_ kind: String) throws {
      let job = try CoaddJob()
      let process = try job.start()
      try process.wait { !job.files("deepCoadd_tempExp_background").isEmpty }
      kill(process.pid, SIGSTOP)
      for file in job.files("deepCoadd_tempExp") { try damage("\(job.runFolder)/\(file)", kind) }
      kill(process.pid, SIGCONT)
      let end = try process.end()
      #expect(end.status == 1 && !end.diedBySignal, "\(kind): \(end.status) \(end.errors)")
      let failures = try job.failures()
      #expect(!failures.isEmpty)
      for failure in failures {
        #expect(failure.message.contains("deepCoadd_tempExp-tract0-patch"), "\(kind): \(failure)")
      }
      let again = try job.run()
      #expect(again.status == 0, "\(again.errors)")
      try job.expectGolden(kind)
    }
  }
}
