// SPDX-License-Identifier: GPL-3.0-or-later
// The cosmic rays of an image.

package import Catalogs
internal import TaskFramework

/// The cosmic rays of an image, in the order of their first pixels.
///
/// No pixel is of two of them, but they may touch where they grew toward each other.
package struct CosmicRays: Hashable, Sendable {
  package let footprints: [SpanSet]

  package init(_ footprints: [SpanSet]) { self.footprints = footprints }

  package var count: Int { footprints.count }
  package var pixelCount: Int { footprints.reduce(0) { $0 + $1.area } }
}

/// More pixels look like cosmic rays than there can be of them (category TooManyCosmicRays).
package struct TooManyCosmicRays: CategorizedError, Hashable, CustomStringConvertible {
  /// How many pixels are allowed.
  package let maxCosmicRays: Int

  package var category: String { "TooManyCosmicRays" }
  package var description: String {
    "more than \(maxCosmicRays) pixels look like cosmic rays: the variance is too small, or the PSF is wider than the stars"
  }
}
