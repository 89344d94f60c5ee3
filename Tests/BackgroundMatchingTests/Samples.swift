// SPDX-License-Identifier: GPL-3.0-or-later
// Exposures and references to them, for the tests of this room.

import BackgroundMatching
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport

/// An exposure in memory.
final class MemoryExposure: ExposureDataRef {
  struct Unreadable: Error, CustomStringConvertible { let description = "the disk is on fire" }

  var dataID: [String: DimensionValue]
  var exposure: Exposure?
  var isReadable = true
  /// How often pixels were asked for.
  private(set) var loads = 0

  init(visit: Int64, _ exposure: Exposure?) {
    dataID = ["visit": .number(visit)]
    self.exposure = exposure
  }

  func datasetExists(_ datasetType: String) -> Bool { datasetType == "warp" && (exposure != nil || !isReadable) }

  func get(_ datasetType: String) throws -> Exposure? {
    loads += 1
    guard isReadable else { throw Unreadable() }
    return datasetType == "warp" ? exposure : nil
  }
}

/// Sky with white noise of standard deviation 1 and a variance plane of 1, and perhaps a shape on top; 600² as the facts have it.
func sky(
  _ level: Double, seed: UInt64, box: Box2I = Box2I(width: 600, height: 600), sigma: Double = 1,
  shape: (Double, Double) -> Double = { _, _ in 0 }, hasData: (Int, Int) -> Bool = { _, _ in true }
) throws -> Exposure {
  let noise = noiseImage(box, level: level, sigma: sigma, seed: seed)
  let image = Image<Float>(box: box) { x, y in
    hasData(x - box.minX, y - box.minY)
      ? noise[x, y] + Float(shape(Double(x - box.minX), Double(y - box.minY))) : .nan
  }
  return Exposure(
    try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: Float(sigma * sigma))))
}

/// The three exposures that framework E.1 is told with.
func vanilla() throws -> Exposure { try sky(50, seed: 1) }
func chipGap() throws -> Exposure { try sky(10, seed: 2, hasData: { x, _ in !(200..<300).contains(x) }) }
func lowCover() throws -> Exposure { try sky(20, seed: 3, hasData: { x, _ in x < 200 }) }

func makeTask(_ change: (inout MatchBackgroundsConfig) -> Void = { _ in }) throws -> MatchBackgroundsTask {
  var config = MatchBackgroundsConfig()
  change(&config)
  return try MatchBackgroundsTask(config: config)
}

/// The category of the error that matching ends with; `nil` when it does not.
func failure(
  _ reference: Exposure, _ science: Exposure, _ change: (inout MatchBackgroundsConfig) -> Void
) throws -> String? {
  var science = science
  let task = try makeTask(change)
  do throws(MatchBackgroundsError) {
    _ = try task.matchBackgrounds(refExposure: reference, sciExposure: &science)
    return nil
  } catch {
    return error.category
  }
}
