// SPDX-License-Identifier: GPL-3.0-or-later
// Accidents on purpose.

internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Accidents on purpose, for tests of the whole program: `site:action[:count][@rank][/text]`, several with semicolons.
///
/// At the `count`th passage of a site (the first unless given) the action happens, once; with 0 at each. With a text only passages
/// count that are about a unit with it in its name. Without any it costs a branch.
package final class FaultInjection: Sendable {
  /// Where accidents can happen.
  package enum Site: String, CaseIterable, Sendable {
    case plan, lock, welcome, unitStart, unitEnd, read, write, published, journalAppend, journalSync, result, reduction,
      report, index, end
  }

  package enum Action: String, CaseIterable, Sendable {
    /// SIGKILL of this process.
    case kill
    /// What a programming error does.
    case trap
    /// Never goes on.
    case hang
    /// SIGUSR1 to this process.
    case drain
    /// SIGTERM to this process.
    case term
    /// A message that is none, instead of the next one.
    case garbage
    /// The operation fails with EIO.
    case eio
    /// The operation finds no space.
    case enospc
  }

  private struct Fault {
    let site: Site
    let action: Action
    let count: Int
    let rank: Int?
    let text: String
    var passages = 0
  }

  package static let none = FaultInjection([], rank: 0)

  private let faults: Mutex<[Fault]>
  private let isEmpty: Bool
  private let rank: Int

  private init(_ faults: [Fault], rank: Int) {
    self.faults = Mutex(faults)
    isEmpty = faults.isEmpty
    self.rank = rank
  }

  /// - Returns: `nil` for a text that describes no accidents.
  package convenience init?(parsing text: String, rank: Int) {
    var faults: [Fault] = []
    for part in text.split(separator: ";") {
      let about = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      let place = about[0].split(separator: "@", omittingEmptySubsequences: false)
      let words = place[0].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard (2...3).contains(words.count), place.count <= 2, let site = Site(rawValue: words[0]),
        let action = Action(rawValue: words[1])
      else { return nil }
      let count = words.count == 3 ? Int(words[2]) : 1
      let rank = place.count == 2 ? Int(place[1]) : nil
      guard let count, count >= 0, place.count == 1 || rank != nil else { return nil }
      faults.append(
        Fault(site: site, action: action, count: count, rank: rank, text: about.count > 1 ? String(about[1]) : ""))
    }
    self.init(faults, rank: rank)
  }

  /// Passes a site; what cannot be done here is returned for the caller to do.
  @discardableResult
  package func pass(_ site: Site, about unit: String = "") -> Action? {
    guard !isEmpty else { return nil }
    let action = faults.withLock { faults -> Action? in
      var due: Action?
      for i in faults.indices where faults[i].site == site && (faults[i].rank ?? rank) == rank {
        guard faults[i].text.isEmpty || unit.contains(faults[i].text) else { continue }
        faults[i].passages += 1
        if faults[i].passages == faults[i].count || faults[i].count == 0 { due = faults[i].action }
      }
      return due
    }
    switch action {
    case .kill: kill(getpid(), SIGKILL)
    // What a programming error in a task would do: it takes the process with it, which is what is to be tested.
    case .trap: fatalError("an accident on purpose")
    case .hang: while true { sleep(3600) }
    case .drain: kill(getpid(), SIGUSR1)
    case .term: kill(getpid(), SIGTERM)
    case .garbage, .eio, .enospc, nil: return action
    }
    return nil
  }
}
