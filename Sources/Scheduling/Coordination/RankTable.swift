// SPDX-License-Identifier: GPL-3.0-or-later
// What a coordinator knows of the ranks.

/// What a coordinator knows of the ranks.
struct RankTable: Sendable {
  struct Record: Sendable {
    var assignments: [Assignment] = []
    var lastHeard: Double
    /// Whether it may still be given work.
    var isActive = true
    /// What it read last, latest first.
    var warm: [Int32] = []
  }

  private var records: [Record?] = []
  /// Ranks that ever joined.
  private(set) var count = 0
  /// Ranks that may still be given work.
  private(set) var activeCount = 0

  subscript(rank: Int) -> Record? {
    _read { yield records.indices.contains(rank) ? records[rank] : nil }
    _modify {
      if rank >= records.count { records += Array(repeating: nil, count: rank + 1 - records.count) }
      if records[rank] == nil { count += 1 }
      if records[rank]?.isActive == true { activeCount -= 1 }
      yield &records[rank]
      if records[rank] == nil { count -= 1 }
      if records[rank]?.isActive == true { activeCount += 1 }
    }
  }

  /// Ranks that may still be given work, in order.
  var active: [Int] { records.indices.filter { records[$0]?.isActive == true } }
}

/// Ranks without work, the one that waits longest first.
struct IdleRanks: Sendable {
  private var queue: [Int] = []
  private var start = 0
  private var members: Set<Int> = []

  mutating func insert(_ rank: Int) { if members.insert(rank).inserted { queue.append(rank) } }

  mutating func remove(_ rank: Int) { members.remove(rank) }

  /// A rank that was removed is still in the queue, and passed over here.
  mutating func first() -> Int? {
    while start < queue.count {
      if members.contains(queue[start]) { return queue[start] }
      start += 1
    }
    queue.removeAll(keepingCapacity: true)
    start = 0
    return nil
  }

  /// The queue does not grow without end while it never runs empty.
  mutating func compact() {
    guard start > 1024, start > queue.count / 2 else { return }
    queue.removeFirst(start)
    start = 0
  }
}
