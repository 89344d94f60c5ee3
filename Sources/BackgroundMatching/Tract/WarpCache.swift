// SPDX-License-Identifier: GPL-3.0-or-later
// Warps that are looked at twice.

internal import Imaging
internal import SkyGeometry

/// Parts of warps that are looked at twice, as many as memory may hold.
struct WarpCache {
  private let warps: [WarpToBin]
  private let part: Box2I
  private let growth: Int
  private var budget: Int
  private var images: [Int: MaskedImage] = [:]

  init(_ warps: [WarpToBin], part: Box2I, growth: Int, budget: Int) {
    self.warps = warps
    self.part = part
    self.growth = growth
    self.budget = budget
  }

  mutating func load(_ i: Int) throws -> MaskedImage {
    if let image = images[i] { return image }
    // Grown before it is cut: what lies beyond the part reaches into it.
    let image = try warps[i].load(part.grown(by: growth)).cropped(to: part.grown(by: growth))
      .growingDetections(by: growth).cropped(to: part)
    let size = image.box.area * 12
    if size <= budget {
      budget -= size
      images[i] = image
    }
    return image
  }
}

extension MaskedImage {
  /// The image with more around what is detected counted to it.
  fileprivate func growingDetections(by radius: Int) throws(ImagingError) -> MaskedImage {
    let detected = mask.planes.bitMask(ofExisting: ["DETECTED", "DETECTED_NEGATIVE"])
    var result = self
    try result.update { _, mask, _ in mask = mask.growing(detected, by: radius) }
    return result
  }
}
