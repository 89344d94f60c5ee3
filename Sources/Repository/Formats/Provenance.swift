// SPDX-License-Identifier: GPL-3.0-or-later
// How a product was made.

internal import Digests
internal import HDF5

/// This program.
package enum Software {
  package static let name = "skydiff"
  package static let version = "0.1.0"
}

/// How a product was made: enough to make it again, nothing that differs from run to run (anchors 3.5).
package struct Provenance: Hashable, Sendable {
  /// A dataset that was read, by what it is about, never by where it lay.
  package struct Input: Hashable, Sendable {
    package let datasetType: String
    /// As ``TaskFramework/DataID/description``.
    package let dataID: String
    /// Of an input's file; 0 and empty for what the same run made, which its recipe names.
    package let size: Int
    package let sha256: String
    /// As ``Provenance/recipe`` of the input; empty for what was there before the run.
    package let recipe: String

    package init(datasetType: String, dataID: String, digest: FileDigest) {
      self.init(datasetType: datasetType, dataID: dataID, size: digest.size, sha256: digest.sha256, recipe: "")
    }

    /// An input that the same run made: in memory or as a file, which makes no difference.
    package init(datasetType: String, dataID: String, recipe: String) {
      self.init(datasetType: datasetType, dataID: dataID, size: 0, sha256: "", recipe: recipe)
    }

    fileprivate init(datasetType: String, dataID: String, size: Int, sha256: String, recipe: String) {
      self.datasetType = datasetType
      self.dataID = dataID
      self.size = size
      self.sha256 = sha256
      self.recipe = recipe
    }
  }

  package var software = Software.name
  package var version = Software.version
  package var datasetType = ""
  package var dataID = ""
  /// The task's label in the pipeline.
  package var task = ""
  /// Its whole configuration.
  package var configYAML = ""
  package var inputs: [Input] = []
  /// SHA-256 of task, configuration, data ID and the recipes or contents of all inputs: equal exactly for equal work.
  ///
  /// Empty for what no campaign made.
  package var recipe = ""
  /// Versions of libraries on which numbers depend, by name.
  package var libraries: [String: String] = [:]

  package init() {}
}

extension Provenance {
  func write(to group: HDF5Group) throws {
    try group.setAttribute("software", software)
    try group.setAttribute("version", version)
    try group.setAttribute("dataset_type", datasetType)
    try group.setAttribute("data_id", dataID)
    try group.setAttribute("task", task)
    if !recipe.isEmpty { try group.setAttribute("recipe", recipe) }
    for (name, version) in libraries.sorted(by: { $0.key < $1.key }) {
      try group.setAttribute("library_\(name)", version)
    }
    if !configYAML.isEmpty {
      try group.setAttribute("config_sha256", SHA256.hex(configYAML))
      try group.writeStrings("config_yaml", [configYAML])
    }
    if !inputs.isEmpty {
      func length(_ texts: [String]) -> Int { max(1, texts.map(\.utf8.count).max() ?? 1) }
      let (types, ids) = (inputs.map(\.datasetType), inputs.map(\.dataID))
      try group.writeTable(
        "inputs",
        [
          HDF5Column("dataset_type", types, length: length(types)), HDF5Column("data_id", ids, length: length(ids)),
          HDF5Column("size", inputs.map { Int64($0.size) }), HDF5Column("sha256", inputs.map(\.sha256), length: 64),
          HDF5Column("recipe", inputs.map(\.recipe), length: 64),
        ], rowCount: inputs.count)
    }
  }

  init(reading group: HDF5Group) throws {
    self.init()
    software = try group.string("software")
    version = try group.string("version")
    datasetType = try group.string("dataset_type")
    dataID = try group.string("data_id")
    task = try group.string("task")
    if group.hasAttribute("recipe") { recipe = try group.string("recipe") }
    for name in try group.attributeNames where name.hasPrefix("library_") {
      libraries[String(name.dropFirst("library_".count))] = try group.string(name)
    }
    if group.contains("config_yaml") {
      let texts = try group.dataset("config_yaml").readStrings()
      guard texts.count == 1 else {
        throw FormatError(
          file: group.file, object: "provenance/config_yaml", reason: "\(texts.count) texts, expected 1")
      }
      configYAML = texts[0]
    }
    if group.contains("inputs") {
      let (columns, rowCount) = try group.dataset("inputs").readTable()
      func column(_ name: String) throws -> HDF5Column {
        guard let column = columns.first(where: { $0.name == name }) else {
          throw HDF5Error.missing(file: group.file, object: "provenance/inputs: column \(name)")
        }
        return column
      }
      guard let types = try column("dataset_type").strings, let ids = try column("data_id").strings,
        let sizes = try column("size").numbers(Int64.self), let digests = try column("sha256").strings
      else { throw FormatError(file: group.file, object: "provenance/inputs", reason: "a column is of another type") }
      let recipes = columns.contains { $0.name == "recipe" } ? try column("recipe").strings : nil
      inputs = (0..<rowCount).map {
        Input(
          datasetType: types[$0], dataID: ids[$0], size: Int(sizes[$0]), sha256: digests[$0],
          recipe: recipes?[$0] ?? "")
      }
    }
  }
}
