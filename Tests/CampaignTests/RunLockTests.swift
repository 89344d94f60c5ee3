// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Foundation
import Repository
import Testing

@Suite struct RunLockTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func lock(_ environment: [String: String] = [:]) throws -> RunLock {
    try RunLock(folder.path, patience: .zero, workersPatience: .zero, environment: environment)
  }

  @Test func aSecondCoordinatorIsRefusedAndToldWhoHoldsTheRun() throws {
    let first = try lock(["SLURM_JOB_ID": "4711"])
    #expect(RunLock.isHeld(folder.path))
    let error = #expect(throws: PublishError.self) { _ = try lock() }
    guard case .cannotCreate(let path, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == folder.path + "/lock")
    #expect(
      reason.contains("process \(ProcessInfo.processInfo.processIdentifier) on \(hostName()), Slurm job 4711 since 2"),
      "\(reason)")
    #expect(reason.contains("last sign of life"), "\(reason)")
    withExtendedLifetime(first) {}
  }

  @Test func aLockEndsWithItsHolder() throws {
    for _ in 0..<3 {
      var holder: RunLock? = try lock()
      #expect(RunLock.isHeld(folder.path))
      holder?.beat()
      holder = nil
      #expect(!RunLock.isHeld(folder.path))
    }
  }

  @Test func workersKeepANewCoordinatorWaiting() throws {
    let one = try RunLock.joinAsWorker(folder.path)
    let two = try RunLock.joinAsWorker(folder.path, patience: .zero)
    let error = #expect(throws: PublishError.self) { _ = try lock() }
    #expect(error?.description.contains("workers of an earlier session are still running") == true)
    // It did not keep what it had taken by then.
    #expect(!RunLock.isHeld(folder.path))
    close(one)
    #expect(throws: PublishError.self) { _ = try lock() }
    close(two)
    _ = try lock()
  }

  @Test func workersComeWhileTheirCoordinatorHoldsTheRun() throws {
    let coordinator = try lock()
    let worker = try RunLock.joinAsWorker(folder.path, patience: .zero)
    close(worker)
    withExtendedLifetime(coordinator) {}
  }

  @Test func aFolderThatIsNotThereCannotBeHeld() {
    let none = folder.path + "/none"
    #expect(!RunLock.isHeld(none))
    #expect(throws: PublishError.self) { _ = try RunLock(none, patience: .zero, environment: [:]) }
    #expect(throws: PublishError.self) { _ = try RunLock.joinAsWorker(none) }
  }

  @Test(arguments: ["", "{", "[]", "{\"pid\":\"x\"}", "{\"pid\":{}}", "\u{0}\u{1}", "3"]) func aLockFileMayHoldAnything(
    _ text: String
  ) throws {
    _ = try folder.write(text, to: "lock")
    #expect(!RunLock.isHeld(folder.path))
    #expect(!RunLock.describeOwner(of: folder.path).isEmpty)
    let holder = try lock()
    // Of what was there before nothing is left.
    #expect(RunLock.describeOwner(of: folder.path).contains("process \(ProcessInfo.processInfo.processIdentifier)"))
    withExtendedLifetime(holder) {}
  }
}
