// SPDX-License-Identifier: GPL-3.0-or-later
// Sources that moved while the shutter was open.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `ext_trailedSources_Naive`: length, angle, ends and flux of a trail, from the moments of the source
/// (detection-measurement B.10).
///
/// Every source that is not round has a trail; those of stars are shorter than their PSF is wide. The flux is that of a line of
/// light convolved with a Gaussian of the PSF's width, in the box of the footprint.
package struct TrailedSourceConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.apertureCorrection + 0.1
  package static let requiredSlots: [Slot] = [.centroid, .shape]

  package var maxFlux = 1e10

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(positive: "maxFlux", \.maxFlux, doc: "a larger flux is not believed, and that of the aperture taken, counts")
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    TrailedSource(name: name, maxFlux: maxFlux, columns: try TrailedSourceColumns(name, addingTo: &schema))
  }
}

private struct TrailedSource: MeasurementPlugin {
  let name: String
  let maxFlux: Double
  let columns: TrailedSourceColumns
  var flag: Key<Bool>? { columns.flags.general }
  private var flags: TrailedSourceFlags { columns.flags }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let moments = try shape(row: row, of: catalog, image)
    let center = try center(row: row, of: &catalog, image)
    guard let geometry = TrailGeometry(moments) else { throw .flagged(flags.noConverge) }
    let trail = Trail(center: center, length: geometry.length, angle: geometry.angle)
    write(trail, row: row, to: &catalog, image)

    guard let psf = try? image.averagePSFMoments(), !psf.isBad else {
      catalog[flags.noSigma, row] = true
      throw .undefinedPSF
    }
    check(trail, psf, row: row, of: &catalog, image)
    let fit = TrailFit(
      trail, sigma: psf.traceRadius, image: image.image, variance: image.variance,
      in: catalog.footprint(row: row)?.box ?? Box2I(width: 0, height: 0))
    guard fit.flux.isFinite, abs(fit.flux) <= maxFlux else {
      try writeApertureFlux(row: row, to: &catalog, image)
      return
    }
    catalog[columns.flux, row] = fit.flux
    guard let errors = TrailErrors(trail, geometry, moments: moments, fit: fit) else { return }
    catalog[columns.fluxErr, row] = errors.flux
    catalog[columns.lengthErr, row] = errors.length
    catalog[columns.angleErr, row] = Angle(radians: errors.angle).degrees
    for end in [columns.start, columns.end] {
      catalog[end.xErr, row] = errors.x
      catalog[end.yErr, row] = errors.y
    }
  }

  private func shape(
    row: Int, of catalog: Catalog, _ image: MeasurementImage
  ) throws(MeasurementFailure) -> SecondMoments {
    guard let slot = image.slots.shape else { throw .flagged(flags.shape) }
    if let bad = slot.flag, catalog[bad, row] { throw .flagged(flags.shape) }
    let moments = SecondMoments(catalog[slot.moments, row])
    guard !moments.isSingular else { throw .flagged(flags.shape) }
    return moments
  }

  /// The first moments that go with the shape, else the centroid.
  private func center(
    row: Int, of catalog: inout Catalog, _ image: MeasurementImage
  ) throws(MeasurementFailure) -> Point2D {
    if let key = image.slots.shapeCenter {
      let center = catalog[key, row]
      if center.isFinite { return center }
    }
    catalog[flags.safeCentroid, row] = true
    guard let slot = image.slots.centroid, catalog[slot.position, row].isFinite else { throw .flagged(flags.nan) }
    return catalog[slot.position, row]
  }

  private func write(_ trail: Trail, row: Int, to catalog: inout Catalog, _ image: MeasurementImage) {
    let (first, second) = trail.ends
    (catalog[columns.start.x, row], catalog[columns.start.y, row]) = (first.x, first.y)
    (catalog[columns.end.x, row], catalog[columns.end.y, row]) = (second.x, second.y)
    catalog[columns.length, row] = trail.length
    catalog[columns.angle, row] = Angle(radians: trail.angle)
    if let sky = try? image.exposure.wcs?.pixelToSky(trail.center) { catalog[columns.sky, row] = sky }
  }

  private func check(
    _ trail: Trail, _ psf: AdaptiveMoments, row: Int, of catalog: inout Catalog, _ image: MeasurementImage
  ) {
    let mask = image.mask
    let edge = mask.planes.bitMask(ofExisting: ["EDGE"])
    let (first, second) = trail.ends
    for end in [first, second] {
      if let pixel = end.pixel, mask.box.contains(pixel) {
        if mask[pixel.x, pixel.y] & edge != 0 { catalog[flags.edge, row] = true }
      } else {
        catalog[flags.offImage, row] = true
        catalog[flags.edge, row] = true
      }
    }
    if trail.length > 3 * psf.determinantRadius { catalog[flags.suspectLongTrail, row] = true }
  }

  private func writeApertureFlux(
    row: Int, to catalog: inout Catalog, _ image: MeasurementImage
  ) throws(MeasurementFailure) {
    guard let slot = image.slots.apFlux, catalog[slot.instFlux, row].isFinite else { throw .flagged(flags.noFlux) }
    catalog[columns.flux, row] = catalog[slot.instFlux, row]
    catalog[columns.fluxErr, row] = catalog[slot.instFluxErr, row]
  }
}
