// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Anchors 5 #24: the shipped script on a real Slurm of one node, which the test starts and stops by itself.
  @Suite(.serialized) struct SlurmTests {
    /// Only where asked, and never beside a Slurm that is somebody's.
    static var isWanted: Bool {
      let environment = ProcessInfo.processInfo.environment
      return getuid() == 0 && (environment["CI"] == "true" || environment["SKYDIFF_SLURM"] == "1")
        && !FileManager.default.fileExists(atPath: "/etc/slurm/slurm.conf")
    }

    private func run(_ command: [String], seconds: Double, environment: [String: String] = [:]) throws -> (
      status: Int32, output: String
    ) {
      let log = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
      _ = FileManager.default.createFile(atPath: log.path, contents: nil)
      defer { try? FileManager.default.removeItem(at: log) }
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = command
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      process.standardOutput = try FileHandle(forWritingTo: log)
      process.standardError = process.standardOutput
      var (none, before) = (sigset_t(), sigset_t())
      sigemptyset(&none)
      pthread_sigmask(SIG_SETMASK, &none, &before)
      defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
      try process.run()
      let deadline = ContinuousClock.now + .seconds(seconds)
      while process.isRunning, ContinuousClock.now < deadline { usleep(20_000) }
      if process.isRunning { process.terminate() }
      process.waitUntilExit()
      return (process.terminationStatus, (try? String(contentsOf: log, encoding: .utf8)) ?? "")
    }

    @Test(.enabled(if: isWanted, "needs root, no Slurm of its own here, and CI=true or SKYDIFF_SLURM=1"))
    func theShippedScriptDrainsGoesBackToTheQueueAndFinishes() throws {
      let root = SharedData.packageRoot.path
      let program = try #require(SkydiffProgram.path(of: "skydiff-mock")).path
      // Short: the names of sockets in it have to fit.
      let folder = "/tmp/skydiff-slurm-\(getpid())"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let installed = try run(["\(root)/Tests/slurm/install-slurm"], seconds: 300)
      #expect(installed.status == 0, "\(installed.output)")
      // The micro job, slowly: some 20 s on 2 ranks.
      var job = try String(contentsOfFile: "\(root)/jobs/micro.yaml", encoding: .utf8)
      job = job.replacing("seconds: 0.03", with: "seconds: 3").replacing("seconds: 0.05", with: "seconds: 3")
      try job.write(toFile: "\(folder)/job.yaml", atomically: true, encoding: .utf8)
      let prepare = "#!/bin/sh\nexec '\(program)' make-repository micro-survey 4 2\n"
      try prepare.write(toFile: "\(folder)/prepare", atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/prepare")

      let slurm = "\(root)/Tests/slurm/one-node-slurm"
      let started = try run([slurm, "start", "\(folder)/slurm"], seconds: 60)
      #expect(started.status == 0, "\(started.output)")
      defer { _ = try? run([slurm, "stop", "\(folder)/slurm"], seconds: 60) }
      let result = try run(
        [
          "bash", "-c", ". \"$1\"; exec \"$2\" \"$3\" \"$4\" \"$5\" \"$6\"", "try", "\(folder)/slurm/environment",
          "\(root)/Tests/slurm/try-campaign", program, "\(root)/slurm/campaign.sbatch", "\(folder)/job.yaml",
          "\(folder)/try",
        ], seconds: 400, environment: ["TRY_PREPARE": "\(folder)/prepare", "TRY_SLOW": "-c mockCalibrate:seconds=14"])
      #expect(result.status == 0, "\(result.output)")
      print(result.output)
    }
  }
}
