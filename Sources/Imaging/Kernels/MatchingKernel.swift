// SPDX-License-Identifier: GPL-3.0-or-later
// What makes two images of the same stars alike.

package import SkyGeometry

/// The kernel and background that make one image of a pair like the other: `convolved ⋆ kernel + background ≈ other`.
package struct MatchingKernel: Sendable, Equatable {
  /// Which image was convolved.
  package enum Convolved: String, CaseIterable, Sendable {
    case template = "Template"
    case science = "Science"
  }

  package let kernel: Kernel
  /// Counts of the image that was matched; `nil` when none was fitted.
  package let background: SpatialFunction?
  package let convolved: Convolved

  package init(_ kernel: Kernel, background: SpatialFunction? = nil, convolved: Convolved) {
    self.kernel = kernel
    self.background = background
    self.convolved = convolved
  }

  /// The sum of the kernel at a position: the ratio of the flux scales of the two images there.
  package func sum(at position: Point2D) -> Double { kernel.image(at: position).sum }
}
