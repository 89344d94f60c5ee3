// SPDX-License-Identifier: GPL-3.0-or-later
// Shares of the pixels of a family.

package import Catalogs
package import Imaging
internal import SkyGeometry

/// Gives each pixel of an image to the sources of a family in proportion to their models there (detection-measurement A.7.6, C.5.4).
///
/// Source i has I·max(0, Mᵢ)/Σⱼ max(0, Mⱼ), so that the shares add up to the image wherever a model has light; other pixels are nobody's, and so are those without data. Mask and
/// variance of a share are the image's.
///
/// - Parameter models: heavy footprints of the sources of one family; `nil` and plain ones have no light.
/// - Returns: heavy footprints with the models' peaks; `nil` where a model has no light on any pixel with data.
package func redistribute(_ image: MaskedImage, among models: [Footprint?]) -> [Footprint?] {
  let family = models.reduce(Box2I(width: 0, height: 0)) { box, model in
    model?.heavy == nil ? box : box.union(model?.spans.clipped(to: image.box).box ?? box)
  }
  guard !family.isEmpty else { return models.map { _ in nil } }
  var total = [Double](repeating: 0, count: family.area)
  for model in models {
    forEachLitPixel(of: model, in: image) { x, y, light in
      total[(y - family.minY) * family.width + x - family.minX] += light
    }
  }
  return models.map { model in
    guard let model else { return nil }
    var share = Share()
    forEachLitPixel(of: model, in: image) { x, y, light in
      let part = light / total[(y - family.minY) * family.width + x - family.minX]
      share.append(x: x, y: y, of: image, times: part)
    }
    return share.footprint(peaks: model.peaks, region: image.box)
  }
}

/// The pixels with data on which a model has light, row by row.
private func forEachLitPixel(
  of model: Footprint?, in image: MaskedImage, _ body: (_ x: Int, _ y: Int, _ light: Double) -> Void
) {
  guard let model, let heavy = model.heavy else { return }
  let noData = image.mask.planes.bitMask(ofExisting: ["NO_DATA"])
  let box = image.box
  var next = 0
  for span in model.spans.spans {
    defer { next += span.count }
    let (x0, x1) = (max(span.x0, box.minX), min(span.x1, box.maxX))
    guard span.y >= box.minY, span.y <= box.maxY, x0 <= x1 else { continue }
    let (row, bits) = (image.image.row(span.y), image.mask.bits.row(span.y))
    for x in x0...x1 {
      let light = Double(heavy.image[next + x - span.x0])
      guard light > 0, light.isFinite, row[x - box.minX].isFinite, bits[x - box.minX] & noData == 0 else { continue }
      body(x, span.y, light)
    }
  }
}

/// Pixels of a heavy footprint, in the making.
struct Share {
  private var spans: [Span] = []
  private var heavy = HeavyPixels(image: [], mask: [], variance: [])

  /// Adds a pixel of an image, or a part of it; row by row, from left to right.
  mutating func append(x: Int, y: Int, of image: MaskedImage, times part: Double = 1) {
    if let last = spans.last, last.y == y, last.x1 + 1 == x {
      spans[spans.count - 1] = Span(y: y, x0: last.x0, x1: x)
    } else {
      spans.append(Span(y: y, x0: x, x1: x))
    }
    let value = image.image[x, y]
    heavy.image.append(part == 1 ? value : Float(Double(value) * part))
    heavy.mask.append(image.mask[x, y])
    heavy.variance.append(image.variance[x, y])
  }

  /// - Returns: `nil` without a pixel.
  func footprint(peaks: [Peak], region: Box2I) -> Footprint? {
    guard !spans.isEmpty else { return nil }
    return try? Footprint(SpanSet(spans), peaks: peaks, region: region, heavy: heavy)
  }
}
