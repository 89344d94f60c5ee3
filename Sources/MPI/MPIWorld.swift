// SPDX-License-Identifier: GPL-3.0-or-later
// All ranks, as one of them sees them.

internal import CMPI

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// All ranks of a run, as one of them sees them: whole messages from point to point.
///
/// Used by one thread, the one that made it. No call blocks: a blocked receive would burn a core, and a blocked send would
/// wait for ever for a rank that is gone. Between start and end there is no collective operation, so that `mpirun --enable-recovery` can
/// go on without a rank that died.
package final class MPIWorld {
  package let rank: Int
  package let size: Int
  /// Ranks on this machine.
  package let ranksOnNode: Int
  /// What is under way; MPI reads the bytes until it says that it is through.
  private var outgoing: [Outgoing] = []

  private struct Outgoing {
    let bytes: UnsafeMutableRawBufferPointer
    var request: MPI_Request?
  }

  /// Starts MPI, runs a closure, ends MPI.
  ///
  /// - Throws: ``MPIError``, and what the closure throws; MPI is ended in either case.
  package static func run<Result>(_ body: (MPIWorld) throws -> Result) throws -> Result {
    // Where others go on without a rank that died, nobody may wait for it at the end, as MPI_Finalize does on its own.
    if getenv("OMPI_MCA_orte_enable_recovery") != nil { setenv("OMPI_MCA_async_mpi_finalize", "1", 0) }
    var provided: Int32 = 0
    try check("start", skydiff_mpi_init(&provided))
    guard provided >= skydiff_mpi_funneled() else {
      throw MPIError(operation: "start", reason: "this MPI is not made for programs with several threads")
    }
    let world = try MPIWorld()
    let result = Swift.Result { try body(world) }
    world.flush(patience: .seconds(2))
    _ = MPI_Finalize()
    return try result.get()
  }

  private init() throws {
    try Self.check("report errors", skydiff_mpi_return_errors())
    var number: Int32 = 0
    try Self.check("tell the rank", skydiff_mpi_rank(&number))
    rank = Int(number)
    try Self.check("tell the number of ranks", skydiff_mpi_size(&number))
    size = Int(number)
    try Self.check("tell the ranks of this machine", skydiff_mpi_ranks_on_node(&number))
    ranksOnNode = max(1, Int(number))
  }

  /// The library's name and version, in one line.
  package static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: Int(skydiff_mpi_version_length()) + 1)
    skydiff_mpi_version(&text)
    let whole = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return String(whole.prefix { $0 != "," && $0 != "\n" })
  }

  /// Sends a message; it is on its way when this returns.
  ///
  /// - Throws: ``MPIError``: the receiver is gone.
  package func send(_ bytes: [UInt8], to receiver: Int) throws(MPIError) {
    sweep()
    guard bytes.count <= Int(Int32.max) else {
      throw MPIError(operation: "send", reason: "a message of \(bytes.count) bytes is too long")
    }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 16)
    copy.copyBytes(from: bytes)
    var request: MPI_Request?
    do throws(MPIError) {
      try Self.check(
        "send to rank \(receiver)", skydiff_mpi_send(copy.baseAddress, Int32(bytes.count), Int32(receiver), &request))
    } catch {
      copy.deallocate()
      throw error
    }
    outgoing.append(Outgoing(bytes: copy, request: request))
  }

  /// The next message that has arrived; `nil` when there is none.
  ///
  /// - Throws: ``MPIError``.
  package func receive() throws(MPIError) -> (sender: Int, bytes: [UInt8])? {
    sweep()
    var (found, source, count) = (Int32(0), Int32(0), Int32(0))
    try Self.check("look for messages", skydiff_mpi_probe(&found, &source, &count))
    guard found != 0 else { return nil }
    var status: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
      status = skydiff_mpi_receive(buffer.baseAddress, count, source)
      filled = status == skydiff_mpi_success() ? Int(count) : 0
    }
    try Self.check("receive from rank \(source)", status)
    return (Int(source), bytes)
  }

  /// Gives back what has been sent.
  private func sweep() {
    guard !outgoing.isEmpty else { return }
    outgoing.removeAll { entry in
      var (request, done) = (entry.request, Int32(0))
      // A send that failed is as much over as one that did not: who was to get it is gone.
      let status = skydiff_mpi_is_sent(&request, &done)
      guard done != 0 || status != skydiff_mpi_success() else { return false }
      entry.bytes.deallocate()
      return true
    }
  }

  /// Waits until all is sent, but not for ever: some receiver may be gone.
  package func flush(patience: Duration) {
    let deadline = ContinuousClock.now + patience
    sweep()
    while !outgoing.isEmpty, ContinuousClock.now < deadline { sweep() }
  }

  /// Ends all ranks that are left; for when nobody is left to end them in good order.
  package func abort(_ status: Int32) -> Never {
    skydiff_mpi_abort(status)
    _exit(status)
  }

  private static func check(_ operation: String, _ status: Int32) throws(MPIError) {
    guard status != skydiff_mpi_success() else { return }
    var text = [CChar](repeating: 0, count: Int(skydiff_mpi_error_length()) + 1)
    var length: Int32 = 0
    MPI_Error_string(status, &text, &length)
    throw MPIError(
      operation: operation,
      reason: String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}
