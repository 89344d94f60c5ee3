// SPDX-License-Identifier: GPL-3.0-or-later
// What detection on a coadd gives.

package import Catalogs
package import Imaging

/// A coadd that is ready to be measured, and what was found on it.
package struct DetectedCoadd: Sendable {
  /// Without background, its variance scaled, with the planes DETECTED, DETECTED_NEGATIVE and EDGE.
  package var exposure: Exposure
  /// What was subtracted, nJy; `nil` when nothing was.
  package var background: BackgroundModel?
  /// A row a footprint, in the order of their first pixels.
  package var sources: Catalog
}
