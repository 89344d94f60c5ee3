// SPDX-License-Identifier: GPL-3.0-or-later
// The table of objects that no source was found for.

internal import Catalogs
internal import SkyGeometry

/// Objects that no source was found for: what the table of ephemerides says of them but for what only served to work out the place, and where they were expected (framework B.7).
enum UnassociatedObjects {
  private static let maskLength = 128
  private static let computed:
    [(name: String, unit: String, doc: String, value: @Sendable (ObjectEphemeris) -> Double)] = [
      ("ephRa", "deg", "predicted right ascension (ICRS)", \.ra),
      ("ephDec", "deg", "predicted declination (ICRS)", \.dec),
      ("ephRateRa", "deg d-1", "apparent motion in right ascension, times cos dec", \.rateRa),
      ("ephRateDec", "deg d-1", "apparent motion in declination", \.rateDec),
      ("ephVmag", "mag", "predicted V magnitude", \.magnitude),
      ("phaseAngle", "deg", "angle at the object between Sun and observer", \.phaseAngle),
      ("helioRange", "AU", "distance from the Sun", \.helioRange),
      ("topoRange", "AU", "distance from the observer", \.topoRange),
      ("topoRangeRate", "km s-1", "how fast the distance from the observer grows", \.topoRangeRate),
    ]

  /// - Parameters:
  ///   - rows: of the objects, in the order of the result.
  ///   - places: where each of these rows is predicted on the detector.
  ///   - detector: its number; -1 when nobody knows.
  ///   - time: of the ephemerides, MJD (TAI).
  /// - Throws: ``Catalogs/CatalogError``.
  static func table(
    _ rows: [Int], _ objects: SolarSystemObjects, _ ephemerides: [ObjectEphemeris],
    _ places: [Int: PredictedPlace], detector: Int64, at time: Double
  ) throws(CatalogError) -> Catalog {
    let chosen = objects.table.selecting(rows)
    var schema = Schema()
    var columns: [ColumnStorage] = []
    func add(_ field: Field, _ column: ColumnStorage) throws(CatalogError) {
      try schema.add(field)
      columns.append(column)
    }
    func number(_ name: String, _ unit: String, _ doc: String, _ values: [Double]) throws(CatalogError) {
      var column = ColumnStorage()
      column.set(doubles: values)
      try add(try Field(name, .float64, unit: unit, doc: doc), column)
    }
    var id = ColumnStorage()
    id.set(integers: rows.map { objects.ids[$0] }, .int64)
    try add(try Field("ssObjectId", .int64, doc: "ID of the object"), id)
    var designations = ColumnStorage()
    designations.set(strings: rows.map { objects.designations[$0].utf8Prefix(64) })
    try add(try Field("designation", .string(length: 64), doc: "designation of the object"), designations)
    try number("ra", "deg", "predicted right ascension (ICRS)", rows.map { ephemerides[$0].ra })
    try number("dec", "deg", "predicted declination (ICRS)", rows.map { ephemerides[$0].dec })
    for (name, unit, doc, value) in computed { try number(name, unit, doc, rows.map { value(ephemerides[$0]) }) }
    var isOnDetector = ColumnStorage()
    isOnDetector.set(flags: rows.map { places[$0]?.isOnDetector ?? false })
    try add(
      try Field("isOnDetector", .flag, doc: "predicted on the detector's pixels, not only in the margin about them"),
      isOnDetector)
    var detectors = ColumnStorage()
    detectors.set(integers: rows.map { _ in detector }, .int64)
    try add(try Field("detector", .int64, doc: "number of the detector; -1 when nobody knows"), detectors)
    try number("x", "pixel", "predicted position on the detector, x", rows.map { places[$0]?.pixel.x ?? .nan })
    try number("y", "pixel", "predicted position on the detector, y", rows.map { places[$0]?.pixel.y ?? .nan })
    var planes = ColumnStorage()
    planes.set(strings: rows.map { (places[$0]?.maskPlanes ?? "").utf8Prefix(maskLength) })
    try add(
      try Field("maskPlanes", .string(length: maskLength), doc: "what is known of the pixel there, such as EDGE"),
      planes)
    try number("midpointMjdTai", "d", "time of the prediction, MJD (TAI)", rows.map { _ in time })
    // Readers of FITS tables do not tell `RA` from `ra`.
    let names = Set(schema.fields.map { $0.name.lowercased() })
    for (i, field) in objects.table.schema.fields.enumerated()
    where !objects.isInternal(field.name) && !names.contains(field.name.lowercased()) {
      try add(field, chosen.storage(i))
    }
    return try Catalog(schema, rowCount: rows.count, columns: columns)
  }
}
