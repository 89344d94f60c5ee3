// SPDX-License-Identifier: GPL-3.0-or-later
// Where a dataset lies.

package import TaskFramework

extension DatasetRef {
  /// The file, relative to the repository or the run: `calexp/visit100/calexp-visit100-detector3.h5`.
  ///
  /// A folder for each dimension but the last; the name alone says what the file is. Instrument and sky map are the repository's,
  /// so they are left out.
  package var relativePath: String {
    let pairs = dataID.pairs.filter { $0.dimension != .instrument && $0.dimension != .skymap }
    let parts = pairs.map { "\($0.dimension.rawValue)\($0.value)" }
    let folders = [datasetType] + parts.dropLast()
    return folders.joined(separator: "/") + "/" + ([datasetType] + parts).joined(separator: "-") + ".h5"
  }
}
