// SPDX-License-Identifier: GPL-3.0-or-later
// How an image is convolved.

/// How an image is convolved (differencing A11).
package struct ConvolutionControl: Hashable, Sendable {
  /// Whether the kernel is scaled to sum 1 at every position.
  package var doNormalize: Bool
  /// What the frame gets where the kernel reaches beyond the image: the input with EDGE set, or, when false, no data.
  package var doCopyEdge: Bool
  /// How far the kernel that is used may be from the kernel that is meant, as a part of the sum of its absolute values.
  ///
  /// A varying kernel is followed in steps; this bounds what the steps leave out.
  package var kernelTolerance: Double
  /// The same for the squared kernel of the variance plane, on which nothing depends beyond its first digits.
  package var varianceTolerance: Double
  /// Part of Σ |K| that may lie on masked pixels before their bits reach a pixel; 0 for none (differencing D5).
  package var softMaskFraction: Double

  package init(
    doNormalize: Bool = false, doCopyEdge: Bool = true, kernelTolerance: Double = 4e-6,
    varianceTolerance: Double = 1e-4, softMaskFraction: Double = 0
  ) {
    self.softMaskFraction = softMaskFraction
    self.doNormalize = doNormalize
    self.doCopyEdge = doCopyEdge
    self.kernelTolerance = kernelTolerance
    self.varianceTolerance = varianceTolerance
  }

  /// - Throws: ``ImagingError/invalidParameter(_:)``.
  func validate() throws(ImagingError) {
    for (name, tolerance) in [
      ("kernelTolerance", kernelTolerance), ("varianceTolerance", varianceTolerance),
      ("softMaskFraction", softMaskFraction),
    ]
    where !(tolerance >= 0 && tolerance < 1) {
      throw .invalidParameter("convolution: \(name) is \(tolerance); it must be at least 0 and below 1")
    }
  }
}
