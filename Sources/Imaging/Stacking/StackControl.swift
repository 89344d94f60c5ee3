// SPDX-License-Identifier: GPL-3.0-or-later
// How images of the same pixels are combined, and what comes of it.

/// How images of the same pixels are combined.
package struct StackControl: Hashable, Sendable {
  /// Pixels with any of these bits count only where no image has a better one.
  package var badMask: UInt32
  /// Pixels with this bit are not there.
  package var noData: UInt32
  /// Whether outliers are left out.
  package var clips: Bool
  /// How many standard deviations beyond what seeing explains make an outlier.
  package var numSigmaClip: Double
  /// The same for a pixel beside an outlier of the same image: the faint edge of what made it.
  package var numSigmaClipBeside: Double
  /// Bits to set in the result.
  package var clipped: UInt32
  package var rejected: UInt32
  package var inexactPSF: UInt32
  /// Bits that the result gets where images with at least this share of the weight were left out for them.
  package var propagated: UInt32
  package var propagationThreshold: Double

  package init(
    badMask: UInt32 = 0, noData: UInt32 = 0, clips: Bool = true, numSigmaClip: Double = 4,
    numSigmaClipBeside: Double = 2.5, clipped: UInt32 = 0, rejected: UInt32 = 0, inexactPSF: UInt32 = 0,
    propagated: UInt32 = 0, propagationThreshold: Double = 0.1
  ) {
    self.badMask = badMask
    self.noData = noData
    self.clips = clips
    self.numSigmaClip = numSigmaClip
    self.numSigmaClipBeside = numSigmaClipBeside
    self.clipped = clipped
    self.rejected = rejected
    self.inexactPSF = inexactPSF
    self.propagated = propagated
    self.propagationThreshold = propagationThreshold
  }
}

/// An image among those that are combined.
package struct StackInput: Sendable {
  /// All inputs have one box.
  package var image: MaskedImage
  /// Positive.
  package var weight: Double
  /// By what fraction of the local median the image may differ from it for reasons of seeing.
  package var tolerance: Double

  package init(_ image: MaskedImage, weight: Double, tolerance: Double) {
    self.image = image
    self.weight = weight
    self.tolerance = tolerance
  }
}

/// The combination of some images.
package struct Stack: Sendable {
  package var image: MaskedImage
  /// How many images each pixel is made of.
  package var inputCount: Image<UInt16>
  /// How many pixels of inputs were left out as outliers.
  package var clippedCount: Int
}
