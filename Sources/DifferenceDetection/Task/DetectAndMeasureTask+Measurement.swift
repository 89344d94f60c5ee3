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
  ///   - exposureID: what the noise in the place of other sources depends on, where there is any.
  /// - Throws: ``Measurement/MeasurementError``, ``Imaging/ImagingError``.
  package func measureDiaSources(
    _ diaSources: inout Catalog, science: Exposure, difference: Exposure, matchedTemplate: Exposure,
    exposureID: Int64 = 0
  ) throws {
    let children = BlendPixels(diaSources, blend: columns.deblend.blend, image: difference.maskedImage.image)
    // Centroids start from peaks: the slot's column is the dipole fit's, which is not done yet.
    var slots = MeasurementSlots(schema)
    slots.centroid = nil
    try measurement.run(
      &diaSources, on: difference, orders: -.infinity..<ExecutionOrder.shape, slots: slots, replacement: children,
      exposureID: exposureID)
    try timer("fitDipoles") { () throws in
      let images = [difference, science, matchedTemplate].map { MeasurementImage($0, slots: slots) }
      for row in 0..<diaSources.rowCount {
        columns.dipole.measure(
          row: row, of: &diaSources, difference: images[0], science: images[1], template: images[2])
      }
    }
    try measurement.run(
      &diaSources, on: difference, orders: ExecutionOrder.shape..<(.infinity), replacement: children,
      exposureID: exposureID)
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
    let target = template ? columns.forcedTemplate : columns.forced
    guard science.psf != nil else {
      warn("the \(template ? "matched template" : "science image") has no PSF: forced fluxes on it stay empty")
      if let flag = target.flags.first?.key { for row in 0..<diaSources.rowCount { diaSources[flag, row] = true } }
      return
    }
    // The pixels of deblended sources are the difference's, not this image's.
    var reference = diaSources
    for row in 0..<reference.rowCount {
      guard let footprint = reference.footprint(row: row), footprint.isHeavy else { continue }
      reference.setFootprint(
        Footprint(footprint.spans, peaks: footprint.peaks, region: footprint.region), row: row)
    }
    let forced = try forcedMeasurement.run(reference, on: science, referenceWCS: wcs, exposureID: exposureID)
    try target.copy(from: forced, to: &diaSources)
  }
}
