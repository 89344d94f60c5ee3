// SPDX-License-Identifier: GPL-3.0-or-later
// A rank other than rank 0.

internal import Foundation
package import MPI
internal import Repository
internal import Scheduling
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A rank other than rank 0: says hello, works, leaves.
package final class WorkerRank {
  private let world: MPIWorld
  private let registry: TaskRegistry
  private let environment: [String: String]
  private let faults: FaultInjection
  private let waker = Waker()
  private let start = ContinuousClock.now
  private let parent = getppid()
  /// The coordinator's process, where it is one of this machine.
  private var coordinator: pid_t?
  private var now: Double { (ContinuousClock.now - start).inSeconds }

  /// Works until there is no more work.
  ///
  /// A worker's end is always a good one: rank 0 speaks for all.
  package static func run(
    on world: MPIWorld, _ registry: TaskRegistry, _ options: CampaignOptions, environment: [String: String]
  ) {
    let faults = FaultInjection(parsing: options.faults, rank: world.rank) ?? .none
    WorkerRank(world, registry, environment, faults).run()
  }

  private init(_ world: MPIWorld, _ registry: TaskRegistry, _ environment: [String: String], _ faults: FaultInjection) {
    self.world = world
    self.registry = registry
    self.environment = environment
    self.faults = faults
  }

  private func run() {
    send(.hello(.init(host: hostName(), processID: getpid(), softwareVersion: Software.version)), "")
    guard let (session, bytes) = awaitWelcome() else { return }
    faults.pass(.welcome)
    do {
      let job = try WorkerJob(decoding: bytes, session: session, registry)
      let lock = try RunLock.joinAsWorker(job.runFolder)
      defer { close(lock) }
      CrashNote.prepare(in: job.runFolder, rank: world.rank)
      defer { CrashNote.discard(in: job.runFolder, rank: world.rank) }
      work(job)
    } catch {
      complain("\(error)")
    }
  }

  /// Planning may take its time; a coordinator that died meanwhile shows in the launcher's end.
  private func awaitWelcome() -> (session: Int, job: [UInt8])? {
    var nap = Nap(isAlone: false)
    while !isOrphan, now < 86_400 {
      if ProcessSignals.stopIsRequested { _exit(0) }
      while let message = receive() {
        switch message {
        case .welcome(let session, let host, let processID, let job):
          if host == hostName() { coordinator = processID }
          return (session, job)
        case .dismissed, .retire: return nil
        default: continue
        }
      }
      nap.rest(waker, isBusy: false)
    }
    return nil
  }

  private func work(_ job: WorkerJob) {
    let worker = WorkerSide(
      job, rank: world.rank, of: world.size, resources: QuantumResources(job.execution, world), waker: waker,
      faults: faults,
      now: now,
      environment: environment, send: send)
    defer { worker.close() }
    var nap = Nap(isAlone: false)
    var early: [Int: [UInt8]] = [:]
    while worker.leaveReason == nil {
      // The coordinator does not wait for what runs here, and what is not finished is done again. But a rank that was gone before it
      // looks would be taken for the one that went down first.
      if ProcessSignals.stopIsRequested { linger() }
      if isOrphan { _exit(0) }
      var isBusy = false
      while let (sender, message) = receiveWithSender() {
        isBusy = true
        switch message {
        case .release(let parent, let children):
          MetadataReduction.atRank(
            world, parent: parent, children: children, own: worker.statistics, early: early, waker: waker)
          return
        // Another rank may have heard of the end before this one.
        case .collected(let bytes): early[sender] = bytes
        default: worker.take(message, at: now)
        }
      }
      worker.poll(at: now)
      if let problem = worker.problem { return complain("the tasks cannot be made: \(problem)") }
      if let coordinator, kill(coordinator, 0) != 0, errno == ESRCH { leaveAlone("rank 0 is gone") }
      nap.rest(waker, isBusy: isBusy)
    }
    if worker.leaveReason == .coordinatorLost { leaveAlone("nothing was heard of rank 0 for too long") }
    if worker.leaveReason == .threadAbandoned { awaitEnd() }
  }

  /// Stays until the coordinator has gone, or two seconds have.
  private func linger() -> Never {
    let end = now + 2
    while now < end, !isOrphan, coordinator.map({ kill($0, 0) == 0 }) ?? true { usleep(20_000) }
    _exit(0)
  }

  /// Nobody is left who could speak for all: the launcher has to hear that the run is not over.
  private func leaveAlone(_ reason: String) -> Never {
    complain(reason)
    world.abort(75)
  }

  /// Says nothing more, but is there when all ranks end together.
  private func awaitEnd() {
    while !isOrphan {
      if ProcessSignals.stopIsRequested { _exit(0) }
      while let message = receive() { if message == .retire || message == .dismissed { return } }
      waker.nap(0.01)
    }
  }

  private var isOrphan: Bool { getppid() != parent }

  private func send(_ message: Message, _ unit: String) {
    var bytes = message.encoded
    if case .result = message, faults.pass(.result, about: unit) == .garbage { bytes = Array(bytes.reversed()) }
    try? world.send(bytes, to: 0)
  }

  private func receive() -> Message? { receiveWithSender()?.message }

  private func receiveWithSender() -> (sender: Int, message: Message)? {
    guard let (sender, bytes) = try? world.receive() else { return nil }
    do throws(WireError) {
      return (sender, try Message(decoding: bytes))
    } catch {
      // What was to be done would be waited for in vain.
      leaveAlone("rank \(sender) sent \(error)")
    }
  }

  private func complain(_ text: String) {
    let line = "skydiff run: rank \(world.rank) cannot work: \(text)\n"
    _ = Array(line.utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }
}
