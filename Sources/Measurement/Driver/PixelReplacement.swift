// SPDX-License-Identifier: GPL-3.0-or-later
// Pixels that are others while a source is measured.

package import Imaging

/// Gives each source the pixels that are its own while it is measured.
package protocol PixelReplacement {
  /// Puts the pixels of a source into an image.
  func insert(_ row: Int, into image: inout Image<Float>)
  /// Takes them out again.
  func remove(_ row: Int, from image: inout Image<Float>)
}

extension NoiseReplacer: PixelReplacement {}
