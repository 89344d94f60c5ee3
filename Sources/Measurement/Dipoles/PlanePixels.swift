// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels of one image that a fit is made to.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The pixels of a box on one image, row by row, with their variances.
struct PlanePixels {
  let box: Box2I
  var values: [Double]
  /// 0 for pixels that do not count.
  var variances: [Double]

  /// The pixels of a region that are good: finite, with a positive and finite variance and no bad plane of the mask.
  ///
  /// - Parameter region: on the image.
  init(_ region: SpanSet, of image: MeasurementImage, leavingOut badMaskPlanes: [String]) {
    box = region.box
    values = Array(repeating: 0, count: box.area)
    variances = values
    let excluded = image.mask.planes.bitMask(ofExisting: badMaskPlanes)
    let (plane, variancePlane, maskPlane) = (image.image, image.variance, image.mask.bits)
    for span in region.spans {
      let (row, varianceRow, bits) = (plane.row(span.y), variancePlane.row(span.y), maskPlane.row(span.y))
      let (from, to) = (span.x0 - image.box.minX, (span.y - box.minY) * box.width + span.x0 - box.minX)
      for i in 0..<span.count {
        let (value, variance) = (Double(row[from + i]), Double(varianceRow[from + i]))
        guard value.isFinite, variance > 0, variance.isFinite, bits[from + i] & excluded == 0 else { continue }
        values[to + i] = value
        variances[to + i] = variance
      }
    }
  }

  init(box: Box2I, values: [Double], variances: [Double]) {
    self.box = box
    self.values = values
    self.variances = variances
  }

  var count: Int { variances.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }

  /// The inverse variances times a factor; 0 for pixels that do not count.
  func weights(times factor: Double = 1) -> [Double] { variances.map { $0 > 0 ? factor / $0 : 0 } }

  /// The pixels about a position, in a box of their own.
  func within(_ radius: Double, of center: Point2D) -> PlanePixels {
    let square = Box2D(minX: center.x, minY: center.y, maxX: center.x, maxY: center.y).grown(by: radius)
    let part = ((try? Box2I(covering: square)) ?? box).intersection(box)
    var result = PlanePixels(box: part, values: [], variances: [])
    for y in part.minY..<part.endY {
      for x in part.minX..<part.endX {
        let i = (y - box.minY) * box.width + x - box.minX
        let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
        result.values.append(values[i])
        result.variances.append(dx * dx + dy * dy <= radius * radius ? variances[i] : 0)
      }
    }
    return result
  }

  /// The pixels for which a condition holds, in the same box.
  func keeping(_ isKept: [Bool]) -> PlanePixels {
    var result = self
    for i in isKept.indices where !isKept[i] { result.variances[i] = 0 }
    return result
  }
}
