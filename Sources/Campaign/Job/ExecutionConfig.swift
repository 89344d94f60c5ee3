// SPDX-License-Identifier: GPL-3.0-or-later
// How a job is run, without influence on what it makes.

internal import Scheduling
package import TaskFramework

/// A number of bytes as people write it: `4GiB`, `500MB`, `1e9`.
package struct ByteCount: Hashable, Sendable, ConfigValueConvertible {
  package let bytes: Int

  package init(_ bytes: Int) { self.bytes = bytes }

  package static var configTypeName: String { "size such as 4GiB" }

  package init?(configValue: ConfigValue) {
    switch configValue {
    case .integer(let value):
      guard value >= 0 else { return nil }
      bytes = value
    case .number(let value):
      guard let whole = Int(exactly: value.rounded()), whole >= 0 else { return nil }
      bytes = whole
    case .string(let text):
      let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      let unit = text.dropFirst(digits.count).filter { $0 != " " }
      let units: [String: Double] = [
        "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30,
        "TiB": 0x1p40, "K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40,
      ]
      guard let number = Double(digits), let factor = units[unit],
        let whole = Int(exactly: (number * factor).rounded())
      else { return nil }
      bytes = whole
    default: return nil
    }
  }

  package var configValue: ConfigValue {
    bytes > 0 && bytes % (1 << 20) == 0 ? .string("\(bytes >> 20)MiB") : .integer(bytes)
  }
}

/// How a job is run.
///
/// None of it changes what is made, so it may differ between the sessions of a run.
package struct ExecutionConfig: Config {
  package var attempts = 2
  package var timeout = 2_592_000.0
  package var memoryPerRank: ByteCount? = nil
  package var lostAfter = 30.0
  package var maxFailureFraction = 0.5
  package var raiseOnPartialOutputs = true

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "attempts", \.attempts, in: 1...100,
      doc: "starts of a work unit that may end with the loss of its rank, or with the end of its time"),
    .field(
      "timeout", \.timeout, in: 0.001...2_592_000,
      doc: "seconds for a quantum; then it is asked to end, and at one and a half times it is given up with its rank"),
    .field(
      "memoryPerRank", \.memoryPerRank,
      doc:
        "memory that tasks may count on; a quantum that has its rank use more fails. null is the machine's, shared by the ranks",
      requirement: "at least 64MiB", where: { $0.map { $0.bytes >= 1 << 26 } ?? true }),
    .field(
      "lostAfter", \.lostAfter, in: 2...86_400,
      doc: "seconds of silence after which a rank counts as lost, where the launcher keeps the others running"),
    .field(
      "maxFailureFraction", \.maxFailureFraction, in: 0...1,
      doc: "ends the run when more than this fraction of the first 200 work units failed"),
    .field(
      "raiseOnPartialOutputs", \.raiseOnPartialOutputs,
      doc:
        "whether a quantum that kept a part of its outputs after an error counts as failed; else it is a success with a caveat"
    ),
  ]

  func policy(failsFast: Bool) -> SchedulingPolicy {
    var policy = SchedulingPolicy()
    policy.lossLimit = attempts
    policy.timeoutLimit = attempts
    policy.lostAfter = lostAfter
    policy.largestFailureFraction = maxFailureFraction
    policy.failsFast = failsFast
    return policy
  }
}
