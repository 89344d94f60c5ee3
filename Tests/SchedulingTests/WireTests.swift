// SPDX-License-Identifier: GPL-3.0-or-later

import Scheduling
import Testing

@Suite struct WireTests {
  static let messages: [Message] =
    [
      .hello(.init(host: "nøde-7", processID: 4711, softwareVersion: "1.2.3")),
      .hello(.init(host: "", processID: -1, softwareVersion: "")),
      .welcome(session: 3, host: "h", processID: 1, job: Array(0...255)),
      .dismissed, .acknowledge, .retire,
      .assign([]),
      .assign([
        .init(Assignment(unit: 0, attempt: 1), content: []),
        .init(Assignment(unit: 1 << 30, attempt: 7), content: [1, 2]),
      ]),
      .heartbeat(memory: .max), .heartbeat(memory: -1),
      .release(parent: 0, children: []), .release(parent: 5, children: [11, 12]),
      .collected([]), .collected([UInt8](repeating: 7, count: 3000)),
    ]
    + verdicts.map {
      .result(.init(Assignment(unit: 12, attempt: 2), $0, seconds: 0.25, record: [9, 10], attempt: Array("{}".utf8)))
    }

  static let verdicts: [Verdict] = [
    .succeeded, .failed, .failedTransiently, .storageFull, .timedOut(isStuck: false), .timedOut(isStuck: true),
    .interrupted,
  ]

  @Test(arguments: messages) func aMessageComesBack(_ message: Message) throws {
    #expect(try Message(decoding: message.encoded) == message)
  }

  @Test func secondsThatAreNoNumberComeBackAsTheyAre() throws {
    let sent = Message.result(
      .init(Assignment(unit: 1, attempt: 1), .succeeded, seconds: .nan, record: [], attempt: []))
    // NaN differs from itself, so the bytes are compared.
    #expect(try Message(decoding: sent.encoded).encoded == sent.encoded)
  }

  @Test(arguments: messages) func aMessageThatIsCutShortIsNone(_ message: Message) {
    let bytes = message.encoded
    for length in 0..<bytes.count {
      #expect(throws: WireError.self) { _ = try Message(decoding: Array(bytes[..<length])) }
    }
    #expect(throws: WireError.self) { _ = try Message(decoding: bytes + [0]) }
  }

  /// The checksum finds each damaged bit of the content, and the header has something to compare each of its own with.
  @Test(arguments: messages) func aMessageWithADamagedBitIsNone(_ message: Message) {
    let bytes = message.encoded
    for place in 0..<min(bytes.count, 400) {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[place] ^= UInt8(1) << UInt8(bit)
        #expect(throws: WireError.self) { _ = try Message(decoding: damaged) }
      }
    }
  }

  /// What a checksum cannot find: contents that someone wrapped in good order.
  @Test(arguments: 0..<messages.count) func anyContentIsAMessageOrAnError(_ number: Int) throws {
    let seed = 0x5EED_0001 + UInt64(number)
    var random = SeededGenerator(seed: seed)
    let bytes = Self.messages[number].encoded
    let kind = bytes[6]
    let content = Array(bytes[WireFrame.headerSize...])
    for _ in 0..<5000 {
      var damaged = content
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        guard !damaged.isEmpty else { break }
        damaged[Int.random(in: damaged.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if random.chance(0.2) { damaged.removeLast(Int.random(in: 0...damaged.count, using: &random)) }
      let otherKind = random.chance(0.2) ? UInt8.random(in: 0...255, using: &random) : kind
      do throws(WireError) {
        let message = try Message(decoding: WireFrame.wrap(kind: otherKind, damaged))
        // What is taken for a message is one: it says the same when it is sent on.
        let again = message.encoded
        #expect(again == WireFrame.wrap(kind: otherKind, damaged), "seed \(seed): \(message)")
      } catch {
        #expect(!error.reason.isEmpty, "seed \(seed)")
      }
    }
  }

  @Test func noiseIsNoMessage() {
    let seed: UInt64 = 0x5EED_0002
    var random = SeededGenerator(seed: seed)
    for _ in 0..<5000 {
      let noise = (0..<Int.random(in: 0...64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(throws: WireError.self, "seed \(seed)") { _ = try Message(decoding: noise) }
    }
  }

  @Test func anotherVersionIsNamed() throws {
    var bytes = Message.retire.encoded
    bytes[4] = 99
    let error = #expect(throws: WireError.self) { _ = try Message(decoding: bytes) }
    #expect(error?.reason.contains("version 99") == true)
    #expect(error?.reason.contains("all ranks need the same program") == true)
  }

  @Test func anUnknownKindIsAnError() {
    for kind: UInt8 in [0, 11, 255] {
      let error = #expect(throws: WireError.self) { _ = try Message(decoding: WireFrame.wrap(kind: kind, [])) }
      #expect(error?.reason.contains("\(kind)") == true)
    }
  }

  /// Four billion of whatever: were room made for it, the test would end here.
  @Test func anAnnouncementThatIsNotKeptAllocatesNothing() {
    let many: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
    for kind in [UInt8(1), 4, 10] {
      #expect(throws: WireError.self) { _ = try Message(decoding: WireFrame.wrap(kind: kind, many)) }
    }
    #expect(throws: WireError.self) {
      _ = try Message(decoding: WireFrame.wrap(kind: 9, [UInt8](repeating: 0, count: 8) + many))
    }
    var header = WireFrame.wrap(kind: 10, [])
    header.replaceSubrange(8..<12, with: many)
    #expect(throws: WireError.self) { _ = try Message(decoding: header) }
  }

  @Test func aNumberThatCountsNothingIsAnError() {
    for number: Int64 in [-1, .min, .max, 1 << 31] {
      var content = WireWriter()
      content.put(number)
      content.put(Int64(1))
      content.put([UInt8]())
      var list = WireWriter()
      list.put([0]) { out, _ in
        for byte in content.bytes { out.put(byte) }
      }
      #expect(throws: WireError.self) { _ = try Message(decoding: WireFrame.wrap(kind: 4, list.bytes)) }
    }
  }

  @Test func valuesComeBack() throws {
    var writer = WireWriter()
    writer.put(Int8.min)
    writer.put(UInt16.max)
    writer.put(Int32(-5))
    writer.put(UInt64.max)
    writer.put(-0.0)
    writer.put(true)
    writer.put("ümlaut\u{0}")
    writer.put([1, 2, 3]) { $0.put(Int64($1)) }
    var reader = WireReader(writer.bytes)
    #expect(try reader.number(Int8.self) == .min)
    #expect(try reader.number(UInt16.self) == .max)
    #expect(try reader.number(Int32.self) == -5)
    #expect(try reader.number(UInt64.self) == .max)
    #expect(try reader.double().bitPattern == (-0.0).bitPattern)
    #expect(try reader.boolean())
    #expect(try reader.string() == "ümlaut\u{0}")
    #expect(try reader.list { reader throws(WireError) in try reader.number(Int64.self) } == [1, 2, 3])
    try reader.expectEnd()
    #expect(throws: WireError.self) { _ = try reader.number(UInt8.self) }
  }

  @Test func textAndTruthAreChecked() {
    var text = WireReader([2, 0, 0, 0, 0xC3, 0x28])
    #expect(throws: WireError.self) { _ = try text.string() }
    var truth = WireReader([2])
    #expect(throws: WireError.self) { _ = try truth.boolean() }
  }
}
