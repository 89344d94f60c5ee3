// SPDX-License-Identifier: GPL-3.0-or-later
// Other programs on the same image in the same run.

import Foundation
import Imaging
import SkyGeometry

/// Times of what a user can install, by the name of the measurement that they belong to.
///
/// They run in the Python environment that `make test` and `make bench` set up, SWarp where it is installed; a note says what is
/// missing.
func measurePeers(_ scene: MaskedImage, stages: [String]) throws -> [String: [(name: String, seconds: Double)]] {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  let python = root.appending(path: ".build/peers/bin/python")
  guard FileManager.default.isExecutableFile(atPath: python.path) else {
    note("no comparison with other programs: \(python.path) is missing; `make bench` sets it up")
    return [:]
  }
  let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-benchmark-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let plane = folder.appending(path: "image.f4")
  try scene.image.pixels.withUnsafeBytes { try Data($0).write(to: plane) }
  // SFFT keeps so many transforms that larger images take more memory than most machines have.
  if stages.contains("subtract"), scene.width <= 1024 {
    let pair = try SubtractionPair(side: scene.width)
    for (name, exposure) in [("template", pair.template.cropped(to: pair.science.box)), ("science", pair.science)] {
      try exposure.maskedImage.image.pixels.withUnsafeBytes {
        try Data($0).write(to: folder.appending(path: "\(name).f4"))
      }
    }
  }
  if stages.contains(where: { DetectionStages.names.contains($0) }) {
    let detection = try DetectionScene(side: scene.width, spacing: 32)
    try detection.difference.maskedImage.image.pixels.withUnsafeBytes {
      try Data($0).write(to: folder.appending(path: "sources.f4"))
    }
    try detection.positions.flatMap { [$0.x, $0.y] }.withUnsafeBytes {
      try Data($0).write(to: folder.appending(path: "positions.f8"))
    }
  }
  if stages.contains(where: { ForcedStages.names.contains($0) }) {
    let forced = try ForcedScene(side: scene.width, isCrowded: false, psf: AnalyticGaussianPSF())
    try forced.exposure.maskedImage.image.pixels.withUnsafeBytes {
      try Data($0).write(to: folder.appending(path: "stars.f4"))
    }
    let numbers = [
      ("places", forced.positions.flatMap { [$0.x, $0.y] }), ("fluxes", try ForcedStages.fluxes(forced)),
    ]
    for (name, values) in numbers {
      try values.withUnsafeBytes { try Data($0).write(to: folder.appending(path: "\(name).f8")) }
    }
  }
  if stages.contains(where: { AssociationStages.names.contains($0) }) {
    try AssociationScene(count: 10_000).positions.withUnsafeBytes {
      try Data($0).write(to: folder.appending(path: "objects.f8"))
    }
  }

  let process = Process()
  process.executableURL = python
  process.arguments =
    [root.appending(path: "Benchmarks/peers.py").path, plane.path, "\(scene.width)"] + stages
  var environment = ProcessInfo.processInfo.environment
  for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"] { environment[name] = "1" }
  process.environment = environment
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let data = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    note("no comparison with other programs: Benchmarks/peers.py ended with status \(process.terminationStatus)")
    return [:]
  }
  let times = try JSONDecoder().decode([String: [String: Double]].self, from: data)
  return times.mapValues { peers in peers.sorted { $0.key < $1.key }.map { (name: $0.key, seconds: $0.value) } }
}
