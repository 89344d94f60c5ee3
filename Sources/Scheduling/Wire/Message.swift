// SPDX-License-Identifier: GPL-3.0-or-later
// What coordinator and workers say to one another.

/// A message between the coordinator and a worker.
package enum Message: Hashable, Sendable {
  /// A worker: here I am.
  case hello(Hello)
  /// The coordinator: this is the job, and this is where I am.
  case welcome(session: Int, host: String, processID: Int32, job: [UInt8])
  /// The coordinator: there is no job, since planning failed or nothing is to be done.
  case dismissed
  case assign([Order])
  /// A worker: this is how a unit ended.
  case result(Result)
  /// A worker is alive, and has this much memory in use.
  case heartbeat(memory: Int64)
  /// The coordinator is alive.
  case acknowledge
  /// The coordinator: you get no more work; leave.
  case retire
  /// The coordinator: all is over; collect from these ranks, give the sum to that one.
  case release(parent: Int, children: [Int])
  /// What was collected; empty when a part of it could not be had.
  case collected([UInt8])

  package struct Hello: Hashable, Sendable {
    package let host: String
    package let processID: Int32
    package let softwareVersion: String

    package init(host: String, processID: Int32, softwareVersion: String) {
      self.host = host
      self.processID = processID
      self.softwareVersion = softwareVersion
    }
  }

  /// A unit to do, and all that is to be known for it.
  package struct Order: Hashable, Sendable {
    package let assignment: Assignment
    package let content: [UInt8]

    package init(_ assignment: Assignment, content: [UInt8]) {
      self.assignment = assignment
      self.content = content
    }
  }

  package struct Result: Hashable, Sendable {
    package let assignment: Assignment
    package let verdict: Verdict
    package let seconds: Double
    /// What is written down of it when it counts.
    package let record: [UInt8]
    /// What is kept of when and where it ran.
    package let attempt: [UInt8]

    package init(_ assignment: Assignment, _ verdict: Verdict, seconds: Double, record: [UInt8], attempt: [UInt8]) {
      self.assignment = assignment
      self.verdict = verdict
      self.seconds = seconds
      self.record = record
      self.attempt = attempt
    }
  }
}

extension Message {
  package var encoded: [UInt8] {
    var out = WireWriter()
    switch self {
    case .hello(let hello):
      out.put(hello.host)
      out.put(hello.processID)
      out.put(hello.softwareVersion)
    case .welcome(let session, let host, let processID, let job):
      out.put(Int64(session))
      out.put(host)
      out.put(processID)
      out.put(job)
    case .dismissed, .acknowledge, .retire: break
    case .assign(let orders):
      out.put(orders) { out, order in
        out.put(order.assignment)
        out.put(order.content)
      }
    case .result(let result):
      out.put(result.assignment)
      out.put(result.verdict.code)
      out.put(result.seconds)
      out.put(result.record)
      out.put(result.attempt)
    case .heartbeat(let memory): out.put(memory)
    case .release(let parent, let children):
      out.put(Int64(parent))
      out.put(children) { $0.put(Int64($1)) }
    case .collected(let bytes): out.put(bytes)
    }
    return WireFrame.wrap(kind: kind, out.bytes)
  }

  private var kind: UInt8 {
    switch self {
    case .hello: 1
    case .welcome: 2
    case .dismissed: 3
    case .assign: 4
    case .result: 5
    case .heartbeat: 6
    case .acknowledge: 7
    case .retire: 8
    case .release: 9
    case .collected: 10
    }
  }

  /// - Throws: ``WireError`` for bytes that no rank of this program sends.
  package init(decoding bytes: [UInt8]) throws(WireError) {
    let (kind, content) = try WireFrame.unwrap(bytes)
    var reader = WireReader(content)
    switch kind {
    case 1:
      self = .hello(
        Hello(
          host: try reader.string(), processID: try reader.number(), softwareVersion: try reader.string()))
    case 2:
      self = .welcome(
        session: try reader.count(), host: try reader.string(), processID: try reader.number(), job: try reader.array())
    case 3: self = .dismissed
    case 4:
      self = .assign(
        try reader.list { reader throws(WireError) in
          Order(try reader.assignment(), content: try reader.array())
        })
    case 5:
      self = .result(
        Result(
          try reader.assignment(), try Verdict(code: try reader.number()), seconds: try reader.double(),
          record: try reader.array(), attempt: try reader.array()))
    case 6: self = .heartbeat(memory: try reader.number())
    case 7: self = .acknowledge
    case 8: self = .retire
    case 9:
      self = .release(
        parent: try reader.count(), children: try reader.list { reader throws(WireError) in try reader.count() })
    case 10: self = .collected(try reader.array())
    default: throw WireError("there is no kind \(kind)")
    }
    try reader.expectEnd()
  }
}

extension WireWriter {
  fileprivate mutating func put(_ assignment: Assignment) {
    put(Int64(assignment.unit))
    put(Int64(assignment.attempt))
  }
}

extension WireReader {
  fileprivate mutating func assignment() throws(WireError) -> Assignment {
    Assignment(unit: try count(), attempt: try count())
  }

  /// A number that counts something.
  fileprivate mutating func count() throws(WireError) -> Int {
    let value = try number(Int64.self)
    guard value >= 0, value <= Int64(Int32.max) else { throw WireError("\(value) counts nothing") }
    return Int(value)
  }
}

extension Verdict {
  fileprivate var code: UInt8 {
    switch self {
    case .succeeded: 0
    case .failed: 1
    case .failedTransiently: 2
    case .storageFull: 3
    case .timedOut(let isStuck): isStuck ? 5 : 4
    case .interrupted: 6
    }
  }

  fileprivate init(code: UInt8) throws(WireError) {
    switch code {
    case 0: self = .succeeded
    case 1: self = .failed
    case 2: self = .failedTransiently
    case 3: self = .storageFull
    case 4: self = .timedOut(isStuck: false)
    case 5: self = .timedOut(isStuck: true)
    case 6: self = .interrupted
    default: throw WireError("\(code) is no way to end")
    }
  }
}
