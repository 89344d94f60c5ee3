// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Repository
import Synchronization
import TestSupport
import Testing

@Suite struct PublishTests {
  /// Whatever operation of a publish fails, there is the old file or the whole new one, and nothing else.
  @Test func failTheNthOperation() throws {
    let old = Array("old".utf8)
    let new = [UInt8](repeating: 7, count: 100_000)
    for code in [ENOSPC, EIO, EDQUOT, EACCES, EROFS] {
      for hasOld in [true, false] {
        var n = 1
        while true {
          let isDone = try withTemporaryFolder { folder -> Bool in
            let path = folder + "/a/b/file.h5"
            if hasOld { try AtomicFile().publish(old, to: path) }
            let operations = FaultyOperations(failing: n, with: code, writeLimit: 30_000)
            do throws(PublishError) {
              let digest = try AtomicFile(operations).publish(new, to: path)
              #expect(digest == FileDigest(of: new))
            } catch {
              #expect("\(error)".contains(path), "\(error)")
              if case .diskFull(_, let needed, let free) = error {
                #expect(code == ENOSPC || code == EDQUOT)
                #expect((needed == new.count || needed == 4096) && free == 12_345)
              } else {
                #expect(code != ENOSPC && code != EDQUOT, "operation \(n): \(error)")
              }
            }
            let found = try? Data(contentsOf: URL(filePath: path))
            #expect(
              found == nil || found == Data(new) || (hasOld && found == Data(old)),
              "operation \(n) of \(operations.log)")
            #expect(!hasOld || found != nil, "operation \(n) of \(operations.log): the old file is gone")
            // What removes the temporary file may itself be what fails.
            let rest = leftovers(in: folder)
            #expect(rest.isEmpty || operations.failedToRemove, "operation \(n) of \(operations.log): \(rest)")
            return !operations.didFail
          }
          if isDone { break }
          n += 1
        }
        #expect(n > (hasOld ? 8 : 12), "only \(n - 1) operations were made to fail")
      }
    }
  }

  private func leftovers(in folder: String) -> [String] {
    let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return all.filter { $0.contains(".tmp") }
  }

  @Test func interruptedCallsAreRepeatedButNotForEver() throws {
    try withTemporaryFolder { folder in
      let operations = FaultyOperations(interrupting: 3, writeLimit: 7)
      try AtomicFile(operations).publish(Array("some more text than seven bytes".utf8), to: folder + "/x")
      #expect(try String(contentsOfFile: folder + "/x", encoding: .utf8) == "some more text than seven bytes")
      let broken = FaultyOperations(interrupting: .max, writeLimit: 7)
      let error = #expect(throws: PublishError.self) { try AtomicFile(broken).publish([1], to: folder + "/y") }
      #expect(error?.description.contains("Interrupted") == true)
    }
  }

  @Test func whatAKilledProcessLeftIsNoObstacle() throws {
    try withTemporaryFolder { folder in
      // Whatever number comes next, its name is taken.
      for number in 1...2000 {
        _ = FileManager.default.createFile(atPath: "\(folder)/.skydiff-\(getpid())-\(number).tmp", contents: Data([9]))
      }
      try AtomicFile().publish([1, 2], to: folder + "/x")
      #expect(try Data(contentsOf: URL(filePath: folder + "/x")) == Data([1, 2]))
    }
  }

  @Test func placesThatCannotBeWrittenTo() throws {
    try withTemporaryFolder { folder in
      try AtomicFile().publish([1], to: folder + "/file")
      let below = #expect(throws: PublishError.self) { try AtomicFile().publish([1], to: folder + "/file/x") }
      #expect(below?.description == "\(folder)/file/x: cannot be created: \(folder)/file is not a directory")
      try FileManager.default.createDirectory(atPath: folder + "/dir", withIntermediateDirectories: false)
      let onto = #expect(throws: PublishError.self) { try AtomicFile().publish([1], to: folder + "/dir") }
      #expect(onto?.description.contains("/dir: cannot rename it into place: Is a directory") == true)
      let long = folder + "/" + String(repeating: "n", count: 252) + ".h5"
      try AtomicFile().publish([1], to: folder + "/" + String(repeating: "n", count: 252) + ".h5")
      #expect(FileManager.default.fileExists(atPath: long))
      try AtomicFile().publish([2], to: folder + "/with space/ünï çøde.h5")
      #expect(throws: PublishError.self) {
        try AtomicFile().publish([1], to: folder + "/" + String(repeating: "n", count: 300))
      }
      #expect(leftovers(in: folder).isEmpty)
    }
  }

  @Test func digestsAreThoseOfSha256sum() throws {
    #expect(
      FileDigest(of: Array("abc".utf8)).sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "FIPS 180-2, B.1")
    try withTemporaryFolder { folder in
      var manifest = Manifest()
      for (name, text) in [("a.h5", "one"), ("b/c.h5", "two")] {
        manifest[name] = try AtomicFile().publish(Array(text.utf8), to: folder + "/" + name)
      }
      try AtomicFile().publish(Array(manifest.checksumText.utf8), to: folder + "/SHA256SUMS")
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/sha256sum")
      process.currentDirectoryURL = URL(filePath: folder)
      process.arguments = ["--check", "--strict", "--quiet", "SHA256SUMS"]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      #expect(try Manifest(try manifest.catalog()) == manifest)
    }
  }

  @Test func pathsOfAManifestStayInTheirFolder() throws {
    for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", "a\0b"] {
      #expect(!Manifest.staysInside(path), "\(path)")
      var manifest = Manifest()
      manifest[path] = FileDigest(of: [])
      if !path.isEmpty { #expect(throws: (any Error).self) { try Manifest(try manifest.catalog()) } }
    }
    #expect(Manifest.staysInside("calexp/visit1/x..h5"))
  }

  @Test func aSecondWriterIsRefused() throws {
    try withTemporaryFolder { folder in
      let first = try FolderLock(folder)
      let error = #expect(throws: PublishError.self) { try FolderLock(folder) }
      #expect(error?.description.contains("another process is writing to \(folder)") == true)
      withExtendedLifetime(first) {}
    }
  }
}

/// Real operations of which one fails, or each is interrupted a few times.
private final class FaultyOperations: FileOperations {
  private let real = SystemFileOperations()
  private let failing: Int
  private let code: Int32
  private let interruptions: Int
  private let writeLimit: Int
  private struct State {
    var count = 0
    var log: [String] = []
    var didFail = false
    var failedToRemove = false
    var interrupted: [String: Int] = [:]
  }
  private let state = Mutex(State())

  init(failing: Int = .max, with code: Int32 = 0, interrupting: Int = 0, writeLimit: Int) {
    self.failing = failing
    self.code = code
    interruptions = interrupting
    self.writeLimit = writeLimit
  }

  var log: [String] { state.withLock { $0.log } }
  var didFail: Bool { state.withLock { $0.didFail } }
  var failedToRemove: Bool { state.withLock { $0.failedToRemove } }

  private func step(_ name: String) throws(SystemError) {
    let error: Int32? = state.withLock { state in
      state.count += 1
      state.log.append(name)
      if state.count == failing {
        state.didFail = true
        if name == "remove" { state.failedToRemove = true }
        return code
      }
      if name != "close", name != "remove", state.interrupted[name, default: 0] < interruptions {
        state.interrupted[name, default: 0] += 1
        return EINTR
      }
      return nil
    }
    if let error { throw SystemError(code: error) }
  }

  func create(_ path: String) throws(SystemError) -> Int32 {
    try step("create")
    return try real.create(path)
  }
  func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int {
    try step("write")
    return try real.write(file, UnsafeRawBufferPointer(rebasing: bytes.prefix(writeLimit)))
  }
  func sync(_ file: Int32) throws(SystemError) {
    try step("sync")
    try real.sync(file)
  }
  func close(_ file: Int32) throws(SystemError) {
    // A close that fails has closed all the same.
    try real.close(file)
    try step("close")
  }
  func rename(_ old: String, to new: String) throws(SystemError) {
    try step("rename")
    try real.rename(old, to: new)
  }
  func syncDirectory(_ path: String) throws(SystemError) {
    try step("syncDirectory")
    try real.syncDirectory(path)
  }
  func remove(_ path: String) throws(SystemError) {
    try step("remove")
    try real.remove(path)
  }
  func makeDirectory(_ path: String) throws(SystemError) {
    try step("makeDirectory")
    try real.makeDirectory(path)
  }
  func freeSpace(at path: String) -> Int? { 12_345 }
}
