// SPDX-License-Identifier: GPL-3.0-or-later
// The matching of one exposure's background.

import BackgroundMatching
import Imaging
import TaskFramework

extension ImagingStages {
  /// Difference, cells, surface, diagnostics and the change of the exposure, with the defaults but for the cells' size.
  func backgroundMatching(binSize: Int) throws -> Measurement {
    var config = MatchBackgroundsConfig()
    config.binSize = binSize
    let task = try MatchBackgroundsTask(config: config)
    let reference = Exposure(scene)
    var science = scene
    // A variance that differs from pixel to pixel, as those of warps do.
    try science.update { image, _, variance in variance = image.map { 100 + abs($0) / 100 } }
    let exposure = Exposure(science)
    return try measure("match backgrounds, \(binSize) px, spline", side: side, runs: 3) {
      var matched = exposure
      keep(try task.matchBackgrounds(refExposure: reference, sciExposure: &matched))
    }
  }
}
