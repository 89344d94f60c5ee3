// SPDX-License-Identifier: GPL-3.0-or-later
// Sources of a difference in files.

package import Catalogs
package import HDF5
package import Imaging

/// The sources of a difference: a catalog, the sources that were dropped from it, and a picture of each.
///
/// The file is that of a catalog, and whoever reads catalogs can read it. Beside it are `/dropped`, a table, and `/cutouts`: `science`, `template` and
/// `difference`, float32 of shape (rows, side, side), picture i that of row i.
package struct DiaSourceCatalog: Sendable, Hashable {
  package var sources: Catalog
  /// Sources that were found and dropped, with reasons.
  package var dropped: Catalog?
  /// By what they show, in the order in which they are written.
  package var cutouts: [(name: String, pixels: Cutouts)]

  package init(_ sources: Catalog, dropped: Catalog? = nil, cutouts: [(name: String, pixels: Cutouts)] = []) {
    self.sources = sources
    self.dropped = dropped
    self.cutouts = cutouts
  }

  package static func == (a: Self, b: Self) -> Bool {
    a.sources == b.sources && a.dropped == b.dropped && a.cutouts.elementsEqual(b.cutouts) { $0 == $1 }
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(sources) }
}

extension DiaSourceCatalog: DatasetContent {
  package static let formatName = Catalog.formatName
  package static let formatVersion = Catalog.formatVersion

  private static let cutoutNames = ["science", "template", "difference"]

  package func write(to root: HDF5Group) throws {
    try sources.write(to: root)
    if let dropped { try dropped.writeTable(to: root, "dropped") }
    guard cutouts.contains(where: { $0.pixels.count > 0 }) else { return }
    let group = try root.makeGroup("cutouts")
    try group.setAttribute("long_name", "pictures of the sources, one a row of the catalog; NaN beyond the image")
    for (name, pixels) in cutouts {
      let dataset = try group.write(
        name, pixels.pixels, shape: [pixels.count, pixels.side, pixels.side],
        chunk: [min(pixels.count, 64), pixels.side, pixels.side])
      try dataset.setAttribute("axes", "source, y, x")
    }
  }

  package static func read(from root: HDF5Group) throws -> DiaSourceCatalog {
    let sources = try Catalog.read(from: root)
    let dropped = root.contains("dropped") ? try Catalog(reading: "dropped", in: root, withFootprints: false) : nil
    var cutouts: [(name: String, pixels: Cutouts)] = []
    if root.contains("cutouts") {
      let group = try root.group("cutouts")
      for name in cutoutNames where group.contains(name) {
        let dataset = try group.dataset(name)
        let shape = dataset.shape
        guard shape.count == 3, shape[0] == sources.rowCount, shape[1] == shape[2] else {
          throw FormatError(
            file: root.file, object: dataset.path,
            reason: "its shape is \(shape); it must be (\(sources.rowCount), n, n) for a catalog of as many rows")
        }
        cutouts.append((name, try Cutouts(pixels: try dataset.read(Float.self), side: shape[1], count: shape[0])))
      }
    }
    return DiaSourceCatalog(sources, dropped: dropped, cutouts: cutouts)
  }
}
