// SPDX-License-Identifier: GPL-3.0-or-later
// The weighted mean of images, without outliers.

internal import SkyGeometry

/// The weighted mean of images of the same pixels, without outliers.
///
/// **Model.** A pixel is Σ w x / Σ w over the good pixels that are no outliers, its variance Σ w² v / (Σ w)², its mask the OR of
/// theirs. Where no image has a good pixel those that are there at all are taken, and their bits show it; where none is there the
/// result is NaN with infinite variance and NO_DATA.
///
/// **Outliers.** With m the median of the good pixels (of three at least), a pixel is an outlier when |x − m| > k σ + t M: σ is its own
/// standard deviation, M the largest |m| among it and its neighbours, t the image's tolerance, so that the cores of stars survive
/// that are sharper in one image than in another. Beside an outlier a lower k counts. Where that leaves no good pixel, as between two
/// values with two images each, none is an outlier.
///
/// **Guarantees.** Sums are float64 in the order of the inputs. The result does not depend on how a larger image is cut into strips
/// of rows, if each strip's inputs reach two rows further than the rows that are asked for, where there are any.
///
/// - Parameters:
///   - inputs: of one box, which holds the rows.
///   - rows: those of the result.
/// - Throws: ``ImagingError/invalidParameter(_:)`` for no inputs or a weight that is not positive,
///   ``ImagingError/sizeMismatch(what:found:expected:)``.
package func stack(_ inputs: [StackInput], rows: Range<Int>, _ control: StackControl) throws(ImagingError) -> Stack {
  guard let first = inputs.first else { throw .invalidParameter("a stack of no images") }
  let box = first.image.box
  for input in inputs {
    guard input.image.box == box else {
      throw .sizeMismatch(what: "the box of a stack's image", found: "\(input.image.box)", expected: "\(box)")
    }
    guard input.weight > 0, input.weight.isFinite else {
      throw .invalidParameter("a stack's weight is \(input.weight)")
    }
  }
  guard rows.lowerBound >= box.minY, rows.upperBound <= box.endY else {
    throw .outOfRange("rows \(rows) of a stack of \(box)")
  }
  var planes = first.image.mask.planes
  var masks: [Mask] = []
  for input in inputs {
    let mask = try input.image.mask.conformed(to: planes)
    planes = mask.planes
    masks.append(mask)
  }
  let memory = StackMemory(inputCount: inputs.count, width: box.width, rows: box.height)
  for (i, input) in inputs.enumerated() {
    memory.fill(i, with: input.image, noData: control.noData, badMask: control.badMask)
  }
  let clips = control.clips && inputs.count > 2
  if clips {
    memory.measureMedians()
    for (i, input) in inputs.enumerated() { memory.measureExcess(of: i, tolerance: input.tolerance) }
  }
  let part = Box2I(minX: box.minX, minY: rows.lowerBound, width: box.width, height: rows.count)
  var result = StackResult(box: part, noData: control.noData)
  let sums = StackSums(memory, control, clips: clips)
  for y in rows {
    for (i, input) in inputs.enumerated() { sums.add(i, row: y - box.minY, masks[i], weight: input.weight) }
    sums.write(row: y - rows.lowerBound, to: &result)
  }
  return Stack(
    image: try MaskedImage(
      image: result.image, mask: Mask(bits: result.bits, planes: planes), variance: result.variance),
    inputCount: result.inputCount, clippedCount: result.clippedCount)
}
