// SPDX-License-Identifier: GPL-3.0-or-later
// Where sources are, for people.

internal import Catalogs
internal import SkyGeometry

/// Where a source is, and what it is, as pictures and region files show it.
struct SourceMark {
  enum Kind: String {
    case positive, negative, dipole, sky
  }

  let id: Int64
  let kind: Kind
  let position: Point2D
  /// `nil` without a WCS.
  let sky: SpherePoint?

  /// The marks of all sources that have a position.
  static func marks(of sources: Catalog) -> [SourceMark] {
    let schema = sources.schema
    guard let slot = try? schema.centroidSlot(), let id = try? schema.key("id", as: Int64.self),
      let coord = try? CoordKey(in: schema)
    else { return [] }
    func flag(_ name: String) -> Key<Bool>? { try? schema.key(name, as: Bool.self) }
    let (isSky, isNegative) = (flag("sky_source"), flag("is_negative"))
    let isDipole = flag("ip_diffim_DipoleFit_classification")
    func has(_ key: Key<Bool>?, _ row: Int) -> Bool { key.map { sources[$0, row] } ?? false }
    return (0..<sources.rowCount).compactMap { row in
      let position = sources[slot.position, row]
      guard position.isFinite else { return nil }
      let kind: Kind =
        has(isSky, row) ? .sky : has(isDipole, row) ? .dipole : has(isNegative, row) ? .negative : .positive
      let sky = sources[coord, row]
      return SourceMark(
        id: sources[id, row], kind: kind, position: position, sky: sky.ra.degrees.isFinite ? sky : nil)
    }
  }

  /// A region file of SAOImage DS9: circles on the sky, or on the pixels of a FITS image where there is no WCS.
  static func regions(_ marks: [SourceMark], origin: Box2I) -> String {
    let colors: [Kind: String] = [.positive: "green", .negative: "red", .dipole: "yellow", .sky: "blue"]
    var lines = ["# Region file format: DS9 version 4.1", "global width=1 select=1"]
    for mark in marks {
      let suffix = " # color=\(colors[mark.kind] ?? "green") text={\(mark.id)} tag={\(mark.kind.rawValue)}"
      if let sky = mark.sky {
        lines.append("icrs; circle(\(sky.ra.degrees),\(sky.dec.degrees),2\")" + suffix)
      } else {
        // FITS counts from 1, and from the first pixel.
        let (x, y) = (mark.position.x - Double(origin.minX) + 1, mark.position.y - Double(origin.minY) + 1)
        lines.append("image; circle(\(x),\(y),8)" + suffix)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
