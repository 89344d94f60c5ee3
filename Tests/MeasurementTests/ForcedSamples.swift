// SPDX-License-Identifier: GPL-3.0-or-later
// References for forced measurement.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework

/// A reference of sources 100, 101, …, with centroids and shapes in slots and square footprints.
///
/// - Parameter parents: IDs; sources beyond have none.
func makeReference(
  at positions: [Point2D], half: Int = 5, parents: [Int64] = [], shape: SecondMoments = .init(xx: 4, yy: 4, xy: 0),
  adding: (inout Schema) throws -> Void = { _ in }
) throws -> Catalog {
  var schema = try Schema.minimalSource()
  let key = try PointKey(adding: "given", to: &schema, doc: "position")
  let moments = try QuadrupoleKey(adding: "given", to: &schema, doc: "shape")
  try schema.addField("given_flag", as: Bool.self, doc: "bad")
  try schema.setSlot(.centroid, to: "given")
  try schema.setSlot(.shape, to: "given")
  try adding(&schema)
  var catalog = makeCatalog(schema, at: positions, half: half)
  let (id, parent): (Key<Int64>, Key<Int64>) = (try schema.key("id"), try schema.key("parent"))
  let coord = try CoordKey(in: schema)
  for (row, position) in positions.enumerated() {
    (catalog[key, row], catalog[moments, row]) = (position, shape.columns)
    (catalog[id, row], catalog[parent, row]) = (Int64(100 + row), row < parents.count ? parents[row] : 0)
    catalog[coord, row] = SpherePoint(raDegrees: 10 + Double(row), decDegrees: 5)
  }
  return catalog
}

/// A forced measurement with some plugins.
func makeForced(
  _ plugins: [String] = ["base_TransformedCentroid", "base_PsfFlux"],
  _ change: (inout ForcedMeasurementConfig) throws -> Void = { _ in }
) throws -> ForcedMeasurementTask {
  var config = ForcedMeasurementConfig()
  try config.plugins.select(plugins)
  config.doReplaceWithNoise = false
  try change(&config)
  return try ForcedMeasurementTask(config: config)
}

/// A tangent projection about a place near the celestial equator, 0.2″ a pixel times `scale`, its axes turned by an angle.
func tangentWCS(at pixel: Point2D, scale: Double = 1, turned degrees: Double = 0) throws -> SkyWCS {
  let (side, angle) = (0.2 / 3600 * scale, degrees * .pi / 180)
  let (c, s) = (side * cos(angle), side * sin(angle))
  return try SkyWCS(
    referencePixel: pixel, reference: SpherePoint(raDegrees: 80, decDegrees: -10),
    cd: AffineTransform(xx: -c, xy: s, yx: s, yy: c))
}
