// SPDX-License-Identifier: GPL-3.0-or-later
// What has to be known of a source before a kernel is measured with it.

package import SkyGeometry

/// A source of the science image, as far as the choice of kernel candidates looks at it; `nil` for what its catalog does not say.
package struct KernelSource: Hashable, Sendable {
  package var id: Int64
  /// In parent coordinates.
  package var position: Point2D
  /// PSF flux and its error, counts.
  package var flux: Double
  package var fluxError: Double
  package var extendedness: Double?
  package var isIsolated: Bool?
  package var isPrimary: Bool?

  package init(
    id: Int64, position: Point2D, flux: Double, fluxError: Double, extendedness: Double? = nil, isIsolated: Bool? = nil,
    isPrimary: Bool? = nil
  ) {
    self.id = id
    self.position = position
    self.flux = flux
    self.fluxError = fluxError
    self.extendedness = extendedness
    self.isIsolated = isIsolated
    self.isPrimary = isPrimary
  }

  package var signalToNoise: Double { flux / fluxError }

  /// Whether the catalog speaks for it.
  package func isSelected(_ config: SourceSelectorConfig) -> Bool {
    // NaN fails every comparison, and so is never selected.
    if config.doSignalToNoise {
      guard signalToNoise > config.signalToNoiseMinimum, signalToNoise < config.signalToNoiseMaximum else {
        return false
      }
    }
    if config.doUnresolved, let extendedness, !(extendedness < config.unresolvedMaximum) { return false }
    if config.doIsolated, isIsolated == false { return false }
    return !(config.doRequirePrimary && isPrimary == false)
  }
}
