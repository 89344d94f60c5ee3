// SPDX-License-Identifier: GPL-3.0-or-later
// A made-up run: records of quanta, attempts and sessions.

import Reporting
import TaskFramework
import TestSupport

enum SampleRun {
  static let tasks = ["makeWarp", "assembleCoadd", "subtractImages", "detectAndMeasureScore", "forcedPhotCoadd"]

  static func dataID(_ number: Int) throws -> DataID {
    try DataID([
      .visit: .number(Int64(100 + number / 4)), .detector: .number(Int64(number % 4)),
      .band: .name(["g", "r", "i"][number / 4 % 3]),
    ])
  }

  /// Deterministic: the number makes the record.
  ///
  /// - Parameter failing: one quantum in so many fails, as many are blocked, and twice as many have caveats; 0 for none.
  static func record(_ number: Int, failing: Int = 20) throws -> QuantumRecord {
    var random = SeededRandom(UInt64(number) &* 7919 &+ 5)
    let task = tasks[number % tasks.count]
    var outcome = RecordedOutcome.succeeded([])
    var (inputs, lines): ([String], [String]) = ([], [])
    let lot = failing > 0 ? Int(random.next() % UInt64(failing * 2)) : .max
    switch lot {
    case 0, 1:
      let category = ["RuntimeError", "LookupError", "timeout"][Int(random.next() % 3)]
      outcome = .failed(
        category: category, message: "only \(random.next() % 40) sources <are> left for the \"kernel\" & PSF")
      inputs = ["deepCoadd of tract 0, patch \(number % 9), band g", "visitImage of \(try dataID(number))"]
      lines = (0..<25).map { "INFO subtractImages: step \($0) of the fit, chi² \(1 + random.uniform())" }
    case 2, 3: outcome = .blocked
    case 4: outcome = .succeeded([.noWork, .anyOutputsMissing, .allOutputsMissing])
    case 5: outcome = .succeeded([.anyOutputsMissing])
    default: break
    }
    var record = QuantumRecord(task: task, dataID: try dataID(number), outcome: outcome, inputs: inputs, logTail: lines)
    if case .succeeded = outcome {
      record.metadata = try metadata(task, &random)
      record.outputs = [
        OutputRecord(
          datasetType: "\(task)_out", bytes: Int(1_000_000 + random.next() % 9_000_000),
          path: "\(task)_out/\(number).h5", sha256: String(repeating: "0f", count: 32))
      ]
    }
    return record
  }

  private static func metadata(_ task: String, _ random: inout SeededRandom) throws -> TaskMetadata {
    var own = TaskMetadata()
    try own.set("kernelSum", 1 + 0.01 * random.gaussian())
    try own.set("psfFwhm", 3.2 + 0.4 * random.gaussian())
    try own.set("medianDifference", 1e-3 * random.gaussian())
    try own.set("nSources", Int(random.next() % 900))
    try own.set("scienceMJD", 60123.25 + random.uniform() * 30)
    try own.set("mode", ["convolveTemplate", "convolveScience"][Int(random.next() % 2)])
    try own.set("spatialConditionNums", [.float(random.uniform() * 100), .float(random.uniform() * 1000)])
    try own.set("isConverged", random.next() % 10 > 0)
    var select = TaskMetadata()
    try select.set("nGood", Int(random.next() % 50))
    try select.set("limit", random.next() % 30 == 0 ? .nan : 17.5)
    var metadata = TaskMetadata()
    try metadata.set(task, .node(own))
    try metadata.set("\(task):select", .node(select))
    return metadata
  }

  static func statistics(_ numbers: some Sequence<Int>, failing: Int = 20) throws -> CampaignStatistics {
    var statistics = CampaignStatistics()
    for number in numbers { statistics.add(try record(number, failing: failing)) }
    return statistics
  }

  static func timing(units: Int, ranks: Int, losing: Bool = true) throws -> TimingSummary {
    var summary = TimingSummary()
    for unit in 0..<units { summary.add(try attempt(unit, ranks: ranks, losing: losing)) }
    for session in 1...(losing ? 2 : 1) {
      summary.add(self.session(session, ranks: ranks, isLast: !losing || session == 2))
    }
    return summary
  }

  static func attempt(_ unit: Int, ranks: Int, losing: Bool = true) throws -> AttemptRecord {
    var random = SeededRandom(UInt64(unit) &* 31 &+ 1)
    let rank = Int(random.next() % UInt64(ranks))
    let isLost = losing && unit % 50 == 7
    let quanta = try tasks.prefix(isLost ? 0 : 3).enumerated().map { index, task in
      let seconds = (2 + 3 * random.uniform()) * Double(index * index + 1) / 2
      return QuantumTiming(
        task: task, dataID: try dataID(unit), seconds: seconds, cpuSeconds: seconds * 0.95,
        maxResidentSetSize: Int64(900_000_000 + random.next() % 600_000_000))
    }
    return AttemptRecord(
      unit: "visit 1\(unit), detector \(unit % 4)", attempt: 1, session: 1 + unit % 2, rank: rank,
      host: "node\(rank / 4)", start: "2026-01-05T08:00:00+00:00", seconds: quanta.reduce(0.1) { $0 + $1.seconds },
      outcome: isLost ? .lost : .succeeded, quanta: quanta)
  }

  static func session(_ number: Int, ranks: Int, isLast: Bool = true) -> SessionRecord {
    let end = isLast ? "2026-01-05T0\(number + 1):02:00+00:00" : nil
    return SessionRecord(
      session: number, start: "2026-01-05T0\(number):00:00+00:00", end: end,
      seconds: 3720.5, rankCount: ranks, hosts: ["node0", "node1"], endedBy: end == nil ? .killed : .finished)
  }

  static func report(quanta: Int, failing: Int, ranks: Int = 8) throws -> Report {
    Report(
      run: failing > 0 ? "survey-2026" : "demo", status: failing > 0 ? .interrupted : .complete,
      expected: tasks.map { ($0, quanta / tasks.count + (failing > 0 ? 3 : 0)) },
      statistics: try statistics(0..<quanta, failing: failing),
      timing: try timing(units: quanta / 5, ranks: ranks, losing: failing > 0),
      configuration: tasks.map { ($0, "connections:\n  coaddName: deep\nmode: auto\ndoDecorrelation: true\n") },
      software: [("skydiff", "0.3.0"), ("HDF5", "1.14.4"), ("FFTW", "3.3.10")],
      warnings: failing > 0 ? ["HDF5 was 1.12.2 when the run began and is 1.14.4 now"] : [])
  }
}
