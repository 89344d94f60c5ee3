// SPDX-License-Identifier: GPL-3.0-or-later
// Where the data of a patch come from.

package import Catalogs
package import Imaging
package import SkyGeometry
package import TaskFramework

/// Leads to the datasets of a patch and band, which are loaded when they are needed.
package protocol CoaddDataRef {
  /// With tract, patch and band.
  var dataID: DataID { get }
  /// The pixels of this patch alone, in its tract.
  var innerBox: Box2I { get }
  /// Of the tract.
  var wcs: SkyWCS { get }
  /// How tracts and patches become IDs.
  var idPacker: SkyMapPacker { get }
  /// The exposure; `nil` when it does not exist.
  ///
  /// - Throws: when it is there and cannot be read.
  func exposure(_ datasetType: String) throws -> Exposure?
  /// As ``exposure(_:)``, for catalogs.
  func catalog(_ datasetType: String) throws -> Catalog?
  /// - Throws: what writing throws.
  func put(_ catalog: Catalog, _ datasetType: String) throws
  func put(_ metadata: TaskMetadata, _ datasetType: String) throws
}

/// Knows the columns of catalogs that are there: the `butler` of a task's construction.
package protocol SchemaSource {
  /// The columns of `…_schema`; `nil` when nobody knows them.
  ///
  /// - Throws: when it is there and cannot be read.
  func schema(_ datasetType: String) throws -> Schema?
}
