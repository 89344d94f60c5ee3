// SPDX-License-Identifier: GPL-3.0-or-later
// What of the sky a survey covers, and how it is divided.

internal import Foundation
package import Repository
package import SkyGeometry
package import TaskFramework

/// What of the sky a survey covers: a disk about each field's centre, and a tract around it.
package struct SurveyTracts: Sendable {
  let config: SurveyConfig

  package init(_ config: SurveyConfig) { self.config = config }

  private var focalPlane: FocalPlane { FocalPlane(config.camera) }

  /// How far from a field's centre a pixel may be, degrees.
  var reach: Double { (focalPlane.halfDiagonal * config.camera.pixelScale + config.visits.dither) / 3600 }

  /// How far from a field's centre objects are made: their light may reach into the field, degrees.
  var populatedRadius: Double {
    reach + max(config.psf.radius * config.psf.seeingMax, config.galaxies.largestRadius * 4) / 3600
  }

  /// How far from a field's centre all visits have pixels, but for gaps, degrees; at least a third of the half side.
  var commonRadius: Double {
    let half = focalPlane.halfSide * config.camera.pixelScale / 3600
    return max(half - config.visits.dither / 3600, half / 3)
  }

  /// Area that is populated about a field, square degrees.
  var fieldArea: Double {
    let cap = 2 * Double.pi * (1 - cos(populatedRadius * .pi / 180))
    return cap * (180 / .pi) * (180 / .pi)
  }

  /// The centre of each field.
  package var centers: [SpherePoint] {
    zip(config.fields.raList, config.fields.decList).map { SpherePoint(raDegrees: $0, decDegrees: $1) }
  }

  /// From a tract's centre to the middle of an edge, degrees: what was asked for, or what a square around all visits needs.
  package var tractRadius: Double {
    if let radius = config.skyMap.tractRadius { return radius }
    let half = focalPlane.halfExtent(rotatedUpTo: config.visits.rotation * .pi / 180)
    return (half * config.camera.pixelScale + config.visits.dither + 2) / 3600
  }

  /// The sky map, as a repository describes it.
  package var skyMapConfig: DiscreteSkyMapConfig {
    var map = DiscreteSkyMapConfig()
    map.raList = config.fields.raList
    map.decList = config.fields.decList
    map.radiusList = config.fields.raList.map { _ in tractRadius }
    map.patchInnerDimensions = config.skyMap.patchInnerDimensions
    map.patchBorder = config.skyMap.patchBorder
    map.pixelScale = config.camera.pixelScale
    return map
  }

  package func skyMap() throws(SkyMapError) -> SkyMap { try skyMapConfig.makeSkyMap() }

  /// What `repository.yaml` says.
  ///
  /// - Throws: ``TaskFramework/ConfigProblem``.
  package func repositoryConfig() throws(ConfigProblem) -> RepositoryConfig {
    var repository = RepositoryConfig()
    repository.instrument.name = config.instrument
    repository.instrument.bands = config.bands
    repository.instrument.largestDetector = max(repository.instrument.largestDetector, focalPlane.detectorCount - 1)
    try repository.skyMap.select(["discrete"])
    let map = skyMapConfig
    try repository.skyMap.update("discrete", DiscreteSkyMapConfig.self) { $0 = map }
    return repository
  }
}
