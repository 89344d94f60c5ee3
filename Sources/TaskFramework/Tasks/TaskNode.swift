// SPDX-License-Identifier: GPL-3.0-or-later
// A task's place in its tree.

package import Logging

/// What all tasks of a tree share: the meter, the log, and whether timers are on.
package struct TaskContext: Sendable {
  package var meter: any ResourceMeter
  package var log: Logger
  package var timersAreOn: Bool

  /// - Parameter environment: `LSST_UTILS_DISABLE_TIMER=1` switches timers off.
  package init(
    meter: any ResourceMeter = ProcessResourceMeter(),
    log: Logger = Logger(label: "skydiff") { _ in SwiftLogNoOpLogHandler() },
    environment: [String: String] = [:]
  ) {
    self.meter = meter
    self.log = log
    timersAreOn = environment["LSST_UTILS_DISABLE_TIMER"] != "1"
  }
}

/// What is read for a task before it is made: schemas above all; by the name of the connection.
package struct InitInputs: Sendable {
  private let values: [String: any Sendable]

  package init(_ values: [String: any Sendable] = [:]) { self.values = values }

  package func value<Value>(_ name: String, as _: Value.Type = Value.self) -> Value? { values[name] as? Value }
  package var names: [String] { values.keys.sorted() }
}

/// The tasks of a tree by their full names, in the order in which they were made.
package final class TaskDictionary {
  private final class Reference {
    weak var task: (any Task)?
    init(_ task: any Task) { self.task = task }
  }

  private var references: [(name: String, reference: Reference)] = []

  func register(_ task: any Task) {
    references.removeAll { $0.name == task.fullName || $0.reference.task == nil }
    // A subtask is ready before the task that it belongs to, which comes first all the same.
    let place = references.firstIndex { $0.name.hasPrefix(task.fullName + ".") } ?? references.endIndex
    references.insert((task.fullName, Reference(task)), at: place)
  }

  /// Those that are still there.
  var tasks: [(fullName: String, task: any Task)] {
    references.compactMap { entry in entry.reference.task.map { (entry.name, $0) } }
  }
}

/// A task's place in its tree, with its configuration and what it has to say.
///
/// The initialiser of a task gets its node and makes its subtasks from it.
package final class TaskNode {
  package let name: String
  package let fullName: String
  package let configuration: any Config
  package let context: TaskContext
  package let log: Logger
  package let initInputs: InitInputs
  let dictionary: TaskDictionary
  /// Subtasks by their names.
  private(set) var subtasks: [String: any Task] = [:]
  var metadata = TaskMetadata()
  private(set) var timing = TaskMetadata()

  /// For the task at the top of a tree.
  init(
    _ task: any Task.Type, config: (any Config)?, name: String?, context: TaskContext, initInputs: InitInputs
  ) throws(TaskConstructionError) {
    guard let name = name ?? task.defaultName, !name.isEmpty else { throw .nameMissing(task: task.typeName) }
    guard Self.isName(name) else { throw .invalidName(name) }
    self.name = name
    fullName = name
    self.context = context
    self.initInputs = initInputs
    configuration = try Self.checked(config ?? task.configClass.init(), for: task, fullName: name)
    dictionary = TaskDictionary()
    var log = context.log
    log[metadataKey: "task"] = "\(name)"
    self.log = log
  }

  private init(_ task: any Task.Type, config: any Config, name: String, parent: TaskNode) throws(TaskConstructionError)
  {
    self.name = name
    fullName = "\(parent.fullName).\(name)"
    context = parent.context
    initInputs = parent.initInputs
    configuration = try Self.checked(config, for: task, fullName: fullName)
    dictionary = parent.dictionary
    var log = parent.log
    log[metadataKey: "task"] = "\(fullName)"
    self.log = log
  }

  /// Dots and colons separate the names of a tree.
  private static func isName(_ name: String) -> Bool { !name.contains { $0 == "." || $0 == ":" } }

  private static func checked(
    _ config: any Config, for task: any Task.Type, fullName: String
  ) throws(TaskConstructionError) -> any Config {
    guard type(of: config) == task.configClass else {
      throw .wrongConfig(task: fullName, found: "\(type(of: config))", expected: "\(task.configClass)")
    }
    do throws(ConfigProblem) {
      try config.validateAll()
    } catch {
      throw .invalidConfig(ConfigError(error.inside(fullName), origin: .classDefault))
    }
    return config
  }

  /// The configuration as the type that the task declares.
  ///
  /// - Throws: ``TaskConstructionError/wrongConfig(task:found:expected:)``.
  package func config<C: Config>(as _: C.Type = C.self) throws(TaskConstructionError) -> C {
    guard let typed = configuration as? C else {
      throw .wrongConfig(task: fullName, found: "\(type(of: configuration))", expected: "\(C.self)")
    }
    return typed
  }

  /// Makes the subtask that the configuration's field of this name chooses.
  ///
  /// - Parameter type: what the subtask has to be, a class or a protocol; another that the field was retargeted to is an error.
  /// - Throws: ``TaskConstructionError``, and what the subtask's initialiser throws.
  package func makeSubtask<Subtask>(_ name: String, as type: Subtask.Type = Subtask.self) throws -> Subtask {
    let (target, config) = try subtaskTarget(name)
    guard Self.isName(name) else { throw TaskConstructionError.invalidName(name) }
    let child = try TaskNode(target, config: config, name: name, parent: self)
    let task: any Task = try target.init(child)
    guard let typed = task as? Subtask else {
      throw TaskConstructionError.wrongSubtask(task: "\(fullName).\(name)", found: target.typeName, expected: "\(type)")
    }
    child.register(task)
    subtasks[name] = task
    return typed
  }

  /// Enters the task that was made with this node into its tree.
  func register(_ task: any Task) { dictionary.register(task) }

  func emptyMetadata() {
    metadata = TaskMetadata()
    timing = TaskMetadata()
  }

  /// Adds what the process has used to the timing, under names with a prefix.
  func recordUsage(_ prefix: String, _ level: Logger.Level) {
    let items = context.meter.usage().items
    for (name, value) in items {
      // Only a name of the caller's own making could be of another kind; the record is then left out.
      try? timing.add(prefix + name, value)
    }
    if timing.item(atKey: "__version__") == nil {
      timing.insert("__version__", scalar: .integer(1))
      timing.insert("nodeName", scalar: .string(context.meter.nodeName))
    }
    let text = items.map { "\(prefix)\($0.name)=\($0.value.json.text())" }.joined(separator: "; ")
    log.log(level: level, "\(text)", source: "timer.\(fullName)")
  }

  private func subtaskTarget(_ name: String) throws(TaskConstructionError) -> (any Task.Type, any Config) {
    guard let maker = configuration.subtaskMaker(name) else { throw .noField(task: fullName, name: name) }
    switch maker {
    case .configurable(let field): return (field.target, field.value)
    case .registry(let field):
      guard !field.isMulti, let target = field.registry.entries.first(where: { $0.name == field.name })?.target else {
        throw .fieldMakesNoTask(task: fullName, name: name)
      }
      return (target, field.active)
    case nil: throw .fieldMakesNoTask(task: fullName, name: name)
    }
  }
}

/// Why a task could not be made.
package enum TaskConstructionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A task at the top of a tree has neither a name nor a default one (category RuntimeError).
  case nameMissing(task: String)
  case invalidName(String)
  /// The configuration has no field of the subtask's name (category KeyError).
  case noField(task: String, name: String)
  /// The field is none that chooses a task (category TypeError).
  case fieldMakesNoTask(task: String, name: String)
  case wrongConfig(task: String, found: String, expected: String)
  case wrongSubtask(task: String, found: String, expected: String)
  case invalidConfig(ConfigError)
  /// Something that has to be given to the task was not (category ValueError).
  case missingInput(task: String, what: String)

  package var category: String {
    switch self {
    case .nameMissing: "RuntimeError"
    case .noField: "KeyError"
    case .fieldMakesNoTask, .wrongConfig, .wrongSubtask: "TypeError"
    case .invalidConfig: "FieldValidationError"
    case .missingInput, .invalidName: "ValueError"
    }
  }

  package var description: String {
    switch self {
    case .nameMissing(let task): "\(task) has no default name, so it needs one"
    case .invalidName(let name): "a task cannot be named \"\(name)\": dots and colons separate names"
    case .noField(let task, let name): "task \(task): its configuration has no field \"\(name)\""
    case .fieldMakesNoTask(let task, let name): "task \(task): the field \"\(name)\" chooses no task"
    case .wrongConfig(let task, let found, let expected): "task \(task): its configuration is \(found), not \(expected)"
    case .wrongSubtask(let task, let found, let expected): "task \(task) is \(found), which is no \(expected)"
    case .invalidConfig(let error): error.description
    case .missingInput(let task, let what): "task \(task): \(what)"
    }
  }
}
