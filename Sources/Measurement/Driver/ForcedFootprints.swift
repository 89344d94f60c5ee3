// SPDX-License-Identifier: GPL-3.0-or-later
// Footprints for sources of a reference that has none on an exposure.

package import Catalogs
package import Imaging
package import SkyGeometry

extension ForcedMeasurementTask {
  /// Gives each row an ellipse of the shape of the PSF at the reference's position (detection-measurement C.5.5).
  ///
  /// For references without footprints. The peak is the position itself, with the value of the pixel that holds it. A source that is not on the exposure, or where the
  /// PSF is undefined, gets none. References without a centroid slot are placed by their coordinates.
  ///
  /// - Parameters:
  ///   - scaling: half-axes of the ellipse, in standard deviations of the PSF.
  ///   - referenceWCS: of the reference's pixels; the exposure's own when left out.
  /// - Throws: ``ForcedMeasurementError/noPSF``; ``Catalogs/CatalogError/lengthMismatch(what:found:expected:)``.
  package func attachPsfShapeFootprints(
    _ measCat: inout Catalog, reference: Catalog, on exposure: Exposure, referenceWCS: SkyWCS? = nil,
    scaling: Double = 3
  ) throws {
    guard exposure.psf != nil else { throw ForcedMeasurementError.noPSF }
    guard measCat.rowCount == reference.rowCount else {
      throw CatalogError.lengthMismatch(
        what: "the number of rows of the catalog to be measured", found: measCat.rowCount,
        expected: reference.rowCount)
    }
    let image = MeasurementImage(exposure, slots: MeasurementSlots(measCat.schema))
    let sources = ReferenceSources(reference, wcs: referenceWCS, exposureWCS: exposure.wcs)
    for row in 0..<measCat.rowCount {
      let position =
        sources.centroid == nil ? try? sources.positionOfCoord(row: row) : try? sources.position(row: row)
      measCat.setFootprint(position.flatMap { image.psfShapeFootprint(at: $0, scaling: scaling) }, row: row)
    }
  }

  /// Gives each row the reference's footprint on the exposure's pixels, as far as it is on the exposure (C.5.4).
  ///
  /// A pixel belongs to it when the pixel of the reference that holds its centre does. Footprints lose pixels of their own. Nothing changes where the reference's pixels
  /// are the exposure's.
  package func attachTransformedFootprints(
    _ measCat: inout Catalog, reference: Catalog, on exposure: Exposure, referenceWCS: SkyWCS?
  ) {
    let sources = ReferenceSources(reference, wcs: referenceWCS, exposureWCS: exposure.wcs)
    guard sources.isTransformed else { return }
    for row in 0..<min(measCat.rowCount, reference.rowCount) {
      guard let footprint = reference.footprint(row: row) else { continue }
      measCat.setFootprint(sources.transformed(footprint, to: exposure.box), row: row)
    }
  }
}

extension MeasurementImage {
  fileprivate func psfShapeFootprint(at position: Point2D, scaling: Double) -> Footprint? {
    guard let pixel = position.pixel, box.contains(pixel), let psf = try? psfMoments(at: position), !psf.isBad,
      let ellipse = SpanSet(ellipseAt: position, moments: psf.moments.columns, scale: scaling)
    else { return nil }
    let peak = Peak(
      id: 1, position: position, pixel: pixel, value: image[pixel.x, pixel.y], isFromPositive: true)
    return Footprint(ellipse, peaks: [peak], region: box)
  }
}

extension ReferenceSources {
  /// A footprint of the reference's pixels on those of a box; empty where none of it is there.
  fileprivate func transformed(_ footprint: Footprint, to box: Box2I) -> Footprint {
    let peaks = footprint.peaks.compactMap { peak -> Peak? in
      guard let here = transformed(peak.position), let pixel = here.pixel else { return nil }
      var moved = peak
      (moved.position, moved.pixel) = (here, pixel)
      return moved
    }
    let part = reach(of: footprint.box).intersection(box)
    var spans: [Span] = []
    for y in part.minY..<part.endY {
      let row = restored((part.minX..<part.endX).map { Point2D(Point2I(x: $0, y: y)) })
      for (i, there) in row.enumerated() {
        guard let pixel = there.pixel, footprint.spans.contains(pixel) else { continue }
        spans.append(Span(y: y, x0: part.minX + i, x1: part.minX + i))
      }
    }
    return Footprint(SpanSet(spans), peaks: peaks, region: box)
  }

  /// The pixels that a box of the reference can reach: those about what its outline becomes.
  private func reach(of box: Box2I) -> Box2I {
    let nothing = Box2I(width: 0, height: 0)
    guard !box.isEmpty else { return nothing }
    let outline = Box2D(box)
    let corners = [
      Point2D(x: outline.minX, y: outline.minY), Point2D(x: outline.maxX, y: outline.minY),
      Point2D(x: outline.maxX, y: outline.maxY), Point2D(x: outline.minX, y: outline.maxY),
    ]
    guard let hull = Box2D(around: corners.compactMap { transformed($0) }) else { return nothing }
    // One pixel more, for the sky is not flat.
    let grown = Box2D(minX: hull.minX - 1, minY: hull.minY - 1, maxX: hull.maxX + 1, maxY: hull.maxY + 1)
    return (try? Box2I(covering: grown)) ?? nothing
  }
}
