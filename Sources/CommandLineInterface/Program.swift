// SPDX-License-Identifier: GPL-3.0-or-later
// From the start of the program to its end.

internal import ArgumentParser
internal import Campaign
internal import Foundation
internal import Imaging
package import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The tasks that this program can run.
enum InstalledTasks {
  @TaskLocal static var registry = TaskRegistry([])
}

/// Runs the program with its command line, and ends the process.
///
/// - Parameter tasks: what pipelines may name.
package func runSkydiff(tasks: [any PipelineTask.Type]) -> Never {
  // A rank without a handler dies of the signal that asks it to drain, however early that comes.
  ProcessSignals.listen()
  // The first file that is opened must not become what is printed into; for reading alone, so that printing still fails.
  while true {
    let file = open("/dev/null", O_RDONLY)
    if file > 2 || file < 0 {
      if file > 2 { close(file) }
      break
    }
  }
  // A reader that goes away, such as `head`, is no reason to die half way.
  signal(SIGPIPE, SIG_IGN)
  // A limit on file sizes shows as an error of the write.
  signal(SIGXFSZ, SIG_IGN)
  keepFreedMemory()
  InstalledTasks.$registry.withValue(TaskRegistry(tasks)) { () -> Never in
    var isRun = false
    do {
      var command = try SkydiffCommand.parseAsRoot()
      isRun = command is RunCommand
      // What is not a run has nothing to finish first: files appear whole or not at all.
      if !isRun { for number in [SIGINT, SIGTERM] { signal(number) { _ in _exit(75) } } }
      // Of several ranks one is enough for everything but a run.
      if isOtherRank, !isRun { exit(0) }
      try command.run()
    } catch {
      if isOtherRank { leave(0, isRun) }
      if let code = error as? ExitCode { leave(code.rawValue, isRun) }
      SkydiffCommand.exit(withError: error)
    }
    leave(0, isRun)
  }
}

/// Ends the process.
///
/// A run may leave a thread that still computes: what libraries do at the end of a process would pull the ground
/// from under it.
private func leave(_ status: Int32, _ isRun: Bool) -> Never {
  fflush(nil)
  if isRun { _exit(status) }
  exit(status)
}
/// Whether a launcher started this process as a rank that does not speak for all.
private var isOtherRank: Bool {
  let environment = ProcessInfo.processInfo.environment
  let rank = environment["OMPI_COMM_WORLD_RANK"] ?? environment["PMIX_RANK"] ?? environment["PMI_RANK"]
  return rank.flatMap { Int($0) }.map { $0 > 0 } ?? false
}
