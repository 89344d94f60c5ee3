// SPDX-License-Identifier: GPL-3.0-or-later
// What travels between ranks as bytes, or is kept as text.

import Campaign
import Digests
import Foundation
import Repository
import Scheduling
import TaskFramework
import TestSupport
import Testing

@Suite struct TravelTests {
  // MARK: - Orders

  private func order() throws -> UnitOrder {
    let id = try DataID([.visit: .number(.max), .detector: .number(0), .band: .name("r-1")])
    let digest = SHA256.digest([1, 2, 3])
    let source = DatasetSource(path: "runs/a/x.h5", digest: FileDigest(size: 17, sha256: digest.hex))
    return UnitOrder(
      name: "a+b of visit 3",
      quanta: [
        .init(
          label: "a", dataID: id, recipe: digest, isBlocked: false,
          inputs: [
            .init(argument: "x", reference: DatasetRef("calexp", id), source: source, recipe: nil),
            .init(argument: "y", reference: DatasetRef("y", .empty), source: nil, recipe: digest),
          ],
          outputs: [.init(argument: "z", reference: DatasetRef("z", id), isStored: true)]),
        .init(label: "ü", dataID: .empty, recipe: digest, isBlocked: true, inputs: [], outputs: []),
      ])
  }

  @Test func anOrderComesBack() throws {
    let order = try order()
    #expect(try UnitOrder(decoding: order.encoded) == order)
    let none = UnitOrder(name: "", quanta: [])
    #expect(try UnitOrder(decoding: none.encoded) == none)
  }

  @Test func anOrderThatIsCutShortIsNone() throws {
    let bytes = try order().encoded
    for length in 0..<bytes.count {
      #expect(throws: WireError.self) { _ = try UnitOrder(decoding: Array(bytes[..<length])) }
    }
    #expect(throws: WireError.self) { _ = try UnitOrder(decoding: bytes + [0]) }
  }

  @Test func aDamagedOrderIsAnErrorOrAnOrder() throws {
    let bytes = try order().encoded
    let seed: UInt64 = 0x7AE1
    var random = SeededRandom(seed)
    var errors = 0
    for _ in 0..<5000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[Int.random(in: damaged.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      do throws(WireError) {
        let order = try UnitOrder(decoding: damaged)
        let again = try UnitOrder(decoding: order.encoded)
        #expect(again == order, "seed \(seed)")
        // No order leads out of the repository.
        for source in order.quanta.flatMap(\.inputs).compactMap(\.source) {
          #expect(Manifest.staysInside(source.path), "seed \(seed)")
        }
      } catch {
        errors += 1
      }
    }
    #expect(errors > 1000 && errors < 5000)
  }

  @Test(arguments: ["../x", "/etc/passwd", "a/../../x", ""]) func anOrderDoesNotLeadOutOfTheRepository(_ path: String)
    throws
  {
    let order = UnitOrder(
      name: "n",
      quanta: [
        .init(
          label: "a", dataID: .empty, recipe: SHA256.digest([]), isBlocked: false,
          inputs: [
            .init(
              argument: "x", reference: DatasetRef("x", .empty),
              source: DatasetSource(path: path, digest: FileDigest(size: 0, sha256: "")), recipe: nil)
          ], outputs: [])
      ])
    #expect(throws: WireError.self) { _ = try UnitOrder(decoding: order.encoded) }
  }

  @Test func aRecipeThatIsNoDigestIsAnError() throws {
    let order = try order()
    let recipe = Array(order.quanta[0].recipe.hex.utf8)
    let bytes = order.encoded
    var places: [Int] = []
    for start in 0...(bytes.count - recipe.count) where Array(bytes[start..<(start + recipe.count)]) == recipe {
      places.append(start)
    }
    // The first quantum's, its source's checksum, its second input's, the second quantum's.
    #expect(places.count == 4)
    for place in [places[0], places[2], places[3]] {
      var damaged = bytes
      damaged[place] = UInt8(ascii: "g")
      #expect(throws: WireError.self) { _ = try UnitOrder(decoding: damaged) }
    }
  }

  // MARK: - Summaries

  private func summary() -> UnitSummary {
    let digest = FileDigest(size: 5, sha256: SHA256.hex([5]))
    return UnitSummary(quanta: [
      .init(end: .succeeded, files: [0: digest, 3: FileDigest(size: .max, sha256: SHA256.hex([6]))]),
      .init(end: .failed, files: [:]),
      .init(end: .blocked, files: [:]),
    ])
  }

  @Test func aSummaryComesBackWithItsRecord() throws {
    let (summary, members) = try UnitSummary.decode(summary().encoded(with: "\"kind\":\"unit\",\"é\":\"\\n\""))
    #expect(summary == self.summary() && members == "\"kind\":\"unit\",\"é\":\"\\n\"")
  }

  @Test func aDamagedSummaryIsAnErrorOrASummary() throws {
    let bytes = summary().encoded(with: "\"kind\":\"unit\"")
    for length in 0..<bytes.count {
      #expect(throws: WireError.self) { _ = try UnitSummary.decode(Array(bytes[..<length])) }
    }
    let seed: UInt64 = 0x7AE2
    var random = SeededRandom(seed)
    for _ in 0..<5000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[Int.random(in: damaged.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      do throws(WireError) {
        let (summary, members) = try UnitSummary.decode(damaged)
        #expect(!members.utf8.contains(10), "seed \(seed)")
        #expect(summary.quanta.allSatisfy { $0.files.values.allSatisfy { $0.size >= 0 } }, "seed \(seed)")
      } catch {
        #expect(!error.reason.isEmpty)
      }
    }
  }

  /// A record of several lines would be several lines of the journal.
  @Test(arguments: ["\n", "a\r\nb", "a\nb", "\"kind\":\"unit\"}\n{"]) func aRecordIsOneLine(_ members: String) {
    #expect(throws: WireError.self) { _ = try UnitSummary.decode(summary().encoded(with: members)) }
  }

  // MARK: - Stamps

  @Test func aStampComesBackAndKnowsItsFile() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("seventeen letters", to: "file")
    let stamp = try #require(FileStamp(of: path))
    #expect(stamp.size == 17)
    #expect(FileStamp(text: stamp.text) == stamp)
    #expect(FileStamp(of: path) == stamp)
    // Another file of equal content has another inode.
    let other = try folder.write("seventeen letters", to: "other")
    #expect(FileStamp(of: other) != stamp)
    try Data("seventeen letters!".utf8).write(to: URL(fileURLWithPath: path))
    #expect(FileStamp(of: path) != stamp)
    #expect(FileStamp(of: folder.path) == nil && FileStamp(of: folder.path + "/none") == nil)
  }

  @Test(arguments: [
    "", ":", "1:2:3", "1:2.3", "1:2.3:x", "1:2.3:4:5", "-1:2.3:4", "1:2.3:99999999999999999999", "a:b.c:d", "1:2 .3:4",
  ])
  func textThatIsNoStampIsNone(_ text: String) { #expect(FileStamp(text: text) == nil) }

  @Test func anyStampThatIsReadComesBack() {
    let seed: UInt64 = 0x7AE3
    var random = SeededRandom(seed)
    for _ in 0..<5000 {
      let text = String(
        (0..<Int.random(in: 0...24, using: &random)).map { _ in "0123456789:.-+ x".randomElement(using: &random) ?? "0"
        })
      guard let stamp = FileStamp(text: text) else { continue }
      #expect(FileStamp(text: stamp.text) == stamp, "seed \(seed): \(text)")
    }
  }

  // MARK: - Accidents

  @Test(arguments: [
    "", "plan:kill", "journalSync:eio:0", "unitStart:trap:2@1/visit 102, detector 1", "plan:hang;lock:term@0",
    "read:eio:3/a/b", ";;",
  ]) func accidentsAreRead(_ text: String) { #expect(FaultInjection(parsing: text, rank: 5) != nil) }

  @Test(arguments: [
    "plan", "plan:", "plan:kil", "nowhere:kill", "plan:kill:x", "plan:kill:-1", "plan:kill@", "plan:kill@x",
    "plan:kill@1@2", "a:b:c:d",
  ])
  func whatIsNoAccidentIsNone(_ text: String) { #expect(FaultInjection(parsing: text, rank: 5) == nil) }

  @Test func anAccidentHappensAtItsPassageAndItsRank() throws {
    let faults = try #require(FaultInjection(parsing: "read:eio:2;write:enospc:0/102;result:garbage@3", rank: 5))
    #expect([faults.pass(.read), faults.pass(.read), faults.pass(.read)] == [nil, .eio, nil])
    #expect(faults.pass(.write, about: "visit 101") == nil)
    #expect(faults.pass(.write, about: "visit 102") == .enospc && faults.pass(.write, about: "visit 102") == .enospc)
    // Another rank's accident.
    #expect(faults.pass(.result) == nil)
    #expect(FaultInjection.none.pass(.read) == nil)
  }
}
