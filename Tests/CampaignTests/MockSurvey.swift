// SPDX-License-Identifier: GPL-3.0-or-later
// A repository of mock exposures, and jobs on it.

import Campaign
import Catalogs
import Digests
import Foundation
import MockTasks
import Reporting
import Repository
import TaskFramework

/// A folder that is gone after the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "skydiff-campaign-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws -> String {
    let file = "\(path)/\(name)"
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    return file
  }
}

/// A repository of mock exposures (visits from 100 on, in the bands g and r by turns), and jobs on it.
final class MockSurvey {
  let folder: TemporaryFolder
  var repository: String { folder.path + "/survey" }

  init(visits: Int = 4, detectors: Int = 2, hasFiles: Bool = false) throws {
    folder = try TemporaryFolder()
    try makeMockRepository(repository, visits: visits, detectors: detectors, hasFiles: hasFiles)
  }

  /// The job of `jobs/micro.yaml`, with other lines for some of its keys.
  func yaml(_ changes: [String: String] = [:]) -> String {
    var lines = [
      ("repository", repository), ("run", "micro"), ("select", "{ visit: 100..102, detector: all }"),
      ("template", "{ visit: 100..101 }"),
      ("pipeline", "[mockCalibrate, mockMeasure, mockCoadd, mockDifference, mockSummary]"),
      ("config", "{}"), ("retain", "[mock_measured, mock_difference, mock_score, mock_summary]"),
      ("execution", "{ timeout: 60 }"),
    ]
    for (key, text) in changes.sorted(by: { $0.key < $1.key }) {
      if let place = lines.firstIndex(where: { $0.0 == key }) {
        lines[place].1 = text
      } else {
        lines.append((key, text))
      }
    }
    return lines.map { "\($0.0): \($0.1)\n" }.joined()
  }

  func job(
    _ changes: [String: String] = [:], overrides: Job.Overrides = .init(), tasks: [any PipelineTask.Type] = mockTasks
  ) throws -> Job {
    try Job(file: try folder.write(yaml(changes), to: "job.yaml"), TaskRegistry(tasks), overrides)
  }

  /// What is said of a job that is none.
  func problem(_ changes: [String: String], overrides: Job.Overrides = .init()) throws -> String {
    do {
      _ = try job(changes, overrides: overrides)
      return "no error"
    } catch let error as ConfigError {
      return "\(error)"
    }
  }

  func setInstrumentOverrides(_ yaml: String) throws {
    let file = repository + "/repository.yaml"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.replacingOccurrences(of: "applyOverrides: {}", with: "applyOverrides: \(yaml)")
      .write(toFile: file, atomically: false, encoding: .utf8)
  }

  func graph(_ job: Job) throws -> QuantumGraph {
    try QuantumGraph(job, try PipelineGraph(job), try InputFinder(try InputRepository(job.repository)))
  }

  func plan(_ job: Job, _ history: RunHistory = RunHistory(), others: [(run: String, history: RunHistory)] = []) throws
    -> RunPlan
  {
    try RunPlan(try graph(job), job, history, others: others)
  }
}

extension RunPlan {
  /// The quantum of a task and a data ID, by its name such as `mockCoadd of tract 0, patch 4, band g`.
  func quantum(_ label: String, _ values: [TaskFramework.Dimension: DimensionValue]) -> Int? {
    graph.quanta.indices.first { quantum in
      graph.pipeline.nodes[graph.quanta[quantum].task].label == label
        && values.allSatisfy { graph.quanta[quantum].dataID[$0.key] == $0.value }
    }
  }

  /// What runs, by name.
  var running: Set<String> { names(.run) }

  func names(_ decision: Decision) -> Set<String> {
    Set(graph.quanta.indices.filter { decisions[$0] == decision }.map { graph.name($0) })
  }

  /// How often each label is among some names.
  static func labels(_ names: Set<String>) -> [String: Int] {
    names.reduce(into: [:]) { $0[String($1.prefix { $0 != " " }), default: 0] += 1 }
  }
}
