// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory a rank may use.

internal import Foundation
internal import Imaging

/// How much memory a rank may use, and whether it uses more.
struct MemoryBudget {
  /// What the job allows; `nil` for as much as there is.
  let limit: Int?
  /// The rank's part of the machine, bytes.
  let share: Int

  /// Whether this process is beyond the limit; without one, whether memory runs out and this process has more than its part.
  ///
  /// What the process has freed and keeps does not count: it stays as large as it has ever been, and the next quantum would pay for it.
  var isExceeded: Bool {
    let used = allocatedBytes > 0 ? allocatedBytes : Int(Self.residentBytes)
    if let limit { return used > limit }
    return used > share && Self.isNearlyExhausted
  }

  /// Bytes of memory that this process has in use; 0 where nobody knows.
  static var residentBytes: Int64 {
    let parts = text("/proc/self/statm").split(separator: " ")
    return (parts.count > 1 ? Int64(parts[1]) ?? 0 : 0) * 4096
  }

  /// Whether less than a twentieth is left of the machine's memory, or of what a batch system allows.
  private static var isNearlyExhausted: Bool {
    func value(_ name: String, _ text: String) -> Int? {
      text.split(separator: "\n").first { $0.hasPrefix(name) }
        .flatMap { Int($0.filter { $0.isASCII && $0.isNumber }) }
    }
    let info = text("/proc/meminfo")
    if let total = value("MemTotal:", info), let free = value("MemAvailable:", info), free < total / 20 { return true }
    guard let line = text("/proc/self/cgroup").split(separator: "\n").first(where: { $0.hasPrefix("0::") }) else {
      return false
    }
    let folder = "/sys/fs/cgroup\(line.dropFirst(3))"
    guard let most = Int(text(folder + "/memory.max").filter { !$0.isWhitespace }),
      let used = Int(text(folder + "/memory.current").filter { !$0.isWhitespace })
    else { return false }
    return used > most - most / 20
  }

  private static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
