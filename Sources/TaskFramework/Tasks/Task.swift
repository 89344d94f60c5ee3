// SPDX-License-Identifier: GPL-3.0-or-later
// Named, configured units of work that report on themselves.

package import Catalogs
package import Logging
package import OrderedCollections

/// A named, configured unit of work that reports on itself; tasks form a tree (framework C.1).
///
/// A task keeps its node, its typed configuration and its subtasks:
///
///     final class AddMultTask: Task {
///       static let defaultName: String? = "addMult"
///       let node: TaskNode
///       let config: AddMultConfig
///       let add: AddTask
///
///       init(_ node: TaskNode) throws {
///         self.node = node
///         config = try node.config()
///         add = try node.makeSubtask("add")
///       }
///     }
///
/// A task is used by one thread. It has no clock and no log but those of its context.
package protocol Task: AnyObject, SendableMetatype {
  associatedtype ConfigClass: Config
  /// The name of such a task at the top of a tree; `nil` when it must be given one.
  static var defaultName: String? { get }
  /// Whether quanta may run on several ranks.
  static var canMultiprocess: Bool { get }
  /// Changes the configuration after the instrument's overrides and before those of the command line; nothing unless defined.
  static func applyOverrides(_ config: inout LoadedConfig) throws

  /// The task's place in its tree; keeps name, metadata and log.
  var node: TaskNode { get }
  var config: ConfigClass { get }
  init(_ node: TaskNode) throws
  /// Empty catalogs that show the schemas of what this task writes, by dataset type; known from construction on.
  func schemaCatalogs() -> [String: Catalog]
}

extension Task {
  package static var defaultName: String? { nil }
  package static var canMultiprocess: Bool { true }
  package static func applyOverrides(_ config: inout LoadedConfig) throws {}
  package func schemaCatalogs() -> [String: Catalog] { [:] }

  /// The type of the configuration.
  package static var configClass: any Config.Type { ConfigClass.self }
  /// The class's name, as files choose it.
  package static var typeName: String { "\(self)" }

  /// Makes a task at the top of a tree.
  ///
  /// - Parameters:
  ///   - config: the defaults when left out.
  ///   - name: ``defaultName`` when left out.
  /// - Throws: ``TaskConstructionError``, and what the initialisers of the tree throw.
  package init(
    config: (any Config)? = nil, name: String? = nil, context: TaskContext = TaskContext(),
    initInputs: InitInputs = InitInputs()
  ) throws {
    let node = try TaskNode(Self.self, config: config, name: name, context: context, initInputs: initInputs)
    try self.init(node)
    node.register(self)
  }

  /// A field for a configuration that uses this task as a subtask.
  package static func makeField(_ doc: String, alternatives: [any Task.Type] = []) -> ConfigurableField {
    ConfigurableField(self, alternatives: alternatives, doc: doc)
  }

  // MARK: - The tree

  /// The last part of the full name.
  package var name: String { node.name }
  /// The names from the top of the tree down to this task, with dots: `top.sub.sub2`.
  package var fullName: String { node.fullName }
  package var log: Logger { node.log }
  package var context: TaskContext { node.context }
  package var initInputs: InitInputs { node.initInputs }

  /// All tasks of the tree by full name, in the order in which they were made; the same from every member.
  package var taskDict: OrderedDictionary<String, any Task> {
    OrderedDictionary(node.dictionary.tasks.map { ($0.fullName, $0.task) }) { $1 }
  }

  /// The subtask of a name, `nil` when there is none.
  package func subtask(_ name: String) -> (any Task)? { node.subtasks[name] }

  /// Makes a subtask after construction.
  ///
  /// - Throws: as ``TaskNode/makeSubtask(_:as:)``.
  @discardableResult
  package func makeSubtask<Subtask>(_ name: String, as type: Subtask.Type = Subtask.self) throws -> Subtask {
    try node.makeSubtask(name, as: type)
  }

  // MARK: - Metadata

  /// What the task found out: equal for equal input, stored with its outputs.
  package var metadata: TaskMetadata {
    get { node.metadata }
    _modify { yield &node.metadata }
  }

  /// When and at what cost it worked: never in a product.
  package var timing: TaskMetadata { node.timing }

  /// The metadata of the whole tree, timing included: nodes named after full names, with `:` for `.`.
  ///
  /// An item is reached as `top:sub:sub2.item`; the same from every member of the tree.
  package func fullMetadata() -> TaskMetadata {
    collect { task in
      var both = task.node.metadata
      both.merge(task.node.timing)
      return both
    }
  }

  /// As ``fullMetadata()``, without what depends on when and where the tasks ran: what products store.
  package func fullValues() -> TaskMetadata { collect { $0.node.metadata } }

  /// As ``fullMetadata()``, timing alone.
  package func fullTiming() -> TaskMetadata { collect { $0.node.timing } }

  private func collect(_ part: (any Task) -> TaskMetadata) -> TaskMetadata {
    var result = TaskMetadata()
    for (fullName, task) in node.dictionary.tasks {
      result.insert(fullName.replacingDots, node: part(task))
    }
    return result
  }

  /// Forgets the metadata of every task of the tree.
  package func emptyMetadata() {
    for (_, task) in node.dictionary.tasks { task.node.emptyMetadata() }
  }

  /// Records time and resources before and after some work, also when it throws: items `NAMEStart…` and `NAMEEnd…` of
  /// ``timing``, one more at each call.
  package func timer<Result, Failure: Error>(
    _ name: String, logLevel: Logger.Level = .debug, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard context.timersAreOn else { return try body() }
    node.recordUsage(name + "Start", logLevel)
    defer { node.recordUsage(name + "End", logLevel) }
    return try body()
  }

  // MARK: - Schemas

  /// The schema catalogs of the whole tree; the same from every member.
  package func allSchemaCatalogs() -> [String: Catalog] {
    node.dictionary.tasks.reduce(into: [:]) { all, entry in
      all.merge(entry.task.schemaCatalogs()) { _, later in later }
    }
  }
}

/// The configuration of a task that has nothing to configure.
package struct EmptyConfig: Config {
  package init() {}
  package static let fields: [ConfigField<EmptyConfig>] = []
}

extension String {
  fileprivate var replacingDots: String { String(map { $0 == "." ? ":" : $0 }) }
}

/// Seconds between the last start and the last end of a timer of a task.
///
/// - Parameters:
///   - metadata: of the task itself, not of a whole tree; `nil` has no duration.
///   - clock: `Cpu`, `User` or `System`.
/// - Returns: `nil` when the timer did not run to its end.
package func duration(of timer: String, in metadata: TaskMetadata?, clock: String = "Cpu") -> Double? {
  guard let start = try? metadata?.double("\(timer)Start\(clock)Time"),
    let end = try? metadata?.double("\(timer)End\(clock)Time")
  else { return nil }
  return end - start
}
