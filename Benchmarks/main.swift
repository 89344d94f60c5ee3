// SPDX-License-Identifier: GPL-3.0-or-later
// How fast skydiff is here, and how far from what the machine can do.

import Foundation
import Imaging

let options = Options(Array(CommandLine.arguments.dropFirst()))
keepFreedMemory()
do {
  if options.runsCampaigns {
    try CampaignStages.run()
    exit(0)
  }
  let limits = try MachineLimits(fourierSide: options.sides.max() ?? 4096)
  var results = limits.all
  for side in options.sides {
    let stages = try ImagingStages(side: side, limits: limits)
    var peers = options.runsPeers ? try measurePeers(stages.scene, stages: options.names) : [:]
    let calibration = peers.removeValue(forKey: "calibration")?.first?.seconds
    let files = FileStages(side: side, scene: stages.scene)
    let isWanted: (String) -> Bool = { options.names.contains($0) }
    let coadds = CoaddStages(side: side, scene: stages.scene)
    let subtraction = SubtractionStages(side: side)
    for var measurement in try stages.measureAll(where: isWanted) + files.measureAll(where: isWanted)
      + coadds.measureAll(where: isWanted) + KernelStage(side: side).measureAll(where: isWanted)
      + subtraction.measureAll(where: isWanted) + CharacterisationStage(side: side).measureAll(where: isWanted)
      + DetectionStages(side: side).measureAll(where: isWanted)
      + ForcedStages(side: side).measureAll(where: isWanted)
      + AssociationStages(side: side).measureAll(where: isWanted)
    {
      measurement.calibrated = calibration.map { measurement.seconds / $0 }
      for (stage, times) in peers where measurement.name.hasPrefix(stage) {
        measurement.peers = times.map {
          .init(name: $0.name, seconds: $0.seconds, ratio: $0.seconds / measurement.seconds)
        }
      }
      results.append(measurement)
    }
  }
  print(table(results))
  if let file = options.jsonFile {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(results).write(to: URL(filePath: file), options: .atomic)
  }
} catch {
  fail("\(error)", 70)
}
