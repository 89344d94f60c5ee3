// SPDX-License-Identifier: GPL-3.0-or-later
// How well a band has measured a source.

internal import Catalogs

/// Flux over its error where the measurement can be trusted, else 0 (detection-measurement C.9.1).
struct SourceSignificance {
  private let values: [Double]

  /// - Throws: ``Catalogs/CatalogError`` for a catalog without the flux or a flag that the configuration names.
  init(_ sources: Catalog, _ config: MergeMeasurementsConfig) throws(CatalogError) {
    let (flux, error): (Key<Double>, Key<Double>) = (
      try sources.schema.key(config.flux + "_instFlux"), try sources.schema.key(config.flux + "_instFluxErr")
    )
    var flags: [Key<Bool>] = []
    for name in config.flags { flags.append(try sources.schema.key(name)) }
    // Without a single input there is no data.
    let inputs: Key<Int32>? = try? sources.schema.key("base_InputCount_value")
    values = (0..<sources.rowCount).map { row in
      guard !flags.contains(where: { sources[$0, row] }), inputs.map({ sources[$0, row] > 0 }) ?? true else { return 0 }
      let value = sources[flux, row] / sources[error, row]
      return value.isFinite && value > 0 && sources[error, row] > 0 ? value : 0
    }
  }

  func callAsFunction(_ row: Int) -> Double { values[row] }
}
