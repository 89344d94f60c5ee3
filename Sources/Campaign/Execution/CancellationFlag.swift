// SPDX-License-Identifier: GPL-3.0-or-later
// How the compute thread hears that it should end.

internal import Synchronization

/// Why a running quantum should end.
enum Cancellation: UInt8, Sendable {
  case none, timeout, memory
}

/// The flag that tells the compute thread to end what it does.
///
/// It belongs to one quantum: a request that comes when its quantum is through does not reach the next one, and the first reason stays.
final class CancellationFlag: Sendable {
  /// The quantum's number, and the reason in the last byte.
  private let value = Atomic<UInt64>(0)

  var current: Cancellation {
    Cancellation(rawValue: UInt8(truncatingIfNeeded: value.load(ordering: .relaxed))) ?? .none
  }

  /// Begins another quantum; called by the thread that runs it.
  ///
  /// - Returns: its number.
  func begin() -> UInt64 {
    let number = (value.load(ordering: .relaxed) >> 8) &+ 1
    value.store(number << 8, ordering: .relaxed)
    return number
  }

  func raise(_ reason: Cancellation, quantum number: UInt64) {
    _ = value.compareExchange(
      expected: number << 8, desired: number << 8 | UInt64(reason.rawValue), ordering: .relaxed)
  }
}
