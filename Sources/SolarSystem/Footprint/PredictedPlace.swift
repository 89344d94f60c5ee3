// SPDX-License-Identifier: GPL-3.0-or-later
// Where an object is predicted on a detector.

internal import Imaging
internal import SkyGeometry

/// Where an object is predicted on a detector, and what is known of the pixel there: often why it was not seen.
struct PredictedPlace {
  let pixel: Point2D
  /// On pixels, not only in the margin about them.
  let isOnDetector: Bool
  /// The mask planes of that pixel but for those of detection, in the order of their bits, with blanks between.
  let maskPlanes: String

  init(_ pixel: Point2D, on image: MaskedImage) {
    self.pixel = pixel
    guard let place = pixel.pixel, image.box.contains(place) else {
      isOnDetector = false
      maskPlanes = ""
      return
    }
    isOnDetector = true
    let bits = image.mask[place.x, place.y]
    maskPlanes =
      bits == 0
      ? ""
      : image.mask.planes.planeNames.filter { name in
        !name.hasPrefix("DETECTED") && image.mask.planes.bitMask(ofExisting: [name]) & bits != 0
      }.joined(separator: " ")
  }
}
