// SPDX-License-Identifier: GPL-3.0-or-later
// A job as a rank gets it.

internal import OrderedCollections
internal import Scheduling
internal import TaskFramework

/// What a rank has to know of a job: it reads no job file and plans nothing.
struct WorkerJob: Sendable {
  let repository: String
  let run: String
  let session: Int
  let entries: [PipelineEntry]
  let configs: ConfigSet
  let execution: ExecutionConfig
  let graph: PipelineGraph
  let writesMetadata: Set<String>

  init(_ job: Job, session: Int) throws {
    repository = job.repository
    run = job.run
    self.session = session
    entries = job.pipeline
    configs = job.configs
    execution = job.execution
    writesMetadata = job.writesMetadata
    graph = try PipelineGraph(job)
  }

  var runFolder: String { "\(repository)/runs/\(run)" }

  static func encode(_ job: Job) -> [UInt8] {
    var out = WireWriter()
    out.put(job.repository)
    out.put(job.run)
    out.put(ConfigText.yaml("execution", job.execution.tree))
    out.put(job.writesMetadata.sorted()) { $0.put($1) }
    out.put(job.pipeline) { out, entry in
      out.put(entry.label)
      out.put(entry.type.typeName)
      // Without what the fields mean: only the values are read again.
      out.put(job.configs[entry.label].map { ConfigText.yaml(entry.label, $0.config.tree.withoutDocs) } ?? "")
    }
    return out.bytes
  }

  /// - Throws: ``Scheduling/WireError``, and what a configuration throws that this program does not know.
  init(decoding bytes: [UInt8], session: Int, _ registry: TaskRegistry) throws {
    var reader = WireReader(bytes)
    let repository = try reader.string()
    let run = try reader.string()
    var execution = LoadedConfig("execution", ExecutionConfig())
    let origin = ConfigOrigin.code("rank 0")
    if case .mapping(let entries) = try YAMLText.parse(try reader.string()), let own = entries.first {
      try execution.apply(own.value, from: origin)
    }
    let writesMetadata = try reader.list { reader throws(WireError) in try reader.string() }
    var entries: [PipelineEntry] = []
    var yamls: [String] = []
    for (label, name, yaml) in try reader.list({ reader throws(WireError) in
      (try reader.string(), try reader.string(), try reader.string())
    }) {
      guard let type = registry[name] else { throw WireError("this rank's program has no task \(name)") }
      entries.append(PipelineEntry(label: label, type: type))
      yamls.append(yaml)
    }
    try reader.expectEnd()
    var configs = ConfigSet(entries.map { ($0.label, $0.type.configClass.init()) })
    for yaml in yamls { try configs.apply(try YAMLText.parse(yaml), from: origin) }
    try configs.freeze()
    var job = Job(
      repository: repository, run: run, pipeline: entries, configs: configs,
      execution: execution.config as? ExecutionConfig ?? ExecutionConfig(), origin: "rank 0")
    job.writesMetadata = Set(writesMetadata)
    try self.init(job, session: session)
  }
}

extension ConfigTree {
  /// The same without the meanings of fields.
  var withoutDocs: ConfigTree {
    switch self {
    case .leaf: self
    case .group(let members): .group(members.map { ($0.name, "", $0.tree.withoutDocs) })
    }
  }
}
