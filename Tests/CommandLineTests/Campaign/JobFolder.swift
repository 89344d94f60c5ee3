// SPDX-License-Identifier: GPL-3.0-or-later
// A job in a folder of its own, and what its runs hold.

import Digests
import Foundation
import OrderedCollections
import TaskFramework
import Testing

/// A folder with a job file and a repository, in which the program is run.
class JobFolder {
  /// What an undisturbed run made.
  typealias Golden = (products: [String: String], report: JSONValue)

  let folder: String
  let program: String
  let jobFile: String
  let repositoryName: String
  let runName: String

  var repository: String { "\(folder)/\(repositoryName)" }
  var runFolder: String { runFolder(runName) }
  func runFolder(_ run: String) -> String { "\(repository)/runs/\(run)" }

  init(program: String, jobFile: String, repository: String, run: String) throws {
    self.program = program
    self.jobFile = jobFile
    repositoryName = repository
    runName = run
    folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-job-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

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
      ["run", jobFile] + arguments, program: program, ranks: ranks, launcherOptions: launcherOptions, in: folder,
      environment: environment)
  }

  /// Runs another command of the program.
  func command(_ arguments: String...) throws -> ProgramProcess.End {
    try ProgramProcess(arguments, program: program, in: folder).end()
  }

  // MARK: - What a run holds

  /// SHA-256 of every file but those that say when and where things ran.
  func products(_ run: String? = nil) throws -> [String: String] {
    let root = runFolder(run ?? runName)
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

  /// The files of a dataset type, by their paths in the run.
  func files(_ datasetType: String, run: String? = nil) -> [String] {
    let root = "\(runFolder(run ?? runName))/\(datasetType)"
    return (FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? [])
      .filter { $0.hasSuffix(".h5") }.map { "\(datasetType)/\($0)" }.sorted()
  }

  func report(_ run: String? = nil) throws -> JSONValue {
    try JSONValue(parsing: String(contentsOfFile: "\(runFolder(run ?? runName))/report.json", encoding: .utf8))
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
    for entry in try recordedQuanta() where entry["record"]?["outcome"] == .string("succeeded") {
      if case .string(let recipe)? = entry["recipe"] { counts[recipe, default: 0] += 1 }
    }
    return counts
  }

  /// What the journal says of quanta, in the order of its lines.
  func recordedQuanta() throws -> [JSONValue] {
    guard let text = try? String(contentsOfFile: "\(runFolder)/journal.jsonl", encoding: .utf8) else { return [] }
    return text.split(separator: "\n").flatMap { line -> [JSONValue] in
      guard let json = try? JSONValue(parsing: String(line)), json["kind"] == .string("unit") else { return [] }
      return json["quanta"]?.elements ?? []
    }
  }

  /// Files that should not be there: temporary ones, notes of crashes.
  var leftovers: [String] {
    (FileManager.default.enumerator(atPath: repository)?.compactMap { $0 as? String } ?? [])
      .filter { $0.contains(".skydiff-") || $0.contains(".crash-") }
  }

  /// Whether the run is what an undisturbed one is: files byte for byte, and the report.
  func expect(_ golden: Golden, _ what: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let products = try products()
    let different = Set(products.keys).union(golden.products.keys).filter { products[$0] != golden.products[$0] }
      .sorted()
    #expect(different.isEmpty, "\(what): \(different)", sourceLocation: sourceLocation)
    let report = try timelessReport()
    #expect(report == golden.report, "\(what): the report differs", sourceLocation: sourceLocation)
    #expect(leftovers.isEmpty, "\(what): \(leftovers)", sourceLocation: sourceLocation)
  }
}
