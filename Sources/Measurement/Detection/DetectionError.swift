// SPDX-License-Identifier: GPL-3.0-or-later
// Why an exposure cannot be searched.

package import SkyGeometry
internal import TaskFramework

/// Why an exposure cannot be searched for sources.
package enum DetectionError: CategorizedError, Hashable, CustomStringConvertible {
  /// There is no PSF, or none whose width is a positive number (category PsfGenerationError).
  case noPSFWidth(String)
  /// The smoothing kernel does not fit into the image (category LengthError).
  case imageTooSmall(box: Box2I, kernelWidth: Int)

  package var category: String {
    switch self {
    case .noPSFWidth: "PsfGenerationError"
    case .imageTooSmall: "LengthError"
    }
  }

  package var description: String {
    switch self {
    case .noPSFWidth(let reason): "sources cannot be detected without the PSF's width: \(reason)"
    case .imageTooSmall(let box, let width):
      "sources cannot be detected: a smoothing kernel of \(width)×\(width) pixels does not fit into an image of "
        + "\(box.width)×\(box.height)"
    }
  }
}
