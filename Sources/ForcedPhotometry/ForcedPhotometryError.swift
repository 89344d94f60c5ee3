// SPDX-License-Identifier: GPL-3.0-or-later
// Catalogs that do not belong together.

internal import TaskFramework

/// Why the sources of a patch cannot be merged or measured: what is given does not belong together, or is not enough.
package enum ForcedPhotometryError: CategorizedError, Hashable, CustomStringConvertible {
  /// A source of the reference that the band's catalog does not have (category LookupError).
  case missingFootprint(id: Int64, catalog: String)
  /// Two bands whose catalogs have not the same sources in the same order (category ValueError).
  case idsDiffer(band: String, other: String, detail: String)
  /// A source that no given band has (category ValueError).
  case sourceOfNoBand(id: Int64, bands: [String])
  /// A band that no priority list names (category ValueError).
  case unknownBand(String, known: [String])
  /// No catalog at all, or one band twice (category ValueError).
  case wrongBands(String)
  /// An exposure of another band than the data ID's (category ValueError).
  case wrongBand(found: String, expected: String)
  /// What a forced measurement needs and nobody gives (category ValueError).
  case missingInput(String)
  /// A dataset that is not there (category TaskError).
  case missingDataset(String)
  /// A PSF is needed and there is none (category RuntimeError).
  case noPSF(String)
  /// How data IDs become numbers is asked for under a name that nobody knows (category LookupError).
  case unknownPacker(String)

  package var category: String {
    switch self {
    case .missingFootprint, .unknownPacker: "LookupError"
    case .idsDiffer, .sourceOfNoBand, .unknownBand, .wrongBands, .wrongBand, .missingInput: "ValueError"
    case .missingDataset: "TaskError"
    case .noPSF: "RuntimeError"
    }
  }

  package var description: String {
    switch self {
    case .missingFootprint(let id, let catalog):
      "source \(id) of the reference has no footprint in \(catalog): check that both come from one run and their IDs "
        + "are compatible"
    case .idsDiffer(let band, let other, let detail):
      "the catalogs of bands \(other) and \(band) do not have the same sources: \(detail); measure all bands from one "
        + "merged catalog"
    case .sourceOfNoBand(let id, let bands):
      "source \(id) was found in none of the given bands (\(bands.joined(separator: ", ")))"
    case .unknownBand(let band, let known):
      "band \(band) is not in priorityList (\(known.joined(separator: ", "))); add it there, in mergeDetections and in "
        + "mergeReference"
    case .wrongBands(let text): text
    case .wrongBand(let found, let expected): "the exposure is of band \(found), the data ID of band \(expected)"
    case .missingInput(let text), .missingDataset(let text), .noPSF(let text): text
    case .unknownPacker(let name): "there is no ID packer \(name); the one that there is, is tract_patch"
    }
  }
}
