// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a run is what its record says.

internal import Foundation
internal import HDF5
internal import Reporting
internal import Repository
internal import TaskFramework

/// Whether every output of a run is what was recorded, and nothing is missing.
package struct RunVerification {
  private(set) var problems: [String] = []
  private var soundCount = 0
  private var bytes = 0
  private var notes: [String] = []
  private let folder: String
  private var needsRemoval = false

  package var isSound: Bool { problems.isEmpty }

  /// - Throws: ``Repository/ReadError`` where there is no run.
  package init(_ folder: String) throws {
    self.folder = folder
    let history = try RunReport.history(of: folder)
    problems = history.warnings
    let retained = Self.retained(folder)
    var known: Set<String> = []
    for (path, digest) in history.products.sorted(by: { $0.key < $1.key }) {
      known.insert(path)
      let type = String(path.prefix { $0 != "/" })
      let full = "\(folder)/\(path)"
      // What only other tasks needed was dropped when they had it.
      if let retained, !retained.contains(type), !FileManager.default.fileExists(atPath: full) { continue }
      check(full, digest)
    }
    for path in Self.files(folder) where !known.contains(path) {
      notes.append("\(folder)/\(path): it is not in the record, so it is not there as far as the run is concerned")
    }
    checkCompleteness(history)
  }

  private mutating func check(_ path: String, _ digest: FileDigest) {
    do {
      let content = try readFile(path, expecting: digest)
      guard try formatName(of: content, name: path) != nil else {
        problems.append("\(path): it is no file of this program")
        return
      }
      soundCount += 1
      bytes += digest.size
    } catch {
      problems.append("\(error)")
      if case ReadError.digestMismatch? = error as? ReadError { needsRemoval = true }
    }
  }

  private mutating func checkCompleteness(_ history: RunHistory) {
    var counts: [String: Int] = [:]
    for entry in history.counted { counts[entry.record.task, default: 0] += 1 }
    for record in history.blocked { counts[record.task, default: 0] += 1 }
    for (task, expected) in history.expected where counts[task, default: 0] < expected {
      problems.append("\(task): \(expected - counts[task, default: 0]) of \(expected) quanta were not done yet")
    }
  }

  /// The dataset types whose files stay; `nil` for all.
  static func retained(_ folder: String) -> Set<String>? {
    guard let text = try? ConfigSet.text(ofFile: "\(folder)/\(RunDescription.name)"),
      case .mapping(let entries)? = try? YAMLText.parse(text),
      case .list(let names)? = entries.first(where: { $0.key == "retain" })?.value
    else { return nil }
    return Set(names.compactMap { if case .string(let name) = $0 { name } else { nil } })
  }

  private static func files(_ folder: String) -> [String] {
    guard let names = FileManager.default.enumerator(atPath: folder) else { return [] }
    return names.compactMap { $0 as? String }.filter { $0.hasSuffix(".h5") && $0.contains("/") }.sorted()
  }

  package var text: String {
    let summary = "\(folder): \(soundCount) datasets are what was recorded (\(bytes) bytes)\n"
    return (problems + notes.prefix(20)).map { $0 + "\n" }.joined() + summary
      + (problems.isEmpty ? "" : "\(problems.count) problems\n")
      + (needsRemoval ? "remove what is damaged, and give the run's command again: it is made anew\n" : "")
  }
}
