// SPDX-License-Identifier: GPL-3.0-or-later
// Decorrelation in overlapping cells.

internal import Imaging
internal import SkyGeometry

/// Decorrelation in overlapping cells, each by a filter for the kernel in its middle and its own mean variances (differencing B8), and all of the difference as it was given.
struct TiledDecorrelation {
  let science: MaskedImage
  let template: MaskedImage
  let templateMatched: Bool
  /// Where a cell has no noise of its own.
  let means: DifferenceInputs.Means
  let kernel: Kernel
  let scale: Double
  let grid: MapReduceGrid
  let config: DecorrelateALKernelSpatialConfig

  /// - Returns: NaN with `badMaskPlanes` where no cell has a value.
  /// - Throws: ``Imaging/ImagingError``.
  func run(on difference: MaskedImage) throws -> MaskedImage {
    let (box, copies) = (difference.box, config.decorrelateMapReduceConfig.reducer.reduceOperation == .copy)
    var (image, variance) = (Image<Float>(box: box, fill: 0), Image<Float>(box: box, fill: 0))
    var counts = Image<UInt32>(box: box, fill: 0)
    for cell in grid.cells {
      let (pixels, variances) = try correct(difference.image, cell)
      for y in cell.box.minY..<cell.box.endY {
        for x in cell.box.minX..<cell.box.endX where !pixels[x, y].isNaN && !variances[x, y].isNaN {
          if copies {
            (image[x, y], variance[x, y], counts[x, y]) = (pixels[x, y], variances[x, y], 1)
          } else {
            image[x, y] += pixels[x, y]
            variance[x, y] += variances[x, y]
            counts[x, y] += 1
          }
        }
      }
    }
    var mask = difference.mask
    let names = config.decorrelateMapReduceConfig.reducer.badMaskPlanes
    var bad: UInt32 = 0
    for name in names { bad |= try mask.addPlane(name) }
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX {
        let count = Float(counts[x, y])
        image[x, y] /= count
        variance[x, y] /= count
        if count == 0 { mask[x, y] |= bad }
      }
    }
    return try MaskedImage(image: image, mask: mask, variance: variance)
  }

  private func correct(_ image: Image<Float>, _ cell: MapReduceGrid.Cell) throws -> (Image<Float>, Image<Float>) {
    let part = cell.expanded
    let own = try DifferenceInputs(
      science: science, template: template, box: part, templateMatched: templateMatched, cellSize: .max,
      ignoring: config.decorrelateConfig.ignoreMaskPlanes, defectPlanes: [])
    let request = WholeImageDecorrelation.Request(
      kernel: kernel.image(at: part.center), scale: scale, preConvolution: nil)
    let decorrelation = try WholeImageDecorrelation(
      request, own.means.areUsable ? own.means : means, imageWidth: part.width, imageHeight: part.height, psf: nil)
    return (
      try decorrelation.correctedImage(image.cropped(to: part)),
      try decorrelation.variance(own, isComplete: config.decorrelateConfig.completeVarPlanePropagation)
    )
  }
}
