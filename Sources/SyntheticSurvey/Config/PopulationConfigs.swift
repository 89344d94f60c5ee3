// SPDX-License-Identifier: GPL-3.0-or-later
// What the sky holds.

package import TaskFramework

/// Limits on magnitudes, the smaller one the brighter.
private func check(bright: Double, faint: Double) throws(ConfigProblem) {
  guard bright < faint else {
    throw ConfigProblem(
      path: "brightMagnitude", reason: "\(bright) is given; it must be below faintMagnitude (\(faint))")
  }
}

private let magnitudes = 5.0...35.0

/// Stars that never change.
package struct StarsConfig: Config {
  package var density = 20_000.0
  package var brightMagnitude = 14.0
  package var faintMagnitude = 24.0
  package var slope = 0.3
  package var colour = 0.6
  package var colourScatter = 0.35

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("density", \.density, in: 0...1e7, doc: "number a square degree between the two magnitudes"),
    .field(
      "brightMagnitude", \.brightMagnitude, in: magnitudes, doc: "AB magnitude of the brightest in the first band"),
    .field("faintMagnitude", \.faintMagnitude, in: magnitudes, doc: "AB magnitude of the faintest in the first band"),
    .field("slope", \.slope, in: 0...2, doc: "s in N ∝ 10^(s m), the numbers a magnitude"),
    .field("colour", \.colour, in: -3...3, doc: "mean difference of the magnitudes in the first two bands"),
    .field("colourScatter", \.colourScatter, in: 0...3, doc: "scatter of it"),
  ]

  package func validate() throws(ConfigProblem) { try check(bright: brightMagnitude, faint: faintMagnitude) }
}

/// Galaxies.
package struct GalaxiesConfig: Config {
  package var density = 60_000.0
  package var brightMagnitude = 17.0
  package var faintMagnitude = 25.0
  package var slope = 0.4
  package var colour = 0.7
  package var colourScatter = 0.25
  package var medianRadius = 0.5
  package var radiusScatter = 0.2
  package var largestRadius = 4.0
  package var bulgeFraction = 0.3

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("density", \.density, in: 0...1e7, doc: "number a square degree between the two magnitudes"),
    .field(
      "brightMagnitude", \.brightMagnitude, in: magnitudes, doc: "AB magnitude of the brightest in the first band"),
    .field("faintMagnitude", \.faintMagnitude, in: magnitudes, doc: "AB magnitude of the faintest in the first band"),
    .field("slope", \.slope, in: 0...2, doc: "s in N ∝ 10^(s m), the numbers a magnitude"),
    .field("colour", \.colour, in: -3...3, doc: "mean difference of the magnitudes in the first two bands"),
    .field("colourScatter", \.colourScatter, in: 0...3, doc: "scatter of it"),
    .field("medianRadius", \.medianRadius, in: 0.01...60, doc: "median half-light radius at magnitude 22, arcseconds"),
    .field("radiusScatter", \.radiusScatter, in: 0...1, doc: "scatter of its decimal logarithm"),
    .field("largestRadius", \.largestRadius, in: 0.01...60, doc: "largest half-light radius, arcseconds"),
    .field(
      "bulgeFraction", \.bulgeFraction, in: 0...1,
      doc: "part of the galaxies that are bulges (de Vaucouleurs); a third of the others are mixtures with a disk"),
  ]

  package func validate() throws(ConfigProblem) { try check(bright: brightMagnitude, faint: faintMagnitude) }
}

/// Periodic variable stars.
package struct VariablesConfig: Config {
  package var count = 20
  package var brightMagnitude = 17.0
  package var faintMagnitude = 21.5
  package var shortestPeriod = 0.3
  package var longestPeriod = 20.0
  package var smallestAmplitude = 0.1
  package var largestAmplitude = 0.8

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("count", \.count, in: 0...1_000_000, doc: "number in each field"),
    .field("brightMagnitude", \.brightMagnitude, in: magnitudes, doc: "brightest mean AB magnitude in the first band"),
    .field("faintMagnitude", \.faintMagnitude, in: magnitudes, doc: "faintest mean AB magnitude in the first band"),
    .field("shortestPeriod", \.shortestPeriod, in: 0.001...1e5, doc: "shortest period, days"),
    .field("longestPeriod", \.longestPeriod, in: 0.001...1e5, doc: "longest period, days"),
    .field("smallestAmplitude", \.smallestAmplitude, in: 0...5, doc: "smallest amplitude, mean to peak, magnitudes"),
    .field("largestAmplitude", \.largestAmplitude, in: 0...5, doc: "largest amplitude, mean to peak, magnitudes"),
  ]

  package func validate() throws(ConfigProblem) {
    try check(bright: brightMagnitude, faint: faintMagnitude)
    guard shortestPeriod <= longestPeriod else {
      throw ConfigProblem(path: "shortestPeriod", reason: "\(shortestPeriod) is above longestPeriod (\(longestPeriod))")
    }
    guard smallestAmplitude <= largestAmplitude else {
      throw ConfigProblem(
        path: "smallestAmplitude", reason: "\(smallestAmplitude) is above largestAmplitude (\(largestAmplitude))")
    }
  }
}

/// Stars that appear or disappear.
package struct TransientsConfig: Config {
  package var count = 20
  package var brightMagnitude = 18.5
  package var faintMagnitude = 22.0
  package var changeAfter = 0.5
  package var duration = 60.0
  package var rise = 0.3
  package var decline = 60.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("count", \.count, in: 0...1_000_000, doc: "number in each field; every second disappears"),
    .field("brightMagnitude", \.brightMagnitude, in: magnitudes, doc: "brightest AB magnitude in the first band"),
    .field("faintMagnitude", \.faintMagnitude, in: magnitudes, doc: "faintest AB magnitude in the first band"),
    .field(
      "changeAfter", \.changeAfter, in: 0...1,
      doc: "part of the visits before which nothing changes: those of a template"),
    .field("duration", \.duration, in: 0.001...1e5, doc: "mean time from start to end, days"),
    .field("rise", \.rise, in: 0.0001...1e4, doc: "e-folding time of the rise of those that appear, days"),
    .field("decline", \.decline, in: 0.001...1e6, doc: "e-folding time of their decline, days"),
  ]

  package func validate() throws(ConfigProblem) { try check(bright: brightMagnitude, faint: faintMagnitude) }
}

/// Stars that move.
package struct ProperMotionConfig: Config {
  package var count = 4
  package var brightMagnitude = 16.0
  package var faintMagnitude = 20.0
  package var slowest = 2.0
  package var fastest = 20.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("count", \.count, in: 0...1_000_000, doc: "number in each field"),
    .field("brightMagnitude", \.brightMagnitude, in: magnitudes, doc: "brightest AB magnitude in the first band"),
    .field("faintMagnitude", \.faintMagnitude, in: magnitudes, doc: "faintest AB magnitude in the first band"),
    .field("slowest", \.slowest, in: 0...1000, doc: "slowest motion, arcseconds a year"),
    .field("fastest", \.fastest, in: 0...1000, doc: "fastest motion, arcseconds a year"),
  ]

  package func validate() throws(ConfigProblem) {
    try check(bright: brightMagnitude, faint: faintMagnitude)
    guard slowest <= fastest else {
      throw ConfigProblem(path: "slowest", reason: "\(slowest) is above fastest (\(fastest))")
    }
  }
}

/// Objects of the solar system.
package struct SolarSystemConfig: Config {
  package var count = 40
  package var brightMagnitude = 18.0
  package var faintMagnitude = 22.0
  package var slowest = 0.05
  package var fastest = 0.4
  package var positionError = 0.5
  package var preloadRadius = 1.5

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("count", \.count, in: 0...15_000, doc: "number of all; they are in the field at visits by turns"),
    .field("brightMagnitude", \.brightMagnitude, in: magnitudes, doc: "brightest V magnitude"),
    .field("faintMagnitude", \.faintMagnitude, in: magnitudes, doc: "faintest V magnitude"),
    .field("slowest", \.slowest, in: 0...50, doc: "slowest motion on the sky when in the field, degrees a day"),
    .field("fastest", \.fastest, in: 0...50, doc: "fastest motion on the sky when in the field, degrees a day"),
    .field(
      "positionError", \.positionError, in: 0...3600, doc: "error that ephemerides state of positions, arcseconds"),
    .field(
      "preloadRadius", \.preloadRadius, in: 1...100,
      doc: "how far from the boresight a visit's ephemerides reach, in radii of the field"),
  ]

  package func validate() throws(ConfigProblem) {
    try check(bright: brightMagnitude, faint: faintMagnitude)
    guard slowest <= fastest else {
      throw ConfigProblem(path: "slowest", reason: "\(slowest) is above fastest (\(fastest))")
    }
  }
}
