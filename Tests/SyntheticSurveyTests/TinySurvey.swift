// SPDX-License-Identifier: GPL-3.0-or-later
// Small surveys for tests.

import Imaging
import SyntheticSurvey
import TaskFramework

/// A survey of one small detector and two visits of a night, with few objects.
func tinyConfig(_ change: (inout SurveyConfig) -> Void = { _ in }) -> SurveyConfig {
  var config = SurveyConfig()
  config.camera.columns = 1
  config.camera.rows = 1
  config.camera.width = 160
  config.camera.height = 128
  config.visits.count = 2
  config.visits.dither = 2
  config.stars.density = 100_000
  config.galaxies.density = 100_000
  config.variables.count = 2
  config.transients.count = 4
  config.properMotion.count = 1
  config.solarSystem.count = 2
  change(&config)
  return config
}

/// A sky without anything on it, and a detector without faults.
func emptySky(_ config: inout SurveyConfig) {
  config.stars.density = 0
  config.galaxies.density = 0
  config.variables.count = 0
  config.transients.count = 0
  config.properMotion.count = 0
  config.solarSystem.count = 0
  config.cosmicRays.perMegapixel = 0
  config.camera.badColumns = 0
}

extension SyntheticSurvey {
  /// Every exposure, by visit and detector.
  func allExposures() throws -> [SimulatedExposure] {
    try visits.flatMap { visit in
      try (0..<detectorCount).map { try makeExposure(visit: visit.number, detector: $0) }
    }
  }
}

/// Mean and standard deviation.
func moments(_ values: [Double]) -> (mean: Double, sigma: Double) {
  let mean = values.reduce(0, +) / Double(values.count)
  let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
  return (mean, variance.squareRoot())
}
