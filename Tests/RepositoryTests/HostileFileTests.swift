// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import HDF5
import Imaging
import Repository
import TestSupport
import Testing

@Suite struct HostileFileTests {
  /// A damaged file is refused, or gives exactly what was written: bits that nothing uses are such.
  @Test func flippedBitsAreFoundOrHarmless() throws {
    for file in try SampleProducts.files() {
      var random = SeededRandom(UInt64(file.bytes.count))
      var (refused, harmless) = (0, 0)
      for _ in 0..<500 {
        var bytes = file.bytes
        let bit = Int(random.next() % UInt64(bytes.count * 8))
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        let start = ContinuousClock.now
        do {
          #expect(try file.rewrite(bytes) == file.bytes, "\(file.name), bit \(bit): another content without a word")
          harmless += 1
        } catch {
          #expect(isTyped(error), "\(file.name), bit \(bit): \(type(of: error)): \(error)")
          refused += 1
        }
        #expect(ContinuousClock.now - start < .seconds(10), "\(file.name), bit \(bit)")
      }
      #expect(refused > 250, "\(file.name): only \(refused) of 500 were refused")
      #expect(refused + harmless == 500)
    }
  }

  @Test func truncatedFilesAreRefused() throws {
    for file in try SampleProducts.files() {
      for i in 0..<60 {
        let bytes = Array(file.bytes.prefix(i * file.bytes.count / 60))
        #expect(throws: HDF5Error.self, "\(file.name), \(bytes.count) of \(file.bytes.count) bytes") {
          try file.rewrite(bytes)
        }
      }
    }
  }

  @Test func theRecordedDigestRefusesEveryDamage() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file.h5"
      var random = SeededRandom(77)
      for file in try SampleProducts.files() {
        let digest = FileDigest(of: file.bytes)
        try Data(file.bytes).write(to: URL(filePath: path))
        #expect(try readFile(path, expecting: digest) == file.bytes)
        for trial in 0..<560 {
          var bytes = file.bytes
          if trial < 500 {
            let bit = Int(random.next() % UInt64(bytes.count * 8))
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
          } else {
            bytes.removeLast(1 + (trial - 500) * (bytes.count - 1) / 60)
          }
          try Data(bytes).write(to: URL(filePath: path))
          let error = #expect(throws: ReadError.self) { try readFile(path, expecting: digest) }
          if case .digestMismatch = error {} else { Issue.record("\(String(describing: error))") }
        }
      }
    }
  }

  private func isTyped(_ error: any Error) -> Bool {
    // Every error of ours says what is wrong where; anything else came from somewhere unforeseen.
    error is HDF5Error || error is FormatError || "\(type(of: error))".hasSuffix("Error")
  }

  /// Claims of size are looked at before anything is allocated for them.
  @Test(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
  func hostileFilesOfOtherProgramsAreRefused() throws {
    try withTemporaryFolder { folder in
      try Peers.run("make_hostile.py", [folder])
      let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(files.count >= 12)
      for file in files {
        let path = folder + "/" + file
        let before = residentMemory()
        let error = #expect(throws: (any Error).self, "\(file)") {
          try Dataset<Exposure>(decoding: try readFile(path), name: file)
        }
        if let error {
          #expect(isTyped(error) && "\(error)".hasPrefix(file), "\(file): \(error)")
        }
        #expect(residentMemory() - before < 64 << 20, "\(file)")
      }
    }
  }

  private func residentMemory() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .ascii) else { return 0 }
    let parts = text.split(separator: " ")
    return parts.count > 1 ? (Int(parts[1]) ?? 0) * 4096 : 0
  }
}
