// SPDX-License-Identifier: GPL-3.0-or-later
// The table of sources that are objects of the solar system.

internal import Catalogs
internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The columns of associated sources: those of LSST's SSSource table (framework B.7), then what the tables of ephemerides (`MPCORB_…`) and sources (`DIA_…`) say.
struct AssociationColumns {
  let schema: Schema
  private let numbers: [Key<Double>]
  private let designation: Key<String>
  private let object: Key<Int64>
  private let source: Key<Int64>
  private let rank: Key<Int32>
  private let separation: Key<Double>
  private let cost: Key<Double>
  private let kept: [Copied]
  private let fromSource: [Copied]

  /// A column taken over: its place in the other table and in this.
  private struct Copied {
    let from: Int
    let to: Int
  }

  /// What is worked out for each pair, in this order.
  static let computed: [(name: String, unit: String, doc: String)] =
    [
      ("phaseAngle", "deg", "angle at the object between Sun and observer"),
      ("helioRange", "AU", "distance from the Sun"), ("topoRange", "AU", "distance from the observer"),
    ]
    + vector("helio", "from the Sun to the object") + vector("topo", "from the observer to the object")
    + [
      ("ephRa", "deg", "predicted right ascension (ICRS)"), ("ephDec", "deg", "predicted declination (ICRS)"),
      ("ephRateRa", "deg d-1", "apparent motion in right ascension, times cos dec"),
      ("ephRateDec", "deg d-1", "apparent motion in declination"), ("ephVmag", "mag", "predicted V magnitude"),
      ("topoRangeRate", "km s-1", "how fast the distance from the observer grows"),
      ("ra", "deg", "right ascension of the source (ICRS)"), ("dec", "deg", "declination of the source (ICRS)"),
      ("ephOffsetRa", "arcsec", "source less prediction in right ascension, times cos dec"),
      ("ephOffsetDec", "arcsec", "source less prediction in declination"),
      ("ephOffset", "arcsec", "distance of source and prediction"), ("ephRate", "deg d-1", "apparent motion"),
      ("ephOffsetAlongTrack", "arcsec", "source less prediction along the apparent motion"),
      ("ephOffsetCrossTrack", "arcsec", "source less prediction across the apparent motion"),
      ("galLon", "deg", "galactic longitude of the source"), ("galLat", "deg", "galactic latitude of the source"),
      ("eclLambda", "deg", "ecliptic longitude of the source, J2000"),
      ("eclBeta", "deg", "ecliptic latitude of the source, J2000"),
      ("topo_vtot", "km s-1", "speed against the observer"), ("helio_vtot", "km s-1", "speed against the Sun"),
      ("elongation", "deg", "angle at the observer between Sun and object"),
      ("helioRangeRate", "km s-1", "how fast the distance from the Sun grows"),
    ]

  private static func vector(_ name: String, _ doc: String) -> [(name: String, unit: String, doc: String)] {
    ["x", "y", "z"].map { ("\(name)_\($0)", "AU", "\(doc), \($0) (ICRS)") }
      + ["vx", "vy", "vz"].map { ("\(name)_\($0)", "km s-1", "\(doc), \($0) of the velocity") }
  }

  /// What is taken from the table of sources, under `DIA_`.
  private static let sourceColumns = [
    "midpointMjdTai", "ra", "dec", "extendedness", "band", "psfFlux", "psfFluxErr", "visit", "detector",
  ]

  /// - Throws: ``Catalogs/CatalogError`` for tables whose columns have names of these.
  init(_ objects: Schema, _ sources: SourceTable) throws(CatalogError) {
    var schema = Schema()
    designation = try schema.addField(
      "designation", .string(length: 64), as: String.self, doc: "designation of the object")
    object = try schema.addField("ssObjectId", as: Int64.self, doc: "ID of the object")
    source = try schema.addField(sources.idColumn, as: Int64.self, doc: "ID of the source")
    var numbers: [Key<Double>] = []
    for (name, unit, doc) in Self.computed { numbers.append(try schema.addField(name, unit: unit, doc: doc)) }
    self.numbers = numbers
    rank = try schema.addField(
      "diaDistanceRank", as: Int32.self, doc: "which of the object's candidates this is; 1 for the nearest")
    separation = try schema.addField(
      "candidateSeparation", unit: "arcsec", doc: "length of the chord between source and prediction")
    cost = try schema.addField(
      "candidateCost", doc: "what the pair adds to the sum that the assignment makes smallest")
    var kept: [Copied] = []
    for (i, field) in objects.fields.enumerated() where field.name.hasPrefix("MPCORB_") {
      kept.append(Copied(from: i, to: schema.fields.count))
      try schema.add(field)
    }
    self.kept = kept
    var fromSource: [Copied] = []
    for name in Self.sourceColumns {
      guard
        let index = sources.table.firstColumn(of: name == "dec" ? ["dec", "decl"] : [name]).flatMap({
          sources.table.schema.index(of: $0)
        })
      else { continue }
      let field = sources.table.schema.fields[index]
      fromSource.append(Copied(from: index, to: schema.fields.count))
      try schema.add(try Field("DIA_" + name, field.type, unit: field.unit, doc: field.doc))
    }
    self.fromSource = fromSource
    self.schema = schema
  }

  /// A row for each pair, in their order.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  func table(
    _ pairs: [CandidatePair], _ objects: SolarSystemObjects, _ ephemerides: [ObjectEphemeris], _ sources: SourceTable
  ) throws(CatalogError) -> Catalog {
    let objectRows = objects.table.selecting(pairs.map(\.object))
    let sourceRows = sources.table.selecting(pairs.map(\.source))
    var columns = Array(repeating: ColumnStorage(), count: schema.fields.count)
    for copied in kept { columns[copied.to] = objectRows.storage(copied.from) }
    for copied in fromSource { columns[copied.to] = sourceRows.storage(copied.from) }
    columns[designation.index].set(strings: pairs.map { objects.designations[$0.object].utf8Prefix(64) })
    columns[object.index].set(integers: pairs.map { objects.ids[$0.object] }, .int64)
    columns[source.index].set(integers: pairs.map { sources.ids[$0.source] }, .int64)
    columns[rank.index].set(integers: Self.ranks(pairs), .int32)
    columns[separation.index].set(doubles: pairs.map { Angle(radians: $0.separation).arcseconds })
    columns[cost.index].set(doubles: pairs.map(\.cost))
    let rows = pairs.map { pair in
      Self.values(ephemerides[pair.object], ra: sources.ra[pair.source], dec: sources.dec[pair.source])
    }
    for (i, key) in numbers.enumerated() { columns[key.index].set(doubles: rows.map { $0[i] }) }
    return try Catalog(schema, rowCount: pairs.count, columns: columns)
  }

  /// Of each pair, how many sources are nearer to its object, and one.
  private static func ranks(_ pairs: [CandidatePair]) -> [Int64] {
    var ranks = [Int64](repeating: 1, count: pairs.count)
    for rows in Dictionary(grouping: pairs.indices, by: { pairs[$0].object }).values {
      for (place, row) in rows.sorted(by: { pairs[$0].separation < pairs[$1].separation }).enumerated() {
        ranks[row] = Int64(place) + 1
      }
    }
    return ranks
  }

  /// The values of ``computed``.
  ///
  /// - Parameters:
  ///   - ra: of the source, degrees.
  static func values(_ ephemeris: ObjectEphemeris, ra: Double, dec: Double) -> [Double] {
    let source = SpherePoint(raDegrees: ra, decDegrees: dec)
    // The short way around: at right ascension 0 a degree more is not 359 degrees less.
    let offsetRa = 3600 * (ra - ephemeris.ra).remainder(dividingBy: 360) * cos(source.dec)
    let offsetDec = 3600 * (dec - ephemeris.dec)
    let rate = hypot(ephemeris.rateRa, ephemeris.rateDec)
    let along = (offsetRa * ephemeris.rateRa + offsetDec * ephemeris.rateDec) / rate
    let cross = (-offsetRa * ephemeris.rateDec + offsetDec * ephemeris.rateRa) / rate
    let (galactic, ecliptic) = (
      SkyFrame.galactic.coordinates(of: source.unitVector), SkyFrame.ecliptic.coordinates(of: source.unitVector)
    )
    let (helio, topo) = (ephemeris.helio, ephemeris.topo)
    let (helioVelocity, topoVelocity) = (ephemeris.helioVelocity, ephemeris.topoVelocity)
    return [
      ephemeris.phaseAngle, ephemeris.helioRange, ephemeris.topoRange,
      helio.x, helio.y, helio.z, helioVelocity.x, helioVelocity.y, helioVelocity.z,
      topo.x, topo.y, topo.z, topoVelocity.x, topoVelocity.y, topoVelocity.z,
      ephemeris.ra, ephemeris.dec, ephemeris.rateRa, ephemeris.rateDec, ephemeris.magnitude, ephemeris.topoRangeRate,
      ra, dec, offsetRa, offsetDec, hypot(offsetRa, offsetDec), rate, along, cross,
      galactic.longitude, galactic.latitude, ecliptic.longitude, ecliptic.latitude,
      length(topoVelocity), length(helioVelocity), angle(topo - helio, topo),
      (helioVelocity * helio).sum() / ephemeris.helioRange,
    ]
  }
}
