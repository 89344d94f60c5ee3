// SPDX-License-Identifier: GPL-3.0-or-later
// Where listed sources are.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Where a person counts pixels from.
package enum PixelCount: Hashable, Sendable {
  /// The centre of the first pixel is where the exposure says: (0, 0) in a FITS image, its corner in a patch of a coadd.
  case fromZero
  /// It is (1, 1), as in FITS, DS9 and SExtractor.
  case fromOne
}

/// Where listed sources are: on the sky, or on an exposure's pixels.
struct ReferencePositions {
  /// The columns that they are from.
  let names: [String]
  /// NaN where there is none, or none on this exposure's sky.
  let pixels: [Point2D]
  /// NaN where there is none, and for positions on pixels without a WCS.
  let sky: [SpherePoint]
  /// Whether the list gives a position, wherever that is.
  let isGiven: [Bool]

  /// Columns of positions on the sky, degrees.
  static let skyNames = [
    ("ra", "dec"), ("coord_ra", "coord_dec"), ("ra_icrs", "de_icrs"), ("raj2000", "dej2000"),
    ("alpha_j2000", "delta_j2000"),
  ]
  /// Columns of positions on pixels, after a catalog's slot.
  static let pixelNames = [("x", "y"), ("xcentroid", "ycentroid")]

  /// Positions on the sky where the list has any and the exposure a WCS to place them with, else on pixels.
  ///
  /// - Parameters:
  ///   - pixelCount: asks for positions on pixels.
  ///   - exposureFile: whose name a message gives.
  /// - Throws: ``IngestError``, ``Repository/CSVError``, for a list without positions, text that is no number, and numbers that are no place on the sky.
  init(_ table: ListedTable, on exposure: Exposure, exposureFile: String, pixelCount: PixelCount?) throws {
    let sky = pixelCount == nil ? Self.columns(Self.skyNames, table) : nil
    let onPixels = Self.slot(table) ?? Self.columns(Self.pixelNames, table)
    if let sky, let wcs = exposure.wcs {
      let positions = try Self.spherePoints(sky, table)
      // A catalog of an image without a WCS has columns for the sky without a value in them.
      if onPixels == nil || table.catalog.isEmpty || positions.contains(where: \.isFinite) {
        names = [sky.0, sky.1]
        self.sky = positions
        isGiven = positions.map(\.isFinite)
        pixels = wcs.skyToPixel(positions)
        return
      }
    }
    guard let onPixels else {
      if let sky {
        throw IngestError(
          file: table.file,
          reason:
            "its positions are \(sky.0) and \(sky.1), and \(exposureFile) has no WCS to place them with; give x and y (pixels from 0), or the image a WCS"
        )
      }
      throw table.lacking(
        pixelCount == nil ? "ra and dec (degrees) nor x and y (pixels from 0)" : "x and y, nor a catalog's centroids")
    }
    let (xs, ys) = (try table.numbers(onPixels.0), try table.numbers(onPixels.1))
    let box = exposure.box
    let corner =
      pixelCount == .fromOne ? Point2D(x: Double(box.minX) - 1, y: Double(box.minY) - 1) : Point2D(x: 0, y: 0)
    let positions = zip(xs, ys).map { x, y in
      x.isFinite && y.isFinite ? Point2D(x: x, y: y) + corner : Point2D(x: .nan, y: .nan)
    }
    names = [onPixels.0, onPixels.1]
    pixels = positions
    isGiven = positions.map(\.isFinite)
    self.sky =
      exposure.wcs?.pixelToSky(positions) ?? positions.map { _ in SpherePoint(raDegrees: .nan, decDegrees: .nan) }
  }

  private static func columns(_ pairs: [(String, String)], _ table: ListedTable) -> (String, String)? {
    for (first, second) in pairs {
      if let first = table.name(of: first), let second = table.name(of: second) { return (first, second) }
    }
    return nil
  }

  private static func slot(_ table: ListedTable) -> (String, String)? {
    let schema = table.catalog.schema
    guard let centroid = try? schema.centroidSlot() else { return nil }
    return (schema.fields[centroid.position.x.index].name, schema.fields[centroid.position.y.index].name)
  }

  /// - Returns: NaN where either coordinate is missing.
  private static func spherePoints(_ columns: (String, String), _ table: ListedTable) throws -> [SpherePoint] {
    let ras = try degrees(columns.0, table, limit: 360)
    let decs = try degrees(columns.1, table, limit: 90)
    return zip(ras, decs).map { ra, dec in
      ra.isFinite && dec.isFinite
        ? SpherePoint(ra: Angle(degrees: ra).wrapped, dec: Angle(degrees: dec))
        : SpherePoint(raDegrees: .nan, decDegrees: .nan)
    }
  }

  private static func degrees(_ name: String, _ table: ListedTable, limit: Double) throws -> [Double] {
    let unit = try table.catalog.schema.field(name).unit.lowercased()
    let isRadians = ["rad", "radian", "radians"].contains(unit)
    guard isRadians || ["", "deg", "degree", "degrees"].contains(unit) else {
      throw IngestError(file: table.file, reason: "column \(name) is in \(unit); give degrees")
    }
    let values = try table.numbers(name).map { isRadians ? Angle(radians: $0).degrees : $0 }
    // A value in radians becomes degrees with an error of rounding.
    if let row = values.firstIndex(where: { $0.isFinite && abs($0) > limit * (1 + 1e-12) }) {
      throw table.failure(row: row, "\(name) is \(values[row]); it must be -\(Int(limit)) to \(Int(limit)) degrees")
    }
    return values.map { $0.isFinite ? min(limit, max(-limit, $0)) : .nan }
  }
}
