// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of all ranks, up a tree.

internal import MPI
internal import Reporting
internal import Scheduling

/// Collects the statistics of all live ranks, from point to point up a binary tree; merges are exact, so that neither the tree's shape
/// nor the order shows in the sum.
enum MetadataReduction {
  /// Seconds that a rank waits for another one.
  private static let patience = 20.0

  /// At rank 0: tells the others who collects from whom, and merges what comes.
  ///
  /// - Returns: `nil` when some rank's share is lost; the journal then has to be read instead.
  static func atRoot(_ world: MPIWorld?, live: [Int], own: CampaignStatistics, waker: Waker) -> CampaignStatistics? {
    guard let world, !live.isEmpty else { return own }
    let ranks = [0] + live.sorted()
    for (place, rank) in ranks.enumerated().dropFirst() {
      try? world.send(
        Message.release(parent: ranks[(place - 1) / 2], children: children(of: place, ranks)).encoded, to: rank)
    }
    return merge(world, children(of: 0, ranks), own, [:], waker)
  }

  /// At another rank: merges what its children send, or have sent already, and sends the sum on.
  static func atRank(
    _ world: MPIWorld, parent: Int, children: [Int], own: CampaignStatistics, early: [Int: [UInt8]], waker: Waker
  ) {
    let sum = merge(world, children, own, early, waker)
    try? world.send(Message.collected(sum?.encode() ?? []).encoded, to: parent)
  }

  private static func children(of place: Int, _ ranks: [Int]) -> [Int] {
    [2 * place + 1, 2 * place + 2].filter { $0 < ranks.count }.map { ranks[$0] }
  }

  private static func merge(
    _ world: MPIWorld, _ children: [Int], _ own: CampaignStatistics, _ early: [Int: [UInt8]], _ waker: Waker
  ) -> CampaignStatistics? {
    var parts = early.filter { children.contains($0.key) }
    let deadline = ContinuousClock.now + .seconds(patience)
    while parts.count < children.count {
      guard ContinuousClock.now < deadline else { return nil }
      guard let (sender, bytes) = try? world.receive() else {
        waker.nap(0.0005)
        continue
      }
      // Late heartbeats and results may still be under way.
      if case .collected(let content) = try? Message(decoding: bytes), children.contains(sender) {
        parts[sender] = content
      }
    }
    var sum = own
    for content in parts.values {
      guard !content.isEmpty, let part = try? CampaignStatistics(decoding: content) else { return nil }
      sum.merge(part)
    }
    return sum
  }
}
