// SPDX-License-Identifier: GPL-3.0-or-later
// A time during which a run's program worked.

internal import OrderedCollections
package import TaskFramework

/// One start of the program on a run, to its end.
package struct SessionRecord: Hashable, Sendable {
  package enum End: String, CaseIterable, Hashable, Sendable {
    case finished, drained, stopped, killed
  }

  /// Counted over the run's life.
  package var session: Int
  /// UTC, ISO 8601.
  package var start: String
  /// UTC, ISO 8601; `nil` when nobody was left to write it.
  package var end: String?
  /// Wall time, as far as it is known.
  package var seconds: Double
  package var rankCount: Int
  package var hosts: [String]
  package var endedBy: End

  package init(
    session: Int, start: String, end: String?, seconds: Double, rankCount: Int, hosts: [String], endedBy: End
  ) {
    self.session = session
    self.start = start
    self.end = end
    self.seconds = seconds
    self.rankCount = rankCount
    self.hosts = hosts
    self.endedBy = endedBy
  }

  package var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = ["session": .integer(Int64(session)), "start": .string(start)]
    members["end"] = end.map { .string($0) }
    members["seconds"] = .number(seconds)
    members["rankCount"] = .integer(Int64(rankCount))
    members["hosts"] = .array(hosts.map { .string($0) })
    members["endedBy"] = .string(endedBy.rawValue)
    return .object(members)
  }

  /// - Throws: ``RecordError``, which names the member.
  package init(json: JSONValue) throws(RecordError) {
    let reader = try MemberReader(json)
    session = try reader.count("session")
    start = try reader.string("start")
    end = reader["end"] == nil ? nil : try reader.string("end")
    seconds = try reader.double("seconds")
    rankCount = try reader.count("rankCount")
    hosts = try reader.strings("hosts")
    endedBy = try reader.choice("endedBy")
  }
}
