// SPDX-License-Identifier: GPL-3.0-or-later
// The micro job, and what it makes when nobody disturbs it.

import Digests
import Foundation
import MockTasks
import OrderedCollections
import TaskFramework
import TestSupport
import Testing

/// A folder with the micro job and its repository.
final class MicroSurvey {
  let folder: String
  var runFolder: String { "\(folder)/micro-survey/runs/micro" }

  /// - Parameter change: changes the job's text.
  init(visits: Int = 4, detectors: Int = 2, _ change: (inout String) -> Void = { _ in }) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-micro-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try makeMockRepository("\(folder)/micro-survey", visits: visits, detectors: detectors)
    try write(change)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func write(name: String = "micro.yaml", _ change: (inout String) -> Void = { _ in }) throws {
    var text = try String(contentsOf: SharedData.packageRoot.appending(path: "jobs/micro.yaml"), encoding: .utf8)
    change(&text)
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  /// Makes the repository's exposures again, with other pixels.
  func remakeRepository(offset: Int) throws {
    try makeMockRepository("\(folder)/micro-survey", visits: 4, detectors: 2, offset: offset)
  }

  /// Runs the job to its end.
  @discardableResult
  func run(
    _ arguments: [String] = [], ranks: Int? = nil, launcherOptions: [String] = [], environment: [String: String] = [:]
  ) throws -> ProgramProcess.End {
    try start(arguments, ranks: ranks, launcherOptions: launcherOptions, environment: environment).end()
  }

  func start(
    _ arguments: [String] = [], ranks: Int? = nil, launcherOptions: [String] = [], environment: [String: String] = [:]
  ) throws -> ProgramProcess {
    try ProgramProcess(
      ["run", "micro.yaml"] + arguments, ranks: ranks, launcherOptions: launcherOptions, in: folder,
      environment: environment)
  }

  /// Runs another command of the program.
  func command(_ arguments: String...) throws -> ProgramProcess.End {
    try ProgramProcess(arguments, in: folder).end()
  }

  // MARK: - What a run holds

  /// SHA-256 of every file but those that say when and where things ran.
  func products(_ run: String = "micro") throws -> [String: String] {
    let root = "\(folder)/micro-survey/runs/\(run)"
    let others: Set<String> = [
      "journal.jsonl", "attempts.jsonl", "status.json", "lock", ".workers", "report.json", "report.html",
    ]
    var result: [String: String] = [:]
    for case let name as String in try #require(FileManager.default.enumerator(atPath: root)) {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder)
      guard !isFolder.boolValue, !others.contains(name) else { continue }
      result[name] = SHA256.hex(Array(try #require(FileManager.default.contents(atPath: "\(root)/\(name)"))))
    }
    return result
  }

  func report(_ run: String = "micro") throws -> JSONValue {
    try JSONValue(parsing: String(contentsOfFile: "\(folder)/micro-survey/runs/\(run)/report.json", encoding: .utf8))
  }

  /// The report without what depends on time and place.
  func timelessReport() throws -> JSONValue {
    guard case .object(var members) = try report() else { return .null }
    members["timing"] = nil
    return .object(members)
  }

  /// Counts of a task in the report: `successful`, `failed`, `blocked`, `unknown`, `expected`.
  func counts(_ task: String) throws -> [String: Int] {
    for entry in try report()["tasks"]?.elements ?? [] where entry["task"] == .string(task) {
      var counts: [String: Int] = [:]
      for name in ["expected", "successful", "failed", "blocked", "unknown", "withCaveats"] {
        if case .integer(let value)? = entry[name] { counts[name] = Int(value) }
      }
      return counts
    }
    return [:]
  }

  /// How often each quantum was recorded with success, by recipe.
  func successes() throws -> [String: Int] {
    var counts: [String: Int] = [:]
    guard let text = try? String(contentsOfFile: "\(runFolder)/journal.jsonl", encoding: .utf8) else { return [:] }
    for line in text.split(separator: "\n") {
      guard let json = try? JSONValue(parsing: String(line)), json["kind"] == .string("unit") else { continue }
      for quantum in json["quanta"]?.elements ?? [] where quantum["record"]?["outcome"] == .string("succeeded") {
        if case .string(let recipe)? = quantum["recipe"] { counts[recipe, default: 0] += 1 }
      }
    }
    return counts
  }

  /// Files that should not be there: temporary ones, notes of crashes.
  var leftovers: [String] {
    (FileManager.default.enumerator(atPath: "\(folder)/micro-survey")?.compactMap { $0 as? String } ?? [])
      .filter { $0.contains(".skydiff-") || $0.contains(".crash-") }
  }

  // MARK: - Undisturbed

  /// What an undisturbed run in one process makes.
  static let golden: Result<(products: [String: String], report: JSONValue), any Error> = Result {
    let survey = try MicroSurvey()
    let end = try survey.run()
    #expect(end.status == 0, "\(end.errors)")
    return (try survey.products(), try survey.timelessReport())
  }

  /// Whether the run is what an undisturbed one is: files byte for byte, and the report.
  func expectGolden(_ what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let golden = try Self.golden.get()
    let products = try products()
    let different = Set(products.keys).union(golden.products.keys).filter { products[$0] != golden.products[$0] }
      .sorted()
    #expect(different.isEmpty, "\(what): \(different)", sourceLocation: sourceLocation)
    let report = try timelessReport()
    #expect(report == golden.report, "\(what): the report differs", sourceLocation: sourceLocation)
    #expect(leftovers.isEmpty, "\(what): \(leftovers)", sourceLocation: sourceLocation)
  }
}
