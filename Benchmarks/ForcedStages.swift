// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring where sources are known to be.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework

/// Measures PSF fluxes at known positions, 10,000 of them on 4096²: each by itself, and all together.
struct ForcedStages {
  let side: Int

  /// The beginnings of the operations' names.
  static let names = ["forced photometry"]

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    guard isWanted(Self.names[0]) else { return [] }
    let half = ForcedScene.half
    let box = Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)
    // An image, as a PSF model gives it, that is moved to each position.
    let psf = try KernelPSF(
      Image<Double>(box: box) { x, y in
        exp(-Double(x * x + y * y) / (2 * ForcedScene.sigma * ForcedScene.sigma))
      }, averagePosition: Point2D(x: 0, y: 0))
    let scene = try ForcedScene(side: side, isCrowded: false, psf: psf)
    let crowd = try ForcedScene(side: side, isCrowded: true, psf: psf)
    return [
      try measurePlain(scene), try measureJoint("forced photometry, all together", scene),
      try measureJoint("forced photometry of a crowd, all together", crowd),
    ]
  }

  /// `base_PsfFlux` of a forced measurement, its catalog included.
  private func measurePlain(_ scene: ForcedScene) throws -> Measurement {
    var config = ForcedMeasurementConfig()
    config.doReplaceWithNoise = false
    let task = try ForcedMeasurementTask(config: config)
    let reference = try Self.catalog(scene, of: Self.schema())
    var result = try measure("forced photometry, base_PsfFlux", side: side) {
      task.emptyMetadata()
      keep(try task.run(reference, on: scene.exposure))
    }
    result.rate = result.seconds / Double(scene.positions.count) * 1e6
    result.unit = "us/source"
    return result
  }

  private func measureJoint(_ name: String, _ scene: ForcedScene) throws -> Measurement {
    let (task, catalog) = try Self.prepare(scene)
    var result = try measure(name, side: side) {
      task.emptyMetadata()
      var working = catalog
      keep(try task.run(&working, on: scene.exposure))
    }
    result.rate = result.seconds / Double(scene.positions.count) * 1e6
    result.unit = "us/source"
    let (groups, largest) = (try task.metadata.integer("groupCount"), try task.metadata.integer("largestGroup"))
    note("\(name), \(side): \(scene.positions.count) sources, \(groups) groups, the largest of \(largest)")
    return result
  }

  /// Fluxes and errors of stars of a PSF that is a function, for another program to compare its own with.
  static func fluxes(_ scene: ForcedScene) throws -> [Double] {
    let (task, catalog) = try prepare(scene)
    var working = catalog
    _ = try task.run(&working, on: scene.exposure)
    let fluxes: [Double] = try working.column("joint_PsfFlux_instFlux")
    let errors: [Double] = try working.column("joint_PsfFlux_instFluxErr")
    return zip(fluxes, errors).flatMap { [$0, $1] }
  }

  private static func prepare(_ scene: ForcedScene) throws -> (JointForcedTask, Catalog) {
    var schema = try schema()
    let task = try JointForcedTask()
    try task.addFields(to: &schema)
    return (task, try catalog(scene, of: schema))
  }

  private static func schema() throws -> Schema {
    var schema = try Schema.minimalSource()
    _ = try PointKey(adding: "given", to: &schema, doc: "position")
    try schema.addField("given_flag", as: Bool.self, doc: "not to be trusted")
    try schema.setSlot(.centroid, to: "given")
    return schema
  }

  private static func catalog(_ scene: ForcedScene, of schema: Schema) throws -> Catalog {
    var catalog = Catalog(schema, rowCount: scene.positions.count)
    let key = try PointKey("given", in: schema)
    for (row, position) in scene.positions.enumerated() { catalog[key, row] = position }
    return catalog
  }
}
