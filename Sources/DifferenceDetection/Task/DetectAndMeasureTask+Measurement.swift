// SPDX-License-Identifier: GPL-3.0-or-later
// What is measured of each source.

package import Catalogs
package import Imaging
internal import Measurement
package import SkyGeometry
internal import TaskFramework

extension DetectAndMeasureTask {
  /// Measures centroids, then dipoles, then everything else at the positions that both make (detection-measurement A.10).
  ///
  /// - Parameters:
  ///   - diaSources: of ``schema``, each with a footprint.
  ///   - science, matchedTemplate: constrain the dipoles.
  /// - Throws: ``Measurement/MeasurementError``, ``Imaging/ImagingError``.
  package func measureDiaSources(
    _ diaSources: inout Catalog, science: Exposure, difference: Exposure, matchedTemplate: Exposure
  ) throws {
    let children = BlendPixels(diaSources, blend: columns.deblend.blend, image: difference.maskedImage.image)
    // Centroids start from peaks: the slot's column is the dipole fit's, which is not done yet.
    var slots = MeasurementSlots(schema)
    slots.centroid = nil
    try measurement.run(
      &diaSources, on: difference, orders: -.infinity..<ExecutionOrder.shape, slots: slots, replacement: children)
    try timer("fitDipoles") { () throws in
      let images = [difference, science, matchedTemplate].map { MeasurementImage($0, slots: slots) }
      for row in 0..<diaSources.rowCount {
        columns.dipole.measure(
          row: row, of: &diaSources, difference: images[0], science: images[1], template: images[2])
      }
    }
    try measurement.run(
      &diaSources, on: difference, orders: ExecutionOrder.shape..<(.infinity), replacement: children)
    if config.doApCorr, let map = difference.apCorrMap { applyApCorr.run(&diaSources, map) }
  }

  /// Measures the PSF flux of an exposure at each source (A.12).
  ///
  /// - Parameters:
  ///   - science: or, with `template`, the matched template.
  ///   - wcs: of the difference.
  ///   - exposureID: what the noise in the place of other sources depends on, where there is any.
  /// - Throws: ``Measurement/MeasurementError``, ``Catalogs/CatalogError``.
  package func measureForcedSources(
    _ diaSources: inout Catalog, science: Exposure, wcs: SkyWCS?, template: Bool = false, exposureID: Int64 = 0
  ) throws {
    guard science.psf != nil else {
      warn("the \(template ? "matched template" : "science image") has no PSF: forced fluxes on it stay empty")
      return
    }
    let forced = try forcedMeasurement.run(diaSources, on: science, referenceWCS: wcs, exposureID: exposureID)
    try (template ? columns.forcedTemplate : columns.forced).copy(from: forced, to: &diaSources)
  }
}
