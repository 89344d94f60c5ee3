// SPDX-License-Identifier: GPL-3.0-or-later
// What association found.

package import Catalogs

/// Which sources are objects of the solar system, and which objects have none (framework B.7).
package struct SolarSystemAssociationResult: Sendable {
  /// The sources that are objects, with their `ssObjectId`.
  package let ssoAssocDiaSources: Catalog
  /// The others; `ssObjectId` is 0.
  package let unAssocDiaSources: Catalog
  /// All of them, in the order given.
  package let diaSources: Catalog
  /// Objects that may be on the detector.
  package let nTotalSsObjects: Int
  package let nAssociatedSsObjects: Int
  /// A row for each association, in the order of the sources' IDs.
  package let associatedSsSources: Catalog
  package let unassociatedSsObjects: Catalog
  /// As ``associatedSsSources``, with all columns, for every pair that could have been one: what a visit's detectors are reconciled by.
  package let candidates: Catalog
  /// As ``unassociatedSsObjects``, for every object that may be on the detector.
  package let expectedSsObjects: Catalog
}
