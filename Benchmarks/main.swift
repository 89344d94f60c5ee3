// SPDX-License-Identifier: GPL-3.0-or-later
// How fast skydiff is here, and how far from what the machine can do.

import Foundation
import Imaging

let usage = """
  usage: skydiff-benchmarks [--quick] [--side N]… [--only WORDS] [--no-peers] [--json FILE]

    --quick       1024² only
    --side N      side of the image in pixels, 256 to 8192; may be given several times (1024, 2048 and 4096)
    --only WORDS  only operations whose name contains these words
    --no-peers    do not run other programs
    --json FILE   write the results there as well
  """

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("skydiff-benchmarks: \(message)\n".utf8))
  exit(64)
}

var sides: [Int] = []
var only = ""
var runsPeers = true
var jsonFile: String?
var arguments = Array(CommandLine.arguments.dropFirst())
while !arguments.isEmpty {
  let option = arguments.removeFirst()
  func value() -> String {
    guard !arguments.isEmpty else { fail("\(option) needs a value\n\(usage)") }
    return arguments.removeFirst()
  }
  switch option {
  case "--quick": sides = [1024]
  case "--side":
    let text = value()
    guard let side = Int(text), (256...8192).contains(side) else { fail("--side \(text): it must be 256 to 8192") }
    sides.append(side)
  case "--only": only = value()
  case "--no-peers": runsPeers = false
  case "--json": jsonFile = value()
  case "--help", "-h":
    print(usage)
    exit(0)
  default: fail("unknown option \(option)\n\(usage)")
  }
}
if sides.isEmpty { sides = [1024, 2048, 4096] }

keepFreedMemory()
let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
let limits = try MachineLimits(fourierSide: sides.max() ?? 4096)
var results = limits.all
for side in sides {
  let stages = try ImagingStages(side: side, limits: limits)
  let peers = runsPeers ? try measurePeers(stages.scene, root: root) : [:]
  for var measurement in try stages.measureAll(where: { only.isEmpty || $0.contains(only) }) {
    for (stage, times) in peers where measurement.name.hasPrefix(stage) {
      measurement.peers = times.map {
        .init(name: $0.name, seconds: $0.seconds, ratio: $0.seconds / measurement.seconds)
      }
    }
    results.append(measurement)
  }
}
print(table(results))
if let jsonFile {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  do {
    try encoder.encode(results).write(to: URL(filePath: jsonFile), options: .atomic)
  } catch {
    FileHandle.standardError.write(Data("skydiff-benchmarks: \(jsonFile): \(error.localizedDescription)\n".utf8))
    exit(73)
  }
}
