// SPDX-License-Identifier: GPL-3.0-or-later
// Files of exposures and catalogs, in memory: what the disk takes is its own affair.

import Catalogs
import Imaging
import Repository
import SkyGeometry

/// Measures making and reading files.
struct FileStages {
  let side: Int
  let scene: MaskedImage

  /// The beginnings of the operations' names.
  static let names = ["exposure file, make", "exposure file, read", "catalog file, make", "catalog file, read"]
  private static let rowCount = 100_000

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    var results: [Measurement] = []
    let exposure = Dataset(Exposure(scene))
    // Bytes of pixels: image, mask, variance.
    let pixelBytes = Double(12 * side * side)
    func add(_ name: String, bytes: Double, _ work: () throws -> Void) throws {
      guard isWanted(name) else { return }
      var result = try measure(name, side: side, runs: 3, work)
      result.rate = bytes / result.seconds / 1e9
      result.unit = "GB/s"
      results.append(result)
    }
    try add(Self.names[0], bytes: pixelBytes) { keep(try exposure.encode("benchmark")) }
    let file = try exposure.encode("benchmark")
    try add(Self.names[1], bytes: pixelBytes) { keep(try Dataset<Exposure>(decoding: file, name: "benchmark")) }
    guard Self.names[2...].contains(where: isWanted) else { return results }
    let catalog = Dataset(try Self.catalog())
    let catalogBytes = Double(Self.rowCount * (8 + 40 * 8 + 10))
    try add(Self.names[2], bytes: catalogBytes) { keep(try catalog.encode("benchmark")) }
    let table = try catalog.encode("benchmark")
    try add(Self.names[3], bytes: catalogBytes) { keep(try Dataset<Catalog>(decoding: table, name: "benchmark")) }
    return results
  }

  /// 100,000 rows of an ID, 40 numbers and 10 flags.
  private static func catalog() throws -> Catalog {
    var schema = Schema()
    let id: Key<Int64> = try schema.addField("id", doc: "ID")
    let numbers: [Key<Double>] = try (0..<40).map { try schema.addField("number\($0)", unit: "nJy", doc: "a number") }
    let flags: [Key<Bool>] = try (0..<10).map { try schema.addField("flag\($0)", doc: "a flag") }
    var catalog = Catalog(schema, rowCount: rowCount)
    var state: UInt64 = 1
    for row in 0..<rowCount {
      catalog[id, row] = Int64(row)
      for key in numbers {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        catalog[key, row] = Double(state >> 11) * 0x1p-53
      }
      for key in flags { catalog[key, row] = row % 7 == 0 }
    }
    return catalog
  }
}
