// SPDX-License-Identifier: GPL-3.0-or-later
// What there is of a patch in one band.

package import Catalogs

/// The sources of a patch as one band has them.
package struct MeasuredCoadd: Sendable {
  /// Measured; children have heavy footprints, their shares of the pixels.
  package var sources: Catalog
  /// The families with the deblender's models of children as heavy footprints; with `doWriteDeblendedModel`.
  package var models: Catalog?
  /// The families with the children's shares of the pixels; with `doWriteDeblendedFlux`.
  package var deblended: Catalog?
}
