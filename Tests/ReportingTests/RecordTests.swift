// SPDX-License-Identifier: GPL-3.0-or-later

import OrderedCollections
import Reporting
import TaskFramework
import Testing

/// Records as JSON, also when it is not what it should be.
@Suite struct RecordTests {
  private static func parsed(_ json: JSONValue) throws -> JSONValue { try JSONValue(parsing: json.text()) }

  @Test func quantaSurviveJSON() throws {
    for number in 0..<300 {
      let record = try SampleRun.record(number)
      #expect(try QuantumRecord(json: Self.parsed(record.json)) == record)
    }
    let plain = QuantumRecord(task: "makeWarp", dataID: .empty, outcome: .blocked)
    #expect(plain.json.text() == #"{"task":"makeWarp","outcome":"blocked"}"#)
    #expect(try QuantumRecord(json: plain.json) == plain)
    #expect(RecordedOutcome(.failed(category: "a", message: "b")) == .failed(category: "a", message: "b"))
    #expect(RecordedOutcome(.noWorkBeforeStart) == .succeeded(Caveats(rawValue: 15)))
  }

  @Test func attemptsAndSessionsSurviveJSON() throws {
    for unit in 0..<60 {
      let attempt = try SampleRun.attempt(unit, ranks: 8)
      #expect(try AttemptRecord(json: Self.parsed(attempt.json)) == attempt)
    }
    for number in 1...2 {
      let session = SampleRun.session(number, ranks: 4, isLast: number == 2)
      #expect(try SessionRecord(json: Self.parsed(session.json)) == session)
    }
  }

  @Test(arguments: [
    ("[]", "", "is no object"), ("{}", "task", "is missing"), (#"{"task":1}"#, "task", "is no text"),
    (#"{"task":"a","outcome":"fine"}"#, "outcome", "is \"fine\", not one of succeeded, failed, blocked"),
    (#"{"task":"a","outcome":"succeeded","caveats":-1}"#, "caveats", "is -1, not from 0 to 2147483647"),
    (#"{"task":"a","outcome":"failed","category":"b"}"#, "message", "is missing"),
    (#"{"task":"a","outcome":"blocked","id":{"night":3}}"#, "id.night", "is no dimension"),
    (#"{"task":"a","outcome":"blocked","id":{"visit":1.5}}"#, "id.visit", "is neither a whole number nor a name"),
    (#"{"task":"a","outcome":"blocked","inputs":["b",2]}"#, "inputs[1]", "is no text"),
    (#"{"task":"a","outcome":"blocked","log":"b"}"#, "log", "is no array"),
    (#"{"task":"a","outcome":"blocked","outputs":[3]}"#, "outputs[0]", "is no object"),
    (
      #"{"task":"a","outcome":"blocked","outputs":[{"type":"b","bytes":1e30}]}"#, "outputs[0].bytes",
      "is no whole number"
    ),
    (#"{"task":"a","outcome":"blocked","metadata":[]}"#, "metadata", "is not metadata: metadata: it is no object"),
  ])
  func errorsNameTheMember(_ text: String, _ member: String, _ reason: String) throws {
    let json = try JSONValue(parsing: text)
    let error = #expect(throws: RecordError.self) { try QuantumRecord(json: json) }
    #expect(error?.member == member)
    #expect(error?.reason == reason)
  }

  @Test func unsafeDataIDsAreRefused() throws {
    for text in [#"{"visit":-1}"#, #"{"visit":"a"}"#, #"{"band":3}"#, #"{"band":"../g"}"#, #"{"band":null}"#] {
      let json = try JSONValue(parsing: text)
      #expect(throws: RecordError.self, "\(text)") { try DataID(json: json) }
    }
  }

  /// Each member of good records, replaced by each kind of value.
  @Test func noKindOfMemberTraps() throws {
    let others: [JSONValue] = [
      .null, .boolean(true), .integer(.min), .integer(.max), .number(.nan), .number(1e300), .string(""),
      .array([.null]),
      .object(["x": .null]), .object([:]),
    ]
    let failed = try #require(try (0..<300).map { try SampleRun.record($0) }.first { !$0.inputs.isEmpty })
    for json in [
      failed.json, try SampleRun.record(3).json, try SampleRun.attempt(1, ranks: 2).json,
      SampleRun.session(2, ranks: 1).json,
    ] {
      for changed in Self.variants(of: json, others) {
        _ = try? QuantumRecord(json: changed)
        _ = try? AttemptRecord(json: changed)
        _ = try? SessionRecord(json: changed)
        _ = try? OutputRecord(json: changed)
      }
    }
  }

  private static func variants(of json: JSONValue, _ others: [JSONValue]) -> [JSONValue] {
    switch json {
    case .object(let members):
      members.flatMap { name, value in
        (others + variants(of: value, others)).map { other in
          var changed = members
          changed[name] = other
          return JSONValue.object(changed)
        }
      }
    case .array(let elements): elements.prefix(2).flatMap { variants(of: $0, others) }.map { .array([$0]) }
    default: []
    }
  }
}
