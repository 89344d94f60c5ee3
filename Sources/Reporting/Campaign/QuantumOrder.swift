// SPDX-License-Identifier: GPL-3.0-or-later
// The order of quanta in lists.

internal import TaskFramework

/// The place of a quantum: by the bytes of its task's label, then by its data ID.
///
/// Comparing data IDs sorts their dimensions each time; here that is done once.
struct QuantumOrder: Sendable, Hashable, Comparable {
  private let bytes: [UInt8]

  init(task: String, dataID: DataID) {
    var bytes = Array(task.utf8)
    bytes.append(0)
    for (dimension, value) in dataID.pairs {
      // Above 0, so that a data ID comes before those that it begins.
      bytes.append(UInt8(1 + (Dimension.allCases.firstIndex(of: dimension) ?? 0)))
      switch value {
      case .number(let number):
        bytes.append(0)
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
      case .name(let name):
        bytes.append(1)
        bytes += name.utf8
        bytes.append(0)
      }
    }
    self.bytes = bytes
  }

  static func < (a: QuantumOrder, b: QuantumOrder) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}
