// SPDX-License-Identifier: GPL-3.0-or-later
// Why a reference's sources cannot be measured.

internal import TaskFramework

/// Why the sources of a reference cannot be measured on an exposure: the two catalogs do not belong together.
package enum ForcedMeasurementError: CategorizedError, Hashable, CustomStringConvertible {
  /// A reference has a child whose parent is not in it (category RuntimeError).
  case missingParent(child: Int64, parent: Int64)
  /// A source is its own ancestor (category RuntimeError).
  case circularParents(id: Int64)
  /// A row of the measured catalog is of another source than the reference's (category RuntimeError).
  case otherSource(row: Int, found: Int64, expected: Int64)
  /// Footprints of the PSF's shape are asked for, and there is no PSF (category RuntimeError).
  case noPSF

  package var category: String { "RuntimeError" }

  package var description: String {
    switch self {
    case .missingParent(let child, let parent):
      "source \(child) of the reference has the parent \(parent), which is not in the reference"
    case .circularParents(let id): "source \(id) of the reference is its own ancestor"
    case .otherSource(let row, let found, let expected):
      "row \(row) of the catalog to be measured is of source \(found), that of the reference of source \(expected)"
    case .noPSF: "footprints of the shape of the PSF need an exposure with a PSF"
    }
  }
}
