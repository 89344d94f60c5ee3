// SPDX-License-Identifier: GPL-3.0-or-later
// Named, configured units of work that report on themselves.

package import Catalogs
package import Logging
package import OrderedCollections

/// A named, configured unit of work that reports on itself; tasks form a tree (framework C.1).
///
/// A subclass keeps its typed configuration and its subtasks, both from the setup:
///
///     final class AddMultTask: Task {
///       override class var configClass: any Config.Type { AddMultConfig.self }
///       override class var defaultName: String? { "addMult" }
///       let config: AddMultConfig
///       let add: AddTask
///
///       required init(_ setup: TaskSetup) throws {
///         config = try setup.config()
///         add = try setup.makeSubtask("add")
///         try super.init(setup)
///       }
///     }
///
/// A task is used by one thread. It has no clock and no log but those of its context.
package class Task {
  /// The type of the configuration.
  package class var configClass: any Config.Type { EmptyConfig.self }
  /// The name of such a task at the top of a tree; `nil` when it must be given one.
  package class var defaultName: String? { nil }
  /// Whether quanta may run on several ranks.
  package class var canMultiprocess: Bool { true }
  /// Changes the configuration after the instrument's overrides and before those of the command line; nothing unless overridden.
  package class func applyOverrides(_ config: inout LoadedConfig) throws {}

  /// The class's name, as files choose it.
  package class var typeName: String { "\(self)" }

  private let setup: TaskSetup
  /// What the task found out: equal for equal input, stored with its outputs.
  package var metadata = TaskMetadata()
  /// When and at what cost it worked: never in a product.
  package private(set) var timing = TaskMetadata()

  package required init(_ setup: TaskSetup) throws {
    self.setup = setup
    setup.dictionary.register(self)
  }

  /// A task at the top of a tree.
  ///
  /// - Parameters:
  ///   - config: the defaults when left out.
  ///   - name: ``defaultName`` when left out.
  /// - Throws: ``TaskConstructionError``, and what the initialisers of the tree throw.
  package convenience init(
    config: (any Config)? = nil, name: String? = nil, context: TaskContext = TaskContext(),
    initInputs: InitInputs = InitInputs()
  ) throws {
    try self.init(TaskSetup(Self.self, config: config, name: name, context: context, initInputs: initInputs))
  }

  // MARK: - The tree

  /// The last part of the full name.
  package var name: String { setup.name }
  /// The names from the top of the tree down to this task, with dots: `top.sub.sub2`.
  package var fullName: String { setup.fullName }
  package var log: Logger { setup.log }
  package var context: TaskContext { setup.context }
  package var initInputs: InitInputs { setup.initInputs }

  /// All tasks of the tree by full name, in the order in which they were made; the same from every member.
  package var taskDict: OrderedDictionary<String, Task> {
    OrderedDictionary(setup.dictionary.tasks.map { ($0.fullName, $0.task) }) { $1 }
  }

  /// The subtask of a name, `nil` when there is none.
  package func subtask(_ name: String) -> Task? { setup.subtasks[name] }

  /// Makes a subtask after construction.
  ///
  /// - Throws: as ``TaskSetup/makeSubtask(_:as:)``.
  @discardableResult
  package func makeSubtask<Subtask>(_ name: String, as type: Subtask.Type = Subtask.self) throws -> Subtask {
    try setup.makeSubtask(name, as: type)
  }

  /// A field for a configuration that uses this task as a subtask.
  package class func makeField(_ doc: String, alternatives: [Task.Type] = []) -> ConfigurableField {
    ConfigurableField(self, alternatives: alternatives, doc: doc)
  }

  // MARK: - Metadata

  /// The metadata of the whole tree, timing included: nodes named after full names, with `:` for `.`.
  ///
  /// An item is reached as `top:sub:sub2.item`; the same from every member of the tree.
  package func fullMetadata() -> TaskMetadata {
    collect { task in
      var both = task.metadata
      both.merge(task.timing)
      return both
    }
  }

  /// As ``fullMetadata()``, without what depends on when and where the tasks ran: what products store.
  package func fullValues() -> TaskMetadata { collect(\.metadata) }

  /// As ``fullMetadata()``, timing alone.
  package func fullTiming() -> TaskMetadata { collect(\.timing) }

  private func collect(_ part: (Task) -> TaskMetadata) -> TaskMetadata {
    var result = TaskMetadata()
    for (fullName, task) in setup.dictionary.tasks {
      result.insert(fullName.replacingDots, node: part(task))
    }
    return result
  }

  /// Forgets the metadata of every task of the tree.
  package func emptyMetadata() {
    for (_, task) in setup.dictionary.tasks {
      task.metadata = TaskMetadata()
      task.timing = TaskMetadata()
    }
  }

  /// Records time and resources before and after some work, also when it throws: items `NAMEStart…` and `NAMEEnd…` of
  /// ``timing``, one more at each call.
  package func timer<Result, Failure: Error>(
    _ name: String, logLevel: Logger.Level = .debug, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard context.timersAreOn else { return try body() }
    recordUsage(name + "Start", logLevel)
    defer { recordUsage(name + "End", logLevel) }
    return try body()
  }

  private func recordUsage(_ prefix: String, _ level: Logger.Level) {
    let items = context.meter.usage().items
    for (name, value) in items {
      // Only a name of the caller's own making could be of another kind; the record is then left out.
      try? timing.add(prefix + name, value)
    }
    if timing.item(atKey: "__version__") == nil {
      timing.insert("__version__", scalar: .integer(1))
      timing.insert("nodeName", scalar: .string(context.meter.nodeName))
    }
    log.log(
      level: level,
      "\(items.map { "\(prefix)\($0.name)=\($0.value.json.text())" }.joined(separator: "; "))",
      source: "timer.\(fullName)")
  }

  // MARK: - Schemas

  /// Empty catalogs that show the schemas of what this task writes, by dataset type; known from construction on.
  package func schemaCatalogs() -> [String: Catalog] { [:] }

  /// Those of the whole tree; the same from every member.
  package func allSchemaCatalogs() -> [String: Catalog] {
    setup.dictionary.tasks.reduce(into: [:]) { all, entry in
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
