// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Digests
import Foundation
import Reporting
import Repository
import TaskFramework
import TestSupport
import Testing

@Suite struct JournalTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path + "/journal.jsonl" }

  init() throws { folder = try TemporaryFolder() }

  private static func recipe(_ number: Int) -> Digest256 { SHA256.digest(Array("recipe \(number)".utf8)) }

  /// A unit of two quanta, the second of which failed for every third unit.
  private static func record(_ number: Int) throws -> UnitRecord {
    func quantum(_ task: String) throws -> QuantumRecord {
      let hasFailed = task == "b" && number % 3 == 0
      return QuantumRecord(
        task: task, dataID: try DataID([.visit: .number(Int64(number)), .detector: .number(3)]),
        outcome: hasFailed ? .failed(category: "ValueError", message: "line\nbreak \"é\"") : .succeeded([]),
        outputs: hasFailed
          ? []
          : [OutputRecord(datasetType: "d", bytes: 17, path: "d/d-visit\(number).h5", sha256: SHA256.hex("\(number)"))])
    }
    return UnitRecord(
      unit: "a+b of visit \(number)", attempt: 1,
      entries: [
        UnitRecord.Entry(recipe: recipe(2 * number), record: try quantum("a"), passedOn: ["x/y.h5"]),
        UnitRecord.Entry(recipe: recipe(2 * number + 1), record: try quantum("b")),
      ])
  }

  private func write(_ lines: [String], soundLength: Int = 0) throws {
    let journal = try Journal(path, soundLength: soundLength, whenDurable: {})
    defer { journal.finish() }
    for (number, line) in lines.enumerated() {
      let count = try journal.append(line)
      #expect(count == number + 1)
    }
    try journal.flush()
    #expect(try journal.durableCount() == lines.count)
  }

  private static func lines(_ count: Int) throws -> [String] {
    try ["\"kind\":\"session\",\"formatVersion\":1,\"session\":1,\"expected\":[],\"warnings\":[]"]
      + (0..<count).map { try record($0).journalMembers }
  }

  private func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
  private func replace(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
  private func history() throws -> RunHistory { try RunHistory(journalOf: folder.path) }

  /// What a history says must be what was written of it, whatever is missing.
  private func isSound(_ history: RunHistory, _ truth: RunHistory) -> Bool {
    history.entries.allSatisfy { recipe, entry in truth.entries[recipe]?.record == entry.record }
  }

  @Test func whatIsWrittenIsRead() throws {
    try write(try Self.lines(7))
    let history = try history()
    #expect(history.entries.count == 14 && history.sessionCount == 1 && !history.isComplete && history.warnings.isEmpty)
    #expect(history.soundLength == (try bytes()).count)
    for number in 0..<7 {
      for (place, entry) in try Self.record(number).entries.enumerated() {
        let read = try #require(history.entries[Self.recipe(2 * number + place)])
        #expect(read.record == entry.record && read.passedOn == entry.passedOn)
      }
    }
    // Of each output the last word counts; what failed has none.
    #expect(history.products.count == 7)
  }

  @Test func aJournalThatIsNotThereIsEmpty() throws {
    let none = try history()
    #expect(none.entries.isEmpty && none.soundLength == 0 && none.warnings.isEmpty)
    try replace([])
    #expect(try history().entries.isEmpty)
    try replace(Array("\n\n\n".utf8))
    #expect(try history().entries.isEmpty)
  }

  @Test func aFolderInItsPlaceIsAnError() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(throws: ReadError.self) { _ = try RunHistory(journalOf: folder.path) }
    #expect(throws: PublishError.self) { _ = try Journal(path, soundLength: 0, whenDurable: {}) }
  }

  @Test func aPlaceThatIsNoneIsAnError() throws {
    #expect(throws: PublishError.self) {
      _ = try Journal(folder.path + "/none/journal.jsonl", soundLength: 0, whenDurable: {})
    }
  }

  // MARK: - Damage

  @Test func aJournalThatIsCutAnywhereGivesItsWholeLines() throws {
    try write(try Self.lines(8))
    let whole = try bytes()
    let truth = try history()
    for length in max(0, whole.count - 4096)..<whole.count {
      try replace(Array(whole[..<length]))
      let history = try history()
      let wholeLines = whole[..<length].count { $0 == 10 }
      #expect(history.entries.count == 2 * max(0, wholeLines - 1), "cut at \(length)")
      #expect(history.soundLength <= length && history.warnings.isEmpty && isSound(history, truth), "cut at \(length)")
    }
  }

  @Test(arguments: [UInt64(0x10A1), 0x10A2]) func aDamagedLineDoesNotCount(_ seed: UInt64) throws {
    try write(try Self.lines(4))
    let whole = try bytes()
    let truth = try history()
    var random = SeededRandom(seed)
    for place in whole.indices {
      // The bit that tells capitals from small letters is the one that a careless reader forgives.
      for flip in [UInt8(0x20), UInt8(1) << UInt8.random(in: 0...7, using: &random)] {
        var damaged = whole
        damaged[place] ^= flip
        try replace(damaged)
        let history = try history()
        let line = whole[..<place].count { $0 == 10 }
        #expect(isSound(history, truth), "seed \(seed), byte \(place)")
        if line > 0 {
          #expect(history.entries[Self.recipe(2 * line - 2)] == nil, "seed \(seed), byte \(place) ^ \(flip)")
          #expect(history.entries[Self.recipe(2 * line - 1)] == nil, "seed \(seed), byte \(place) ^ \(flip)")
        }
        // Without its end the last line is one that was being written.
        if place < whole.count - 1 {
          #expect(history.warnings.count == 1, "seed \(seed), byte \(place)")
          let start = (whole[..<place].lastIndex(of: 10) ?? -1) + 1
          #expect(history.warnings.first?.contains("line \(line + 1) (byte \(start))") == true, "\(history.warnings)")
        }
      }
    }
  }

  @Test func severalDamagedLinesAreCounted() throws {
    try write(try Self.lines(5))
    var bytes = try bytes()
    let ends = bytes.indices.filter { bytes[$0] == 10 }
    for end in [ends[1], ends[3]] { bytes[end - 9] ^= 1 }
    try replace(bytes)
    let warning = try #require(try history().warnings.first)
    #expect(warning.contains("2 lines are damaged, the first is line 2 (byte \(ends[0] + 1))"), "\(warning)")
    #expect(warning.contains("done again"))
  }

  @Test func noiseIsNoHistory() throws {
    let seed: UInt64 = 0x10A3
    var random = SeededRandom(seed)
    for _ in 0..<300 {
      try replace((0..<Int.random(in: 0...600, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
      #expect(try history().entries.isEmpty, "seed \(seed)")
    }
  }

  /// Lines that are whole and say something else than we would write: each is left out, none ends the program.
  @Test(arguments: [
    "\"kind\":3", "\"kind\":\"unit\"", "\"kind\":\"unit\",\"unit\":\"u\",\"attempt\":\"x\",\"quanta\":[]",
    "\"kind\":\"unit\",\"unit\":\"u\",\"attempt\":1,\"quanta\":[{\"recipe\":\"xyz\",\"record\":{}}]",
    "\"kind\":\"unit\",\"unit\":\"u\",\"attempt\":9223372036854775807,\"quanta\":[3,null]", "\"kind\":\"strike\"",
    "\"kind\":\"forget\"",
    "\"kind\":\"forget\",\"recipe\":\"../x\"", "\"kind\":\"blocked\",\"record\":[]",
    "\"kind\":\"end\",\"isComplete\":1", "\"other\":{}",
    "\"kind\":\"session\",\"session\":\"x\",\"expected\":3,\"warnings\":[1,{}]",
    "\"kind\":\"something of a later year\"",
    "\"kind\":\"session\",\"session\":-9223372036854775808",
    "\"kind\":\"strike\",\"unit\":\"u\",\"cause\":\"loss\",\"session\":9223372036854775807",
  ]) func aLineOfAnotherKindIsLeftOut(_ line: String) throws {
    try write(try Self.lines(2) + [line])
    let history = try history()
    #expect(history.entries.count == 4 && !history.isComplete && history.blocked.isEmpty)
  }

  @Test func lettersThatAreNoObjectAreDamage() throws {
    try write(["\"a\":1,\"a\":2", "no json", "\"kind\":\"end\",\"isComplete\":true"])
    let history = try history()
    #expect(history.warnings.first?.contains("2 lines are damaged") == true && history.isComplete)
  }

  // MARK: - Lines that are not where they were

  @Test func linesInAnyOrderSayTheSame() throws {
    try write(try Self.lines(6))
    let truth = try history()
    let lines = try bytes().split(separator: 10).map { Array($0) + [10] }
    let seed: UInt64 = 0x10A4
    var random = SeededRandom(seed)
    for round in 0..<50 {
      var some = lines.shuffled(using: &random)
      some += some.filter { _ in Bool.random(using: &random) }
      try replace(Array(some.joined()))
      #expect(
        try history().entries.mapValues(\.record) == truth.entries.mapValues(\.record), "seed \(seed), round \(round)")
      let fewer = some.filter { _ in Bool.random(using: &random) }
      try replace(Array(fewer.joined()))
      let history = try history()
      #expect(isSound(history, truth) && history.warnings.isEmpty, "seed \(seed), round \(round)")
    }
  }

  @Test func theLastWordCounts() throws {
    var again = try Self.record(1)
    again.entries[0].record.outcome = .failed(category: "ValueError", message: "this time")
    let recipe = Self.recipe(2)
    try write(try Self.lines(2) + [again.journalMembers])
    #expect(try history().entries[recipe]?.record.outcome == again.entries[0].record.outcome)
    let length = try history().soundLength
    try write(["\"kind\":\"forget\",\"recipe\":\"\(recipe.hex)\""], soundLength: length)
    #expect(try history().entries[recipe] == nil)
    #expect(try history().counted.count == 3)
  }

  @Test func aNewerFormatIsRefused() throws {
    try write(["\"kind\":\"session\",\"formatVersion\":2,\"session\":1"])
    let error = #expect(throws: FormatError.self) { _ = try RunHistory(journalOf: folder.path) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("--restart"))
  }

  // MARK: - Going on

  @Test func aLineBehindATornOneIsRead() throws {
    try write(try Self.lines(3))
    let whole = try bytes()
    for cut in [1, 10, 77, 200] {
      try replace(Array(whole[..<(whole.count - cut)]))
      let length = try history().soundLength
      try write([try Self.record(9).journalMembers], soundLength: length)
      let history = try history()
      #expect(history.warnings.isEmpty)
      #expect(
        history.entries.count == 6 && history.entries[Self.recipe(18)] != nil && history.entries[Self.recipe(4)] == nil)
    }
  }

  @Test func aHundredThousandLinesAreRead() throws {
    let journal = try Journal(path, soundLength: 0, whenDurable: {})
    defer { journal.finish() }
    for number in 0..<100_000 { _ = try journal.append(try Self.record(number).journalMembers) }
    try journal.flush()
    let history = try history()
    #expect(history.entries.count == 200_000 && history.warnings.isEmpty)
  }

  // MARK: - Accidents

  @Test func aSyncThatFailsIsAnError() throws {
    let faults = try #require(FaultInjection(parsing: "journalSync:eio", rank: 0))
    let journal = try Journal(path, soundLength: 0, faults: faults, whenDurable: {})
    defer { journal.finish() }
    _ = try journal.append("\"kind\":\"end\",\"isComplete\":true")
    let error = #expect(throws: PublishError.self) { try journal.flush() }
    #expect(error?.description.contains("journal.jsonl: cannot sync") == true)
    // It stays one: what was not safe then may never be.
    #expect(throws: PublishError.self) { _ = try journal.durableCount() }
    #expect(throws: PublishError.self) { try journal.flush() }
  }

  @Test(arguments: ["enospc", "eio"]) func aLineThatCannotBeWrittenIsTheLast(_ accident: String) throws {
    let faults = try #require(FaultInjection(parsing: "journalAppend:\(accident):2", rank: 0))
    let journal = try Journal(path, soundLength: 0, faults: faults, whenDurable: {})
    defer { journal.finish() }
    _ = try journal.append(try Self.record(0).journalMembers)
    let error = #expect(throws: PublishError.self) { _ = try journal.append(try Self.record(1).journalMembers) }
    switch error {
    case .diskFull: #expect(accident == "enospc")
    case .failed(_, let operation, _): #expect(accident == "eio" && operation == "write")
    default: Issue.record("\(String(describing: error))")
    }
    // What came behind a part of a line would be lost with it, so nothing does.
    #expect(throws: PublishError.self) { _ = try journal.append(try Self.record(2).journalMembers) }
    try journal.flush()
    #expect(try journal.durableCount() == 1)
    #expect(try history().entries.count == 2)
  }

  @Test func whoWaitsForDurabilityIsTold() throws {
    let told = DispatchSemaphore(value: 0)
    let journal = try Journal(path, soundLength: 0, whenDurable: { told.signal() })
    defer { journal.finish() }
    _ = try journal.append("\"kind\":\"end\",\"isComplete\":true")
    journal.hurry()
    #expect(told.wait(timeout: .now() + 60) == .success)
    #expect(try journal.durableCount() == 1)
  }
}
