// SPDX-License-Identifier: GPL-3.0-or-later
// Why an image cannot be characterised.

internal import TaskFramework

/// Why an image cannot be characterised.
package enum CharacterizeImageError: CategorizedError, Hashable, CustomStringConvertible {
  /// No pixel is finite and in none of the planes that spoil it (category RuntimeError).
  case noUsablePixels
  /// There is no source to measure a PSF with (category PsfGenerationError).
  case noStars(detected: Int)

  package var category: String {
    switch self {
    case .noUsablePixels: "RuntimeError"
    case .noStars: "PsfGenerationError"
    }
  }

  package var description: String {
    switch self {
    case .noUsablePixels:
      "no pixel of the image is usable: all are masked, not finite, or have a variance that is negative or not a number"
    case .noStars(let detected):
      "the PSF cannot be measured: of \(detected) detections none is good enough; give the PSF, or its FWHM"
    }
  }
}
