// SPDX-License-Identifier: GPL-3.0-or-later
// A survey that is made up, and everything that is true of it.

package import Catalogs
package import Imaging
internal import Repository
package import SkyGeometry
package import TaskFramework

/// A request for what a survey does not have.
package struct NoSuchExposure: Error, Hashable, Sendable, CustomStringConvertible {
  package let visit: Int64
  package let detector: Int

  package var description: String { "the survey has no visit \(visit) with a detector \(detector)" }
}

/// A survey that is made up: its sky, its visits, and each of its exposures on demand, without files.
///
/// Everything follows from the configuration alone: equal ones give equal bits, in whatever order and on however many threads.
package struct SyntheticSurvey: Sendable {
  package let config: SurveyConfig
  package let focalPlane: FocalPlane
  /// In the order of their times.
  package let visits: [SurveyVisit]
  /// In the order of their IDs.
  package let objects: [SkyObject]
  package let tracts: SurveyTracts

  /// - Throws: ``TaskFramework/ConfigProblem`` for a configuration that makes no survey.
  package init(_ config: SurveyConfig) throws(ConfigProblem) {
    try config.validateAll()
    self.config = config
    focalPlane = FocalPlane(config.camera)
    tracts = SurveyTracts(config)
    visits = SurveyVisit.schedule(config)
    objects = Population(config, visits).objects
  }

  package var detectorCount: Int { focalPlane.detectorCount }

  /// The visit of a number; `nil` when there is none.
  package func visit(_ number: Int64) -> SurveyVisit? {
    // Visits are numbered without gaps.
    let index = number.subtractingReportingOverflow(Int64(config.visits.first))
    return !index.overflow && index.partialValue >= 0 && index.partialValue < visits.count
      ? visits[Int(index.partialValue)] : nil
  }

  /// Makes an exposure.
  ///
  /// - Throws: ``NoSuchExposure``; nothing else for a survey that could be made.
  package func makeExposure(visit number: Int64, detector: Int) throws -> SimulatedExposure {
    guard let visit = visit(number), detector >= 0, detector < detectorCount else {
      throw NoSuchExposure(visit: number, detector: detector)
    }
    return try ExposureSimulator(self, visit, detector: detector).run()
  }

  /// True flux of an object in a visit, nJy; `nil` when there is no such object or visit.
  package func flux(ofObject id: Int64, visit number: Int64) -> Double? {
    guard id >= 1, id <= objects.count, let visit = visit(number) else { return nil }
    return objects[Int(id) - 1].flux(band: visit.bandIndex, mjd: visit.mjd)
  }

  /// The exact PSF of a source near a position: what the PSF of an exposure is fitted to.
  ///
  /// - Parameters:
  ///   - dx: by how much the source is off the centre of pixel (0, 0), at most half a pixel.
  ///   - dy: the same along columns.
  /// - Returns: a stamp about pixel (0, 0) of sum 1; `nil` when there is no such visit or detector.
  package func exactPSF(
    visit number: Int64, detector: Int, at position: Point2D, dx: Double = 0, dy: Double = 0
  ) -> Image<Double>? {
    guard let visit = visit(number), detector >= 0, detector < detectorCount else { return nil }
    return MoffatField(config, visit).stamp(at: focalPlane.normalized(position, detector: detector), dx: dx, dy: dy)
  }

  /// The ephemerides about a visit: `preloaded_SsObjects`.
  ///
  /// - Throws: ``NoSuchExposure``, ``Catalogs/CatalogError``.
  package func ephemerides(visit number: Int64) throws -> Catalog {
    guard let visit = visit(number) else { throw NoSuchExposure(visit: number, detector: 0) }
    return try EphemerisTable.catalog(self, visit)
  }

  /// All objects: `truth_objects`.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package func objectTable() throws(CatalogError) -> Catalog {
    try TruthTable.objects(objects, bands: config.bands)
  }

  /// What the IDs of sources are made of, as the repository's instrument has it.
  func packer() throws -> VisitDetectorPacker { try tracts.repositoryConfig().instrument.packer() }
}
