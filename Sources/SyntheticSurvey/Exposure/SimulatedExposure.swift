// SPDX-License-Identifier: GPL-3.0-or-later
// An exposure with the truth about it.

package import Catalogs
package import Imaging

/// An exposure with everything that is true of it; all images are in the exposure's counts and have its box.
package struct SimulatedExposure: Sendable {
  /// As a survey's pipeline would hand it over: sky-subtracted but for ``background``, calibrated, masked.
  package let exposure: Exposure
  /// What sky subtraction left.
  package let background: Image<Float>
  /// The expected value of every pixel, before saturation, cosmic rays and bad columns: all light and ``background``.
  package let noiseFree: Image<Float>
  /// Light that differs from the static sky, negative where light of it is missing; part of ``noiseFree``.
  package let changingLight: Image<Float>
  /// 1 where a cosmic ray was flagged, 2 where one is that nobody found.
  package let cosmicRays: Image<UInt8>
  /// Counts of sky in a pixel, which were subtracted.
  package let skyLevel: Double
  /// Every object that was drawn, or should have been there: see `TruthTable`.
  package let truth: Catalog
  /// The stars as a measurement of this exposure would list them.
  package let sources: Catalog
}
