// SPDX-License-Identifier: GPL-3.0-or-later
// What it costs to run anything at all.

import Foundation
import Scheduling

/// What it costs to run anything at all: quanta that do nothing, on real ranks; and a campaign of a size that no machine here has, in
/// virtual time.
enum CampaignStages {
  private struct Line {
    let name: String
    let value: String
    let aim: String
  }

  static func run() throws {
    var lines: [Line] = []
    // Before this process has grown itself: a child begins as large as its parent.
    note("100,000 quanta that do nothing on 4 ranks (half a minute)")
    lines += try nothing()
    note("a simulation of 100,000 ranks and 10,000,000 units (a minute, 3 GB)")
    lines += try scale()
    let width = lines.map(\.name.count).max() ?? 0
    for line in lines {
      print(
        line.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + line.value
          + (line.aim.isEmpty ? "" : "  (aim: \(line.aim))"))
    }
  }

  private static func scale() throws -> [Line] {
    let simulation = ScaleSimulation(rankCount: 100_000, unitCount: 10_000_000)
    let clock = ContinuousClock()
    var graph: WorkGraph?
    let building = try clock.measure { graph = try simulation.makeGraph() }
    guard let graph else { return [] }
    var outcome = ScaleSimulation.Outcome()
    let running = clock.measure { outcome = simulation.run(graph) }
    let seconds = running / .seconds(1)
    return [
      Line(name: "work graph of 10,000,000 units", value: format(building / .seconds(1), "s"), aim: ""),
      Line(
        name: "dispatch rate of the coordinator", value: format(Double(outcome.events) / seconds, "units/s"),
        aim: "\(format(simulation.neededRate, "units/s")) for 100,000 ranks and units of 60 s"),
      Line(
        name: "simulated campaign", value: format(outcome.virtualSeconds, "s of virtual time"),
        aim: "\(format(outcome.idealSeconds, "s")) if no rank ever waited"),
      Line(name: "done, ranks lost on the way", value: "\(outcome.doneCount), \(outcome.lossCount)", aim: "10000000"),
    ]
  }

  private static func nothing() throws -> [Line] {
    let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "skydiff-mock")
      .path
    guard FileManager.default.isExecutableFile(atPath: program) else {
      note("there is no skydiff-mock beside this program (swift build -c release --product skydiff-mock makes it)")
      return []
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-benchmark-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try start([program, "make-repository", "survey", "100", "100", "records"], in: folder)
    let labels = (0..<10).map { "{ task\($0): mockNothing }" }.joined(separator: ", ")
    try "repository: survey\nrun: nothing\npipeline: [\(labels)]\n".write(
      toFile: "\(folder)/job.yaml", atomically: true, encoding: .utf8)
    let clock = ContinuousClock()
    let planning = try clock.measure { try start([program, "plan", "job.yaml"], in: folder) }
    let running = try clock.measure {
      try start(
        ["/usr/bin/env", "mpirun", "--bind-to", "none", "-n", "4", program, "run", "job.yaml", "--progress", "none"],
        in: folder)
    }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
    let seconds = running / .seconds(1)
    return [
      Line(name: "plan of 100,000 quanta", value: format(planning / .seconds(1), "s"), aim: "2 s"),
      Line(name: "100,000 quanta on 4 ranks, with report", value: format(seconds, "s"), aim: "30 s"),
      Line(name: "overhead of a quantum", value: format(seconds * 10, "µs"), aim: "300 µs"),
      Line(
        name: "largest process (the coordinator)", value: format(Double(usage.ru_maxrss) / 1024, "MiB"), aim: "200 MiB"),
    ]
  }

  private static func format(_ value: Double, _ unit: String) -> String {
    (value < 100 ? String(format: "%.2f", value) : String(format: "%.0f", value)) + " " + unit
  }

  private static func start(_ command: [String], in folder: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = URL(filePath: folder)
    var environment = ProcessInfo.processInfo.environment
    environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
    if getuid() == 0 {
      environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    }
    process.environment = environment
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      fail("\(command.joined(separator: " ")) ends with \(process.terminationStatus)", 70)
    }
  }
}
