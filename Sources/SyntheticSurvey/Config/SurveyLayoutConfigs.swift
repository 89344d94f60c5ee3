// SPDX-License-Identifier: GPL-3.0-or-later
// Where and when a survey looks, and with which camera.

package import TaskFramework

/// Where the telescope points.
package struct FieldsConfig: Config {
  package var raList = [150.0]
  package var decList = [2.0]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "raList", \.raList, count: 1...1000,
      doc: "right ascension of each field's centre, degrees; visits take them in turn",
      requirement: "from 0 to 360", eachItem: { (0...360).contains($0) }),
    .field(
      "decList", \.decList, count: 1...1000, doc: "declination of each field's centre, degrees",
      requirement: "from -85 to 85", eachItem: { (-85...85).contains($0) }),
  ]

  package func validate() throws(ConfigProblem) {
    guard raList.count == decList.count else {
      throw ConfigProblem(
        path: "decList", reason: "a list of \(decList.count) is given; it must be as long as raList (\(raList.count))")
    }
  }
}

/// The sky map of the repository.
package struct TractsConfig: Config {
  package var patchInnerDimensions = 4000
  package var patchBorder = 100
  package var tractRadius: Double? = nil

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "patchInnerDimensions", \.patchInnerDimensions, in: 16...100_000,
      doc: "side of a patch without its border, pixels of the camera's scale"),
    .field("patchBorder", \.patchBorder, in: 0...50_000, doc: "border of a patch, pixels"),
    .field(
      "tractRadius", \.tractRadius,
      doc: "from a tract's centre to the middle of an edge, degrees; null: what the visits cover",
      requirement: "above 0, at most 20", where: { $0.map { $0 > 0 && $0 <= 20 } ?? true }),
  ]
}

/// The detectors and their faults.
package struct CameraConfig: Config {
  package var columns = 2
  package var rows = 2
  package var width = 512
  package var height = 512
  package var gapX = 16
  package var gapY = 16
  package var pixelScale = 0.25
  package var gain = 2.0
  package var readNoise = 6.0
  package var saturation = 60_000.0
  package var badColumns = 1
  package var edge = 4
  package var largestBleed = 200

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("columns", \.columns, in: 1...64, doc: "detectors side by side"),
    .field("rows", \.rows, in: 1...64, doc: "detectors one above the other"),
    .field("width", \.width, in: 32...32_768, doc: "columns of a detector, pixels"),
    .field("height", \.height, in: 32...32_768, doc: "rows of a detector, pixels"),
    .field("gapX", \.gapX, in: 0...32_768, doc: "gap between detectors side by side, pixels"),
    .field("gapY", \.gapY, in: 0...32_768, doc: "gap between detectors one above the other, pixels"),
    .field("pixelScale", \.pixelScale, in: 0.01...60, doc: "arcseconds a pixel"),
    .field("gain", \.gain, in: 0.01...1000, doc: "electrons a count"),
    .field("readNoise", \.readNoise, in: 0...1000, doc: "read noise, electrons"),
    .field("saturation", \.saturation, in: 100...1e9, doc: "counts, sky included, at which a pixel is full"),
    .field(
      "badColumns", \.badColumns, in: 0...1000, doc: "bad columns of a detector, every second of part of the height"),
    .field("edge", \.edge, in: 0...1000, doc: "width of the border that is flagged EDGE, pixels"),
    .field(
      "largestBleed", \.largestBleed, in: 0...32_768, doc: "how far a bleed trail reaches from its star at most, pixels"
    ),
  ]

  package func validate() throws(ConfigProblem) {
    guard 2 * edge < min(width, height) else {
      throw ConfigProblem(path: "edge", reason: "a border of \(edge) pixels leaves nothing of \(width)×\(height)")
    }
    guard badColumns <= width / 4 else {
      throw ConfigProblem(
        path: "badColumns", reason: "\(badColumns) are given; at most a quarter of \(width) columns can be")
    }
  }
}

/// When and how exposures are taken.
package struct VisitsConfig: Config {
  package var first = 100
  package var count = 32
  package var firstMjd = 60_000.2
  package var visitsPerNight = 4
  package var minutesBetween = 30.0
  package var nightsBetween = 2
  package var exposureSeconds = 30.0
  package var dither = 12.0
  package var rotation = 1.5
  package var zeroPoints = [30.0]
  package var transparencyScatter = 0.05

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("first", \.first, in: 0...4_000_000_000, doc: "number of the first visit"),
    .field("count", \.count, in: 1...100_000, doc: "number of visits"),
    .field("firstMjd", \.firstMjd, in: 15_000...100_000, doc: "middle of the first exposure, MJD (TAI)"),
    .field("visitsPerNight", \.visitsPerNight, in: 1...1000, doc: "visits of a night"),
    .field("minutesBetween", \.minutesBetween, in: 0.1...600, doc: "from one visit of a night to the next, minutes"),
    .field("nightsBetween", \.nightsBetween, in: 1...1000, doc: "from one night with visits to the next, days"),
    .field("exposureSeconds", \.exposureSeconds, in: 0.001...7200, doc: "exposure time, seconds"),
    .field("dither", \.dither, in: 0...3600, doc: "how far a visit may point from its field's centre, arcseconds"),
    .field("rotation", \.rotation, in: 0...180, doc: "how far a visit may be rotated either way, degrees"),
    .field(
      "zeroPoints", \.zeroPoints, count: 1...16,
      doc: "AB magnitude of one count a whole exposure, one a band or one for all",
      requirement: "from 10 to 40", eachItem: { (10...40).contains($0) }),
    .field(
      "transparencyScatter", \.transparencyScatter, in: 0...1,
      doc: "scatter of the zero point between visits, magnitudes"),
  ]

  package func validate() throws(ConfigProblem) {
    guard Double(visitsPerNight) * minutesBetween <= 1440 else {
      throw ConfigProblem(
        path: "visitsPerNight",
        reason: "\(visitsPerNight) visits every \(minutesBetween) minutes take longer than a day")
    }
  }
}
