// SPDX-License-Identifier: GPL-3.0-or-later
// What a repository says of itself when ingestion makes it.

internal import Foundation
internal import Repository
internal import SkyGeometry
internal import TaskFramework

extension RepositoryConfig {
  /// A repository for given exposures: their bands, and one tract around all of them, at their own scale; where there is no such
  /// tract, the map of the whole sky.
  ///
  /// Exposures that lie alike, such as images that are on one grid already, get a tract that lies as they do, its pixels on those of
  /// the one in the middle: a warp then hardly resamples them.
  init(for records: [VisitRecord], _ instrument: String?) throws {
    self.init()
    self.instrument.bands = Set(records.map(\.band)).sorted()
    if let instrument, (try? DataID([.instrument: .name(instrument)])) != nil { self.instrument.name = instrument }
    // Without a place for a tract the map of the whole sky is as good as any; `repository.yaml` is the user's to change.
    try skyMap.select(["rings"])
    var discrete = self
    guard let map = DiscreteSkyMapConfig(around: records) else { return }
    try discrete.skyMap.select(["discrete"])
    try discrete.skyMap.update("discrete", DiscreteSkyMapConfig.self) { $0 = map }
    // Images all over the sky, or of an absurd scale, have no tract in common.
    if (try? discrete.validateAll()) != nil { self = discrete }
  }
}

extension DiscreteSkyMapConfig {
  /// Pixels that a tract has beyond the images at least, so that a warp keeps its border.
  private static let margin = 100.0

  /// One tract around exposures; `nil` when they have no place.
  init?(around records: [VisitRecord]) {
    self.init()
    let corners = records.flatMap(\.corners).filter { $0.isFinite }
    let mean = corners.reduce(SIMD3<Double>.zero) { $0 + $1.unitVector }
    let places = records.compactMap(ImagePlace.init)
    let scales = places.map(\.scale).sorted()
    guard mean != .zero, !scales.isEmpty else { return nil }
    let scale = scales[scales.count / 2]
    var center = SpherePoint(mean)
    // Of images that lie alike there is one to go by.
    if let first = places.first, places.allSatisfy({ abs(first.turn(to: $0)) < 0.1 }),
      let nearest = places.min(by: { $0.center.separation(from: center) < $1.center.separation(from: center) }),
      let pixel = nearest.pixelCenter(near: center)
    {
      center = pixel
      rotation = Self.rounded(nearest.tilt, 1e6)
    }
    raList = [Self.rounded(center.ra.degrees, 1e9)]
    decList = [Self.rounded(center.dec.degrees, 1e9)]
    let reach = corners.map { $0.separation(from: center).degrees }.max() ?? 0
    radiusList = [((reach + Self.margin * scale / 3600) * 1e4).rounded(.up) / 1e4]
    pixelScale = Self.rounded(scale, 1e6)
    // A tract that is smaller than a patch would grow to one.
    let side = 2 * (radiusList[0] * 3600 / scale).rounded(.up) + 4
    if side < Double(patchInnerDimensions) { patchInnerDimensions = max(1, Int(side)) }
  }

  private static func rounded(_ value: Double, _ steps: Double) -> Double { (value * steps).rounded() / steps }
}

/// How an image lies on the sky.
private struct ImagePlace {
  private let wcs: SkyWCS
  let center: SpherePoint
  /// Arcseconds a pixel.
  let scale: Double
  /// By how much the image would have to turn for its axes to run along right ascension and declination, whichever of them: -45 to 45
  /// degrees.
  let tilt: Double

  /// - Returns: `nil` for an exposure without a usable WCS.
  init?(_ record: VisitRecord) {
    guard let wcs = try? record.wcs(), let center = try? wcs.pixelToSky(record.box.center),
      let linear = try? wcs.linearizePixelToSky(at: record.box.center)
    else { return nil }
    self.wcs = wcs
    self.center = center
    scale = Angle(radians: abs(linear.determinant).squareRoot()).arcseconds
    // Position angles of both axes; those of a sheared image are turned by different angles.
    let first = Self.folded(Angle(radians: atan2(linear.xy, linear.yy)).degrees)
    let second = Self.folded(Angle(radians: atan2(linear.xx, linear.yx)).degrees)
    tilt = Self.folded(first + Self.folded(second - first) / 2)
    guard tilt.isFinite, scale.isFinite else { return nil }
  }

  /// Degrees from this image's axes to those of another, -45 to 45.
  func turn(to other: ImagePlace) -> Double { Self.folded(other.tilt - tilt) }

  /// The middle of the pixel that holds a position.
  func pixelCenter(near position: SpherePoint) -> SpherePoint? {
    guard let pixel = try? wcs.skyToPixel(position) else { return nil }
    return try? wcs.pixelToSky(Point2D(x: pixel.x.rounded(), y: pixel.y.rounded()))
  }

  private static func folded(_ degrees: Double) -> Double { degrees - 90 * (degrees / 90).rounded() }
}
