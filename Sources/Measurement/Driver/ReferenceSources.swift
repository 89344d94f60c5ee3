// SPDX-License-Identifier: GPL-3.0-or-later
// Where the positions of a forced measurement come from.

package import Catalogs
package import SkyGeometry

/// The sources whose positions a forced measurement takes: row i of the measured catalog is row i here.
package struct ReferenceSources: Sendable {
  package let catalog: Catalog
  /// Of the image that the reference was measured on; `nil` for the pixels that are measured now.
  package let wcs: SkyWCS?
  /// Of the pixels that are measured now.
  package let exposureWCS: SkyWCS?
  /// `nil` when the reference has no centroid slot.
  package let centroid: CentroidSlot?
  /// `nil` when the reference has no shape slot.
  package let shape: ShapeSlot?
  /// `nil` when the reference has no positions on the sky.
  package let coord: CoordKey?
  /// From the reference's pixels to the sky and back; `nil` where its pixels are those that are measured.
  private let maps: (theirs: SkyWCS, own: SkyWCS)?

  package init(_ catalog: Catalog, wcs: SkyWCS?, exposureWCS: SkyWCS?) {
    self.catalog = catalog
    self.wcs = wcs
    self.exposureWCS = exposureWCS
    centroid = try? catalog.schema.centroidSlot()
    shape = try? catalog.schema.shapeSlot()
    coord = try? CoordKey(in: catalog.schema)
    if let wcs, let exposureWCS, wcs != exposureWCS { maps = (wcs, exposureWCS) } else { maps = nil }
  }

  /// Whether the reference's pixels are not those that are measured.
  package var isTransformed: Bool { maps != nil }

  /// The centroid of a row on the pixels that are measured (detection-measurement B.2.4).
  ///
  /// Through both WCSs, or as it is where there is one only or they are equal.
  ///
  /// - Throws: ``MeasurementFailure`` for a reference without a centroid there, or one that is not on this image's sky.
  package func position(row: Int) throws(MeasurementFailure) -> Point2D {
    guard let centroid, row < catalog.rowCount else { throw .other("there is no reference with a centroid") }
    let given = catalog[centroid.position, row]
    guard given.isFinite else { throw .other("the reference's centroid is missing") }
    guard let here = transformed(given) else { throw .other("the reference's position is not on this image's sky") }
    return here
  }

  /// The position of a row's coordinates on the pixels that are measured.
  ///
  /// - Throws: ``MeasurementFailure`` for a reference without coordinates there, an image without a WCS, or coordinates that are not on its sky.
  package func positionOfCoord(row: Int) throws(MeasurementFailure) -> Point2D {
    guard let coord, row < catalog.rowCount else { throw .other("there is no reference with coordinates") }
    guard let exposureWCS else { throw .other("there is no WCS") }
    let sky = catalog[coord, row]
    guard sky.isFinite, let here = try? exposureWCS.skyToPixel(sky) else {
      throw .other("the reference's coordinates are not on this image's sky")
    }
    return here
  }

  /// The linear map from the reference's pixels to those that are measured, about the centroid of a row; no offset.
  ///
  /// - Returns: `nil` where they are the same pixels.
  /// - Throws: ``MeasurementFailure`` where ``position(row:)`` throws, and where a WCS has no scale.
  package func localMap(row: Int) throws(MeasurementFailure) -> AffineTransform? {
    guard let maps else { return nil }
    let here = try position(row: row)
    guard let centroid, let out = try? maps.theirs.linearizePixelToSky(at: catalog[centroid.position, row]),
      let back = try? maps.own.linearizePixelToSky(at: here).inverse
    else { throw .other("a WCS has no scale where the reference is") }
    // Both touch the sky at the source, with axes toward east and north.
    return AffineTransform(
      xx: back.xx * out.xx + back.xy * out.yx, xy: back.xx * out.xy + back.xy * out.yy,
      yx: back.yx * out.xx + back.yy * out.yx, yy: back.yx * out.xy + back.yy * out.yy)
  }

  /// A position of the reference's pixels on those that are measured; `nil` when it is not on their sky.
  func transformed(_ position: Point2D) -> Point2D? {
    guard let maps else { return position }
    guard let sky = try? maps.theirs.pixelToSky(position) else { return nil }
    return try? maps.own.skyToPixel(sky)
  }

  /// Positions that are measured on the reference's pixels; NaN for those that are not on their sky.
  func restored(_ positions: [Point2D]) -> [Point2D] {
    guard let maps else { return positions }
    return maps.theirs.skyToPixel(maps.own.pixelToSky(positions))
  }
}
