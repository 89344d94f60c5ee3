// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that computes.

internal import Foundation
internal import Scheduling
internal import Synchronization

/// The thread of a rank that does work units, while the main thread keeps in touch with the others.
final class ComputeThread: Sendable {
  enum Notice: Sendable {
    /// The tasks are made.
    case ready
    /// The tasks cannot be made.
    case unusable(String)
    case quantumStarted(Assignment, number: UInt64)
    case ended(Assignment, UnitResult)
  }

  private struct State {
    var orders: [(order: UnitOrder, assignment: Assignment)] = []
    var notices: [Notice] = []
    var isClosed = false
  }

  let flag = CancellationFlag()
  private let state = Mutex(State())
  private let signal = DispatchSemaphore(value: 0)
  private let waker: Waker

  /// - Parameter makeRunner: called on the thread, which alone uses what it makes.
  init(_ waker: Waker, makeRunner: @escaping @Sendable (CancellationFlag) throws -> UnitRunner) {
    self.waker = waker
    let thread = Thread { [self] in
      CrashNote.useOwnStack()
      do {
        let runner = try makeRunner(flag)
        tell(.ready)
        while let (order, assignment) = next() {
          let result = runner.run(order, assignment) { self.tell(.quantumStarted(assignment, number: $0)) }
          tell(.ended(assignment, result))
        }
      } catch {
        tell(.unusable("\(error)"))
      }
    }
    thread.name = "compute"
    // Recursion in a parser or a tree of tasks should not end the process.
    thread.stackSize = 64 << 20
    thread.start()
  }

  func start(_ order: UnitOrder, _ assignment: Assignment) {
    state.withLock { $0.orders.append((order, assignment)) }
    signal.signal()
  }

  func close() {
    state.withLock { $0.isClosed = true }
    signal.signal()
  }

  func takeNotices() -> [Notice] {
    state.withLock { state in
      defer { state.notices = [] }
      return state.notices
    }
  }

  private func tell(_ notice: Notice) {
    state.withLock { $0.notices.append(notice) }
    waker.wake()
  }

  private func next() -> (order: UnitOrder, assignment: Assignment)? {
    while true {
      signal.wait()
      let (order, isClosed) = state.withLock { state in
        (state.orders.isEmpty ? nil : state.orders.removeFirst(), state.isClosed)
      }
      if let order { return order }
      if isClosed { return nil }
    }
  }
}
