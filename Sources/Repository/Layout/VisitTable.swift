// SPDX-License-Identifier: GPL-3.0-or-later
// The exposures of a repository.

package import Catalogs
internal import Foundation
package import Imaging
package import SkyGeometry

/// An exposure as planning sees it: where it is on the sky and how good it is, without its pixels.
package struct VisitRecord: Hashable, Sendable {
  package var visit: Int64
  package var detector: Int64
  package var band: String
  package var physicalFilter: String
  /// Middle of the exposure, TAI; NaN when unknown.
  package var mjd: Double
  /// Seconds; NaN when unknown.
  package var exposureTime: Double
  /// Full width at half maximum of the PSF at the centre, in pixels; NaN when unknown.
  package var psfFwhm: Double
  /// AB magnitude of one count; NaN when unknown.
  package var zeroPoint: Double
  package var box: Box2I
  /// Where the outer corners of the corner pixels are, counter-clockwise from the first pixel; NaN without a WCS.
  package var corners: [SpherePoint]
  /// The WCS's header cards; empty without one.
  package var wcsCards: String
  package var digest: FileDigest

  /// What an exposure says of itself.
  package init(visit: Int64, detector: Int64, band: String, _ exposure: Exposure, digest: FileDigest) {
    self.visit = visit
    self.detector = detector
    self.band = band
    physicalFilter = exposure.filter?.physicalFilter ?? ""
    mjd = exposure.visitInfo?.mjdTAI ?? .nan
    exposureTime = exposure.visitInfo?.exposureSeconds ?? .nan
    psfFwhm = exposure.psf.flatMap { try? $0.kernelImage(at: exposure.box.center).fwhm } ?? .nan
    zeroPoint = exposure.photoCalib?.zeroPoint ?? .nan
    box = exposure.box
    corners =
      exposure.wcs?.pixelToSky(Box2D(exposure.box).corners)
      ?? Array(repeating: SpherePoint(raDegrees: .nan, decDegrees: .nan), count: 4)
    wcsCards = exposure.wcs?.cards.cards.joined() ?? ""
    self.digest = digest
  }

  fileprivate init(
    visit: Int64, detector: Int64, band: String, physicalFilter: String, mjd: Double, exposureTime: Double,
    psfFwhm: Double, zeroPoint: Double, box: Box2I, corners: [SpherePoint], wcsCards: String, digest: FileDigest
  ) {
    self.visit = visit
    self.detector = detector
    self.band = band
    self.physicalFilter = physicalFilter
    self.mjd = mjd
    self.exposureTime = exposureTime
    self.psfFwhm = psfFwhm
    self.zeroPoint = zeroPoint
    self.box = box
    self.corners = corners
    self.wcsCards = wcsCards
    self.digest = digest
  }

  /// The coordinate system; `nil` when there is none.
  ///
  /// - Throws: ``SkyGeometry/WCSError``.
  package func wcs() throws(WCSError) -> SkyWCS? {
    guard !wcsCards.isEmpty else { return nil }
    let bytes = Array(wcsCards.utf8)
    let cards = stride(from: 0, to: bytes.count, by: 80).map {
      String(decoding: bytes[$0..<min($0 + 80, bytes.count)], as: UTF8.self)
    }
    return try SkyWCS(header: cards)
  }
}

extension Image<Double> {
  /// Full width at half maximum, from the area above half of the largest pixel: that of a disk of this area.
  fileprivate var fwhm: Double {
    let peak = pixels.max() ?? 0
    guard peak > 0 else { return .nan }
    // A pixel next to the contour counts as far as it reaches over it, or the result would be a step function.
    let area = pixels.reduce(0.0) { sum, value in
      sum + min(1, max(0, (value / peak - 0.5) / 0.1 + 0.5))
    }
    return 2 * (area / .pi).squareRoot()
  }
}

/// The exposures of a repository: one row a visit and detector, in their order.
///
/// Planning reads only this.
package struct VisitTable: Hashable, Sendable {
  private var byKey: [Key: VisitRecord] = [:]

  private struct Key: Hashable, Comparable {
    let visit: Int64
    let detector: Int64
    static func < (a: Key, b: Key) -> Bool { (a.visit, a.detector) < (b.visit, b.detector) }
  }

  package init() {}

  /// In the order of visits, then detectors.
  package var records: [VisitRecord] { byKey.sorted { $0.key < $1.key }.map(\.value) }
  package var count: Int { byKey.count }

  package subscript(visit visit: Int64, detector detector: Int64) -> VisitRecord? {
    byKey[Key(visit: visit, detector: detector)]
  }

  /// Enters an exposure; one of the same visit and detector is replaced.
  package mutating func insert(_ record: VisitRecord) {
    byKey[Key(visit: record.visit, detector: record.detector)] = record
  }

  package mutating func remove(visit: Int64, detector: Int64) { byKey[Key(visit: visit, detector: detector)] = nil }

  /// As a catalog.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package func catalog() throws(CatalogError) -> Catalog {
    let records = records
    func length(_ path: (VisitRecord) -> String) -> FieldType {
      .string(length: max(1, records.map { path($0).utf8.count }.max() ?? 1))
    }
    var schema = Schema()
    let visit = try schema.addField("visit", as: Int64.self, doc: "number of the visit")
    let detector = try schema.addField("detector", as: Int64.self, doc: "number of the detector")
    let band = try schema.addField("band", length(\.band), as: String.self, doc: "band of the filter")
    let filter = try schema.addField(
      "physical_filter", length(\.physicalFilter), as: String.self, doc: "name of the filter")
    let mjd = try schema.addField("mjd", as: Double.self, unit: "d", doc: "middle of the exposure, MJD (TAI)")
    let time = try schema.addField("exposureTime", as: Double.self, unit: "s", doc: "exposure time")
    let fwhm = try schema.addField("psfFwhm", as: Double.self, unit: "pixel", doc: "FWHM of the PSF at the centre")
    let zero = try schema.addField("zeroPoint", as: Double.self, unit: "mag", doc: "AB magnitude of one count")
    var sides: [Key_] = []
    for (name, doc) in [
      ("minX", "first column"), ("minY", "first row"), ("width", "number of columns"), ("height", "number of rows"),
    ] { sides.append(try schema.addField(name, as: Int32.self, unit: "pixel", doc: doc)) }
    var corners: [CoordKey] = []
    for i in 0..<4 {
      corners.append(try CoordKey(adding: "corner\(i)", to: &schema, doc: "outer corner \(i) of the image"))
    }
    let cards = try schema.addField(
      "wcs", length(\.wcsCards), as: String.self, doc: "FITS header cards of 80 characters each")
    let size = try schema.addField("size", as: Int64.self, unit: "byte", doc: "size of the exposure's file")
    let sha256 = try schema.addField(
      "sha256", .string(length: 64), as: String.self, doc: "SHA-256 of the exposure's file")
    var catalog = Catalog(schema, rowCount: records.count)
    for (row, record) in records.enumerated() {
      catalog[visit, row] = record.visit
      catalog[detector, row] = record.detector
      catalog[band, row] = record.band
      catalog[filter, row] = record.physicalFilter
      catalog[mjd, row] = record.mjd
      catalog[time, row] = record.exposureTime
      catalog[fwhm, row] = record.psfFwhm
      catalog[zero, row] = record.zeroPoint
      for (key, value) in zip(sides, [record.box.minX, record.box.minY, record.box.width, record.box.height]) {
        catalog[key, row] = Int32(clamping: value)
      }
      for (key, corner) in zip(corners, record.corners) { catalog[key, row] = corner }
      catalog[cards, row] = record.wcsCards
      catalog[size, row] = Int64(record.digest.size)
      catalog[sha256, row] = record.digest.sha256
    }
    return catalog
  }

  private typealias Key_ = Catalogs.Key<Int32>

  /// Reads such a catalog.
  ///
  /// - Throws: ``Catalogs/CatalogError``: missing columns, a visit and detector that are there twice, boxes that are none.
  package init(_ catalog: Catalog) throws(CatalogError) {
    func texts(_ name: String) throws(CatalogError) -> [String] { try catalog.column(name) }
    func numbers(_ name: String) throws(CatalogError) -> [Double] { try catalog.column(name) }
    func integers(_ name: String) throws(CatalogError) -> [Int64] { try catalog.column(name) }
    func sides(_ name: String) throws(CatalogError) -> [Int32] { try catalog.column(name) }
    let (visit, detector) = (try integers("visit"), try integers("detector"))
    let (band, filter, cards, sha256) = (
      try texts("band"), try texts("physical_filter"), try texts("wcs"), try texts("sha256")
    )
    let (mjd, time) = (try numbers("mjd"), try numbers("exposureTime"))
    let (fwhm, zero) = (try numbers("psfFwhm"), try numbers("zeroPoint"))
    let (x, y, width, height) = (try sides("minX"), try sides("minY"), try sides("width"), try sides("height"))
    var corners: [CoordKey] = []
    for i in 0..<4 { corners.append(try CoordKey("corner\(i)", in: catalog.schema)) }
    let size = try integers("size")
    for row in 0..<catalog.rowCount {
      guard visit[row] >= 0, detector[row] >= 0, self[visit: visit[row], detector: detector[row]] == nil,
        size[row] >= 0,
        let box = try? Box2I(
          checkingMinX: Int(x[row]), minY: Int(y[row]), width: Int(width[row]), height: Int(height[row]))
      else {
        throw .invalidSchema(
          "row \(row) of the visit table (visit \(visit[row]), detector \(detector[row])) is none, or is there twice")
      }
      insert(
        VisitRecord(
          visit: visit[row], detector: detector[row], band: band[row], physicalFilter: filter[row], mjd: mjd[row],
          exposureTime: time[row], psfFwhm: fwhm[row], zeroPoint: zero[row], box: box,
          corners: corners.map { catalog[$0, row] }, wcsCards: cards[row],
          digest: FileDigest(size: Int(size[row]), sha256: sha256[row])))
    }
  }
}
