// SPDX-License-Identifier: GPL-3.0-or-later
// What differs between two runs.

internal import Catalogs
internal import Foundation
internal import Imaging
internal import Reporting
internal import Repository
internal import TaskFramework

/// What differs between two runs: configuration, outcomes, datasets, and in those pixels, columns and metadata.
package struct RunComparison {
  private var lines: [String] = []
  private var sameCount = 0

  package var isEqual: Bool { lines.isEmpty }

  /// - Throws: ``Repository/ReadError`` where there is no run.
  package init(_ first: String, _ second: String) throws {
    let (a, b) = (try RunReport.history(of: first), try RunReport.history(of: second))
    compareConfigs(first, second)
    compareOutcomes(a, b)
    let (own, other) = (a.products, b.products)
    for path in Set(own.keys).union(other.keys).sorted() {
      switch (own[path], other[path]) {
      case (let x?, let y?):
        let type = String(path.prefix { $0 != "/" })
        // What only other tasks needed is gone by design.
        let isKept = [first, second].allSatisfy { RunVerification.retained($0)?.contains(type) ?? true }
        if x == y {
          if isKept { expectEqual(path, [(first, x), (second, y)]) }
        } else if isKept {
          compareFiles(path, "\(first)/\(path)", "\(second)/\(path)")
        }
      case (_?, nil): lines.append("\(path): only in \(first)")
      default: lines.append("\(path): only in \(second)")
      }
    }
  }

  package var text: String {
    lines.map { $0 + "\n" }.joined() + "\(sameCount) datasets are equal" + (isEqual ? ", and nothing differs\n" : "\n")
  }

  /// Records that agree are not enough: the files have to be what they say.
  private mutating func expectEqual(_ path: String, _ files: [(folder: String, digest: FileDigest)]) {
    var isSound = true
    for (folder, digest) in files {
      do throws(ReadError) {
        _ = try readFile("\(folder)/\(path)", expecting: digest)
      } catch {
        lines.append("\(error)")
        isSound = false
      }
    }
    if isSound { sameCount += 1 }
  }

  private mutating func compareConfigs(_ first: String, _ second: String) {
    guard let a = try? RunDescription.Earlier("\(first)/\(RunDescription.name)"),
      let b = try? RunDescription.Earlier("\(second)/\(RunDescription.name)")
    else { return }
    let others = Dictionary(b.configs.map { ($0.label, Self.leaves($0.value)) }) { first, _ in first }
    for (label, value) in a.configs {
      guard let other = others[label] else {
        lines.append("config: \(label) only in \(first)")
        continue
      }
      let own = Self.leaves(value)
      for path in Set(own.keys).union(other.keys).sorted() where own[path] != other[path] {
        lines.append("config: \(label).\(path): \(own[path] ?? "nothing") / \(other[path] ?? "nothing")")
      }
    }
    for label in others.keys.sorted() where !a.configs.contains(where: { $0.label == label }) {
      lines.append("config: \(label) only in \(second)")
    }
  }

  private static func leaves(_ value: ConfigValue, _ path: String = "") -> [String: String] {
    guard case .mapping(let entries) = value else { return [path: ConfigText.inline(value)] }
    return entries.reduce(into: [:]) { result, entry in
      result.merge(leaves(entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)")) { own, _ in own }
    }
  }

  private mutating func compareOutcomes(_ a: RunHistory, _ b: RunHistory) {
    func outcomes(_ history: RunHistory) -> [RunHistory.QuantumKey: String] {
      history.counted.reduce(into: [:]) { result, entry in
        let key = RunHistory.QuantumKey(task: entry.record.task, dataID: entry.record.dataID)
        switch entry.record.outcome {
        case .succeeded(let caveats): result[key] = caveats.isEmpty ? "succeeded" : "succeeded (\(caveats.conciseCode))"
        case .failed(let category, _): result[key] = "failed (\(category))"
        case .blocked: result[key] = "blocked"
        }
      }
    }
    let (own, other) = (outcomes(a), outcomes(b))
    let keys = Set(own.keys).union(other.keys).sorted { ($0.task, $0.dataID) < ($1.task, $1.dataID) }
    for key in keys where own[key] != other[key] {
      lines.append("\(key.task) of \(key.dataID): \(own[key] ?? "not done") / \(other[key] ?? "not done")")
    }
  }

  private mutating func compareFiles(_ name: String, _ first: String, _ second: String) {
    do {
      let (a, b) = (try readFile(first), try readFile(second))
      let (formatA, formatB) = (try formatName(of: a, name: first), try formatName(of: b, name: second))
      guard formatA == formatB else {
        lines.append("\(name): a \(formatA ?? "foreign file") / a \(formatB ?? "foreign file")")
        return
      }
      let before = lines.count
      switch formatA {
      case Exposure.formatName:
        let (x, y) = (try Dataset<Exposure>(decoding: a, name: first), try Dataset<Exposure>(decoding: b, name: second))
        comparePixels(name, x.content, y.content)
        compareMetadata(name, x.metadata, y.metadata)
      case Catalog.formatName:
        let (x, y) = (try Dataset<Catalog>(decoding: a, name: first), try Dataset<Catalog>(decoding: b, name: second))
        compareTables(name, x.content, y.content)
        compareMetadata(name, x.metadata, y.metadata)
      case MetadataOnly.formatName:
        let x = try Dataset<MetadataOnly>(decoding: a, name: first)
        compareMetadata(name, x.metadata, try Dataset<MetadataOnly>(decoding: b, name: second).metadata)
      case Image<UInt16>.formatName:
        let (x, y) = (
          try Dataset<Image<UInt16>>(decoding: a, name: first), try Dataset<Image<UInt16>>(decoding: b, name: second)
        )
        compareCounts(name, x.content, y.content)
        compareMetadata(name, x.metadata, y.metadata)
      case BackgroundList.formatName:
        let (x, y) = (
          try Dataset<BackgroundList>(decoding: a, name: first), try Dataset<BackgroundList>(decoding: b, name: second)
        )
        compareBackgrounds(name, x.content, y.content)
        compareMetadata(name, x.metadata, y.metadata)
      case MatchingKernel.formatName:
        let (x, y) = (
          try Dataset<MatchingKernel>(decoding: a, name: first), try Dataset<MatchingKernel>(decoding: b, name: second)
        )
        if x.content != y.content { lines.append("\(name): the matching kernels differ") }
        compareMetadata(name, x.metadata, y.metadata)
      default: lines.append("\(name): the files differ; skydiff cannot say in what")
      }
      if lines.count == before { lines.append("\(name): the contents are equal, how they were made differs") }
    } catch {
      lines.append("\(error)")
    }
  }

  private mutating func comparePixels(_ name: String, _ a: Exposure, _ b: Exposure) {
    guard a.box == b.box else {
      lines.append("\(name): the boxes are \(a.box) / \(b.box)")
      return
    }
    func difference(_ plane: String, _ x: Image<Float>, _ y: Image<Float>) {
      var (count, largest) = (0, Float(0))
      for (p, q) in zip(x.pixels, y.pixels) where p != q && !(p.isNaN && q.isNaN) {
        count += 1
        largest = max(largest, abs(p - q))
      }
      if count > 0 { lines.append("\(name): \(plane): \(count) pixels differ, by \(largest) at most") }
    }
    difference("image", a.maskedImage.image, b.maskedImage.image)
    difference("variance", a.maskedImage.variance, b.maskedImage.variance)
    let masked = zip(a.maskedImage.mask.bits.pixels, b.maskedImage.mask.bits.pixels).count { $0 != $1 }
    if masked > 0 { lines.append("\(name): mask: \(masked) pixels differ") }
  }

  private mutating func compareCounts(_ name: String, _ a: Image<UInt16>, _ b: Image<UInt16>) {
    guard a.box == b.box else {
      lines.append("\(name): the boxes are \(a.box) / \(b.box)")
      return
    }
    let count = zip(a.pixels, b.pixels).count { $0 != $1 }
    if count > 0 { lines.append("\(name): \(count) pixels differ") }
  }

  private mutating func compareBackgrounds(_ name: String, _ a: BackgroundList, _ b: BackgroundList) {
    guard a.unit == b.unit, a.models.map(\.background.box) == b.models.map(\.background.box),
      a.models.map(\.background.values.box) == b.models.map(\.background.values.box)
    else {
      lines.append("\(name): the grids of cells differ")
      return
    }
    var (count, largest) = (0, Float(0))
    for (x, y) in zip(a.models, b.models) {
      for (p, q) in zip(x.background.values.pixels, y.background.values.pixels) where p != q && !(p.isNaN && q.isNaN) {
        count += 1
        largest = max(largest, abs(p - q))
      }
      if x.interpolation != y.interpolation || x.approximation != y.approximation {
        lines.append("\(name): surfaces are drawn in different ways")
      }
    }
    if count > 0 { lines.append("\(name): \(count) cells differ, by \(largest) \(a.unit.rawValue) at most") }
  }

  private mutating func compareTables(_ name: String, _ a: Catalog, _ b: Catalog) {
    guard a.rowCount == b.rowCount else {
      lines.append("\(name): \(a.rowCount) rows / \(b.rowCount) rows")
      return
    }
    for difference in a.schema.differences(from: b.schema) { lines.append("\(name): \(difference)") }
    guard a.schema == b.schema else { return }
    for (place, field) in a.schema.fields.enumerated() where a.storage(place) != b.storage(place) {
      lines.append("\(name): the column \(field.name) differs")
    }
  }

  private mutating func compareMetadata(_ name: String, _ a: TaskMetadata, _ b: TaskMetadata) {
    let keys = a.paramNames().union(b.paramNames()).sorted()
    for key in keys where a.item(atKey: key) != b.item(atKey: key) {
      func text(_ metadata: TaskMetadata) -> String {
        switch metadata.item(atKey: key) {
        case .scalar(let value): value.json.text()
        case .array(let values): "\(values.count) values"
        case .node: "a node"
        case nil: "nothing"
        }
      }
      lines.append("\(name): metadata \(key): \(text(a)) / \(text(b))")
    }
  }
}
