// SPDX-License-Identifier: GPL-3.0-or-later
// Where exposures come from.

package import Imaging
package import TaskFramework

/// Leads to an exposure, which is loaded when it is needed.
package protocol ExposureDataRef {
  /// What tells the exposure from others: `["tract": .number(3), "visit": .number(100)]`.
  var dataID: [String: DimensionValue] { get }
  /// Whether the dataset is there; answers without reading pixels.
  func datasetExists(_ datasetType: String) -> Bool
  /// The exposure; `nil` when it does not exist.
  ///
  /// - Throws: when it is there and cannot be read.
  func get(_ datasetType: String) throws -> Exposure?
}

extension ExposureDataRef {
  /// The data ID in words: `tract 3, visit 100`.
  package var dataIDText: String {
    dataID.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  /// Whether the other reference leads to the same exposure: all values of the data IDs are equal.
  ///
  /// - Throws: ``MatchBackgroundsError/differentKeys(_:_:)``.
  func isSame(as other: any ExposureDataRef) throws(MatchBackgroundsError) -> Bool {
    guard dataID.keys == other.dataID.keys else { throw .differentKeys(dataIDText, other.dataIDText) }
    return dataID == other.dataID
  }
}
