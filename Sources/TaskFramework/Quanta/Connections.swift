// SPDX-License-Identifier: GPL-3.0-or-later
// What a task reads and writes.

internal import Catalogs

/// A dataset type that a task reads or writes (framework C.6).
package struct Connection: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// Read before the task is made.
    case initInput
    /// Known once the task is made.
    case initOutput
    /// Never made by the same graph.
    case prerequisiteInput
    case input
    case output
  }

  /// How a dataset is stored.
  package enum StorageClass: String, Hashable, Sendable {
    case exposure = "ExposureF"
    case sourceCatalog = "SourceCatalog"
    case table = "ArrowAstropy"
    case background = "Background"
    case kernel = "MatchingKernel"
    case image = "ImageU"
    case metadata = "TaskMetadata"
    case wcs = "Wcs"
    case skyMap = "SkyMap"
    case instrument = "Instrument"
  }

  /// The name of the task's argument.
  package let argument: String
  package let kind: Kind
  /// The dataset type's name; `{template}` stands for a template's value.
  package var datasetType: String
  package let storageClass: StorageClass
  package let dimensions: Set<Dimension>
  package let doc: String
  /// Whether there may be several.
  package let multiple: Bool
  /// The fewest without which there is no work; more than 1 only with `multiple`.
  package let minimum: Int
  /// Whether the task reads it itself, in parts.
  package let deferLoad: Bool
  /// Whether its absence removes a quantum from the graph.
  package let constrainsGraph: Bool
  /// Of which visits it has data.
  package let visits: VisitRole
  /// How many pixels beyond an exposure's edges a patch may be and still be read.
  package let margin: Int

  package init(
    _ argument: String, _ kind: Kind, _ datasetType: String, _ storageClass: StorageClass,
    dimensions: Set<Dimension> = [], multiple: Bool = false, minimum: Int = 1, deferLoad: Bool = false,
    constrainsGraph: Bool = true, visits: VisitRole = .all, margin: Int = 0, doc: String
  ) {
    self.argument = argument
    self.kind = kind
    self.datasetType = datasetType
    self.storageClass = storageClass
    self.dimensions = dimensions
    self.multiple = multiple
    self.minimum = minimum
    self.deferLoad = deferLoad
    self.constrainsGraph = constrainsGraph
    self.visits = visits
    self.margin = margin
    self.doc = doc
  }
}

/// What a visit is there for: a job says which visits the template is made of; the others are subtracted.
package enum VisitRole: Hashable, Sendable {
  case all
  case template
  case science
}

/// All connections of a task, and what its quanta are about.
package struct Connections: Hashable, Sendable {
  /// What a quantum is about.
  package var dimensions: Set<Dimension>
  /// Which visits have quanta.
  package let visits: VisitRole
  /// Parts of dataset types' names that a configuration may change, with their defaults: `coaddName: deep`.
  package let templates: [String: String]
  /// A task may take out connections that its configuration makes needless.
  package var all: [Connection]

  /// - Throws: ``ConnectionsError`` for a declaration that contradicts itself.
  package init(
    dimensions: Set<Dimension>, visits: VisitRole = .all, templates: [String: String] = [:], _ connections: [Connection]
  ) throws(ConnectionsError) {
    self.dimensions = dimensions
    self.visits = visits
    self.templates = templates
    all = connections
    var arguments: Set<String> = []
    for connection in connections {
      guard arguments.insert(connection.argument).inserted else {
        throw ConnectionsError("connection \(connection.argument) is there twice")
      }
      guard templates[connection.argument] == nil else {
        throw ConnectionsError("\(connection.argument) is both a connection and a template")
      }
      guard connection.minimum <= 1 || connection.multiple, connection.minimum >= 0 else {
        throw ConnectionsError("connection \(connection.argument): a minimum of \(connection.minimum) needs `multiple`")
      }
      guard connection.margin == 0 || (1...10_000).contains(connection.margin) && connection.kind == .input else {
        throw ConnectionsError("connection \(connection.argument): a margin is for inputs, 0 to 10000 pixels")
      }
      let isInit = connection.kind == .initInput || connection.kind == .initOutput
      guard !isInit || connection.dimensions.isEmpty else {
        throw ConnectionsError("connection \(connection.argument) is known before any data ID, so it has no dimensions")
      }
      guard connection.kind != .output || !connection.dimensions.isEmpty || dimensions.isEmpty else {
        throw ConnectionsError("connection \(connection.argument): each quantum would write the same dataset")
      }
    }
    _ = try resolved(templates: [:], names: [:])
  }

  package subscript(argument: String) -> Connection? { all.first { $0.argument == argument } }

  package func connections(_ kind: Connection.Kind) -> [Connection] { all.filter { $0.kind == kind } }

  /// The connections with the names that a configuration gives: templates filled in, whole names replaced.
  ///
  /// - Throws: ``ConnectionsError`` for a template or connection that is not there, or a name that no file could have.
  package func resolved(templates changed: [String: String], names: [String: String]) throws(ConnectionsError)
    -> Connections
  {
    for name in changed.keys.sorted() where templates[name] == nil {
      throw ConnectionsError(
        "there is no template \(name)"
          + (nearestName(to: name, among: templates.keys.sorted()).map { "; did you mean \($0)?" } ?? ""))
    }
    for name in names.keys.sorted() where self[name] == nil {
      throw ConnectionsError(
        "there is no connection or template \(name)"
          + (nearestName(to: name, among: all.map(\.argument) + templates.keys.sorted()).map { "; did you mean \($0)?" }
            ?? ""))
    }
    let values = templates.merging(changed) { $1 }
    var result = self
    for i in all.indices {
      var name = names[all[i].argument] ?? all[i].datasetType
      for (template, value) in values {
        name = name.split(separator: "{\(template)}", omittingEmptySubsequences: false).joined(separator: value)
      }
      guard Field.isName(name) else {
        throw ConnectionsError(
          "connection \(all[i].argument): \"\(name)\" is no name of a dataset type: letters, digits and _")
      }
      result.all[i].datasetType = name
    }
    return result
  }
}

/// A declaration of connections that contradicts itself, or names that do not fit it.
package struct ConnectionsError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
