// SPDX-License-Identifier: GPL-3.0-or-later
// What the outside world says to this process.

internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

private let drainRequests = Atomic<Int>(0)
private let stopRequests = Atomic<Int>(0)

/// Signals as counters that the main loop looks at: USR1 drains, TERM and INT stop, a second INT ends at once.
package enum ProcessSignals {
  /// Begins to listen.
  package static func listen() {
    install(SIGUSR1) { _ in drainRequests.add(1, ordering: .relaxed) }
    install(SIGTERM) { _ in stopRequests.add(1, ordering: .relaxed) }
    install(SIGINT) { _ in
      // Whoever asks twice does not want to wait for an orderly end; the run can be resumed from any state.
      if stopRequests.add(1, ordering: .relaxed).newValue > 1 { _exit(75) }
    }
    // Whoever started this process may have had them blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGUSR1, SIGTERM, SIGINT, SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
      sigaddset(&signals, signal)
    }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  package static var drainIsRequested: Bool { drainRequests.load(ordering: .relaxed) > 0 }
  package static var stopIsRequested: Bool { stopRequests.load(ordering: .relaxed) > 0 }

  private static func install(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    var action = sigaction()
    #if canImport(Glibc)
      action.__sigaction_handler.sa_handler = handler
    #else
      action.__sigaction_u.__sa_handler = handler
    #endif
    action.sa_flags = SA_RESTART
    sigaction(signal, &action, nil)
  }
}
