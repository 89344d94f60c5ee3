// SPDX-License-Identifier: GPL-3.0-or-later
// What has been done, line by line.

internal import Digests
internal import Foundation
package import Repository
package import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The record of a run: one JSON object a line, each with its own checksum, never changed, only added to.
///
/// A line is written at once, so that the death of this process loses none; it is synced in groups, by a thread of its own, so that the death
/// of the machine loses at most the last moments.
///
/// Lines are added by one thread. Unchecked, since a condition guards what the two threads share, which no type can say: of the
/// variables below all are touched with it locked, but for the last, which belongs to the thread that adds lines.
package final class Journal: @unchecked Sendable {
  package let path: String
  private let file: Int32
  private let faults: FaultInjection
  /// Told when more is durable; called on the thread that syncs.
  private let whenDurable: @Sendable () -> Void
  private let condition = NSCondition()
  private var written: Int
  private var durable: Int
  private var isFlushing = false
  private var isClosed = false
  private var syncFailure: PublishError?
  /// Of the first line that could not be written.
  private var appendFailure: PublishError?
  /// Seconds between two syncs, unless someone waits for one.
  private static let interval = 0.05

  /// Opens a journal to add lines; the end of a line that was being written when its process died is cut off.
  ///
  /// - Parameters:
  ///   - soundLength: bytes up to the end of the last whole line.
  ///   - whenDurable: called, from another thread, when more lines are safe.
  /// - Throws: ``Repository/PublishError``.
  package init(
    _ path: String, soundLength: Int, faults: FaultInjection = .none, whenDurable: @escaping @Sendable () -> Void
  ) throws(PublishError) {
    self.path = path
    self.faults = faults
    self.whenDurable = whenDurable
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .cannotCreate(path: path, reason: "\(SystemError(code: errno))") }
    guard ftruncate(file, off_t(soundLength)) == 0 else {
      throw .failed(path: path, operation: "cut off the end of a line", reason: "\(SystemError(code: errno))")
    }
    written = 0
    durable = 0
    let thread = Thread { [weak self] in while self?.syncOnce() == true {} }
    thread.name = "journal"
    thread.start()
  }

  deinit { close(file) }

  /// Adds a line and says which it is, from 1 on.
  ///
  /// - Throws: ``Repository/PublishError``: no space, or the disk is gone; then the run cannot go on, and every later
  ///   line throws the same: behind a part of a line it would be lost with that.
  package func append(_ members: String) throws(PublishError) -> Int {
    if let appendFailure { throw appendFailure }
    do throws(PublishError) {
      return try put(members)
    } catch {
      appendFailure = error
      throw error
    }
  }

  private func put(_ members: String) throws(PublishError) -> Int {
    let bytes = Array(Self.line(members).utf8)
    switch faults.pass(.journalAppend) {
    case .enospc: throw .diskFull(path: path, needed: bytes.count, free: 0)
    case .eio: throw .failed(path: path, operation: "write", reason: "\(SystemError(code: EIO))")
    default: break
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      guard count > 0 else {
        let error = SystemError(code: count == 0 ? ENOSPC : errno)
        if error.code == EINTR { continue }
        throw error.isDiskFull
          ? .diskFull(path: path, needed: bytes.count, free: SystemFileOperations().freeSpace(at: path))
          : .failed(path: path, operation: "write", reason: "\(error)")
      }
      rest = rest.dropFirst(count)
    }
    condition.lock()
    defer { condition.unlock() }
    written += 1
    condition.broadcast()
    return written
  }

  /// The lines that are safe.
  ///
  /// - Throws: ``Repository/PublishError`` when they cannot be made so.
  package func durableCount() throws(PublishError) -> Int {
    condition.lock()
    defer { condition.unlock() }
    if let syncFailure { throw syncFailure }
    return durable
  }

  /// Has everything synced without further delay, and waits for it.
  ///
  /// - Throws: ``Repository/PublishError``.
  package func flush() throws(PublishError) {
    condition.lock()
    defer { condition.unlock() }
    isFlushing = true
    condition.broadcast()
    let deadline = Date(timeIntervalSinceNow: 60)
    while durable < written, syncFailure == nil {
      guard condition.wait(until: deadline) else {
        throw .failed(path: path, operation: "sync", reason: "it takes more than a minute")
      }
    }
    isFlushing = false
    if let syncFailure { throw syncFailure }
  }

  package func finish() {
    condition.lock()
    defer { condition.unlock() }
    isClosed = true
    condition.broadcast()
  }

  /// Asks for a sync soon, without waiting for it.
  package func hurry() {
    condition.lock()
    defer { condition.unlock() }
    isFlushing = true
    condition.broadcast()
  }

  private func syncOnce() -> Bool {
    condition.lock()
    while durable == written, !isClosed { condition.wait() }
    if isClosed, durable == written {
      condition.unlock()
      return false
    }
    let pause = Date(timeIntervalSinceNow: Self.interval)
    while !isFlushing, !isClosed, condition.wait(until: pause) {}
    let target = written
    condition.unlock()
    let fault = faults.pass(.journalSync)
    var (status, code): (Int32, Int32) = (-1, EIO)
    if fault != .eio {
      repeat {
        status = fdatasync(file)
        code = errno
      } while status != 0 && code == EINTR
    }
    condition.lock()
    if status == 0 || code == EINVAL {
      durable = target
      if durable == written { isFlushing = false }
    } else {
      syncFailure = .failed(path: path, operation: "sync", reason: "\(SystemError(code: code))")
    }
    condition.broadcast()
    condition.unlock()
    whenDurable()
    return status == 0 || code == EINVAL
  }

  // MARK: - Lines

  /// A line from the members of its object, such as `"kind":"unit","unit":"…"`.
  static func line(_ members: String) -> String {
    let body = members + "}\n"
    return "{\"check\":\"" + digits(CRC32.checksum(Array(body.utf8))) + "\"," + body
  }

  private static func digits(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// A line that was read, or what is wrong with it.
  package enum Line: Sendable {
    case sound(JSONValue)
    case damaged(line: Int, offset: Int)
  }

  /// Reads all lines of a journal; one that is cut off at the end is left out.
  ///
  /// - Returns: the lines, and the bytes up to the end of the last whole one.
  /// - Throws: ``Repository/ReadError``.
  package static func read(_ path: String) throws(ReadError) -> (lines: [Line], soundLength: Int) {
    guard FileManager.default.fileExists(atPath: path) else { return ([], 0) }
    let bytes = try readFile(path, limit: 1 << 36)
    var lines: [Line] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: 10) {
      lines.append(parse(bytes[start...end]).map { .sound($0) } ?? .damaged(line: lines.count + 1, offset: start))
      start = end + 1
    }
    return (lines, start)
  }

  private static let head = Array("{\"check\":\"".utf8)

  private static func parse(_ line: ArraySlice<UInt8>) -> JSONValue? {
    let bodyStart = line.startIndex + head.count + 10
    guard line.count > head.count + 12, line.prefix(head.count).elementsEqual(head),
      line.prefix(head.count + 8).dropFirst(head.count).elementsEqual(digits(CRC32.checksum(line[bodyStart...])).utf8),
      let text = String(validating: line.dropLast(), as: UTF8.self)
    else { return nil }
    return try? JSONValue(parsing: text)
  }
}
