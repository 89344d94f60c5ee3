// SPDX-License-Identifier: GPL-3.0-or-later
// What a process leaves behind when it crashes.

internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

private let noteFile = Atomic<Int32>(-1)
/// The text that the handler writes: where it lies, and how long it is.
///
/// It is never freed, so that it can be read at any instant.
private let noteText = Atomic<UInt>(0)
private let noteLength = Atomic<Int>(0)

/// Names the work under way in a file when the process crashes, so that the next session knows which unit to blame.
///
/// Only a crash of the process itself is known in this way: whoever kills it from outside leaves no note.
package enum CrashNote {
  /// A unit that was under way in a crash, and which of its quanta.
  package struct Crash: Hashable, Sendable {
    package let unit: String
    package let place: Int
  }

  private static let largest = 1024
  static let prefix = ".crash-"

  /// Opens the note that a crash is written into, and begins to listen for one.
  package static func prepare(in folder: String, rank: Int) {
    let path = "\(folder)/\(prefix)\(rank)-\(getpid())"
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    noteFile.store(file, ordering: .sequentiallyConsistent)
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: largest, alignment: 16)
    noteText.store(UInt(bitPattern: buffer), ordering: .sequentiallyConsistent)
    for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
      var action = sigaction()
      let handler: @convention(c) (Int32) -> Void = { signal in
        let length = noteLength.load(ordering: .sequentiallyConsistent)
        if length > 0, let text = UnsafeRawPointer(bitPattern: noteText.load(ordering: .sequentiallyConsistent)) {
          _ = write(noteFile.load(ordering: .sequentiallyConsistent), text, length)
        }
        // The handler is gone after its first call: what happened happens again, and ends the process as it should.
        raise(signal)
      }
      #if canImport(Glibc)
        action.__sigaction_handler.sa_handler = handler
      #else
        action.__sigaction_u.__sa_handler = handler
      #endif
      action.sa_flags = Int32(truncatingIfNeeded: SA_RESETHAND) | SA_NODEFER | SA_ONSTACK
      sigaction(signal, &action, nil)
    }
  }

  /// Gives this thread's handlers a stack of their own: one that is used up has no room for them.
  ///
  /// It is never freed.
  package static func useOwnStack() {
    let size = 64 << 10
    var stack = stack_t()
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    stack.ss_size = size
    sigaltstack(&stack, nil)
  }

  /// What a crash from now on is about; `nil` for nothing.
  package static func set(_ unit: String?, place: Int = 0) {
    noteLength.store(0, ordering: .sequentiallyConsistent)
    guard let unit, let buffer = UnsafeMutableRawPointer(bitPattern: noteText.load(ordering: .sequentiallyConsistent))
    else { return }
    let bytes = Array("\(place)\t\(unit)\n".utf8.prefix(largest))
    bytes.withUnsafeBytes {
      buffer.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(buffer), byteCount: bytes.count)
    }
    noteLength.store(bytes.count, ordering: .sequentiallyConsistent)
  }

  /// Removes this process's note: it ends in good order.
  package static func discard(in folder: String, rank: Int) {
    guard noteFile.load(ordering: .sequentiallyConsistent) >= 0 else { return }
    unlink("\(folder)/\(prefix)\(rank)-\(getpid())")
  }

  /// Removes the notes of ranks that are gone, once what they were about is settled.
  static func discard(in folder: String, ofRanks ranks: Set<Int>) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasPrefix(prefix) {
      let rank = name.dropFirst(prefix.count).prefix { $0 != "-" }
      if let number = Int(rank), ranks.contains(number) { unlink("\(folder)/\(name)") }
    }
  }

  /// What the notes say that processes left: the units that were under way when they crashed.
  static func collect(in folder: String) -> [Crash] {
    notes(in: folder).flatMap { path -> [Crash] in
      let data = FileManager.default.contents(atPath: path) ?? Data()
      return String(decoding: data.prefix(1 << 16), as: UTF8.self).split(separator: "\n").compactMap { line in
        let parts = line.split(separator: "\t", maxSplits: 1)
        guard parts.count == 2, let place = Int(parts[0]), place >= 0 else { return nil }
        return Crash(unit: String(parts[1]), place: place)
      }
    }
  }

  /// Removes all notes, once what they say is written down elsewhere.
  static func discardAll(in folder: String) {
    // This process has its own already, and may need it.
    for path in notes(in: folder) where !path.hasSuffix("-\(getpid())") { unlink(path) }
  }

  private static func notes(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix(prefix) }.sorted()
      .map { "\(folder)/\($0)" }
  }
}
