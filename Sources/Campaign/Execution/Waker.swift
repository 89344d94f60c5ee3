// SPDX-License-Identifier: GPL-3.0-or-later
// Waking a thread that naps.

internal import Dispatch
internal import Synchronization

/// Wakes a thread that naps; what wakes it may come before it sleeps.
package final class Waker: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let isWoken = Atomic(false)

  package init() {}

  package func wake() {
    // Many calls before a nap wake it once.
    if !isWoken.exchange(true, ordering: .acquiringAndReleasing) { semaphore.signal() }
  }

  /// Sleeps until woken, but no longer than some seconds.
  package func nap(_ seconds: Double) {
    _ = semaphore.wait(timeout: .now() + seconds)
    isWoken.store(false, ordering: .releasing)
  }
}
