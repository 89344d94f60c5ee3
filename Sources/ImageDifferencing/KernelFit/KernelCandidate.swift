// SPDX-License-Identifier: GPL-3.0-or-later
// Stars that kernels are measured with.

package import Imaging
package import SkyGeometry

/// A star that a matching kernel is measured with, cut out of both images.
package struct KernelCandidate: Sendable {
  package let id: Int64
  /// In parent coordinates.
  package let position: Point2D
  /// Its flux: the brightest star of a cell is tried first.
  package let rating: Double
  /// The image to convolve and the image to match, of one box about the star.
  package let template: MaskedImage
  package let science: MaskedImage

  /// - Throws: ``Imaging/ImagingError/sizeMismatch(what:found:expected:)`` when the two cover different pixels.
  package init(
    id: Int64, position: Point2D, rating: Double, template: MaskedImage, science: MaskedImage
  ) throws(ImagingError) {
    guard template.box == science.box else {
      throw .sizeMismatch(what: "a candidate's science stamp", found: "\(science.box)", expected: "\(template.box)")
    }
    self.id = id
    self.position = position
    self.rating = rating
    self.template = template
    self.science = science
  }
}
