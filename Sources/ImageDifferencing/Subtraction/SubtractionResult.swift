// SPDX-License-Identifier: GPL-3.0-or-later
// What a subtraction gives.

package import Catalogs
package import Imaging

/// What a subtraction gives; all over the science exposure's box and on its flux scale.
package struct SubtractionResult: Sendable {
  package let difference: Exposure
  /// The difference under its own PSF P′ as a matched filter.
  ///
  /// A source of flux F peaks at F Σ P′², over √variance at its signal to noise; the PSF that comes with it is P′. `nil` when none was made.
  package let score: Exposure?
  /// What was subtracted.
  package let matchedTemplate: Exposure
  /// What it was subtracted from.
  package let matchedScience: Exposure
  /// `nil` when none was subtracted.
  package let backgroundModel: Image<Float>?
  package let psfMatchingKernel: MatchingKernel
  /// The sources that became kernel candidates, as rows of the input; `nil` when the kernel was given, or they were detected here.
  package let kernelSources: Catalog?
}
