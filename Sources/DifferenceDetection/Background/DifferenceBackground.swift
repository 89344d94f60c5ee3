// SPDX-License-Identifier: GPL-3.0-or-later
// The smooth background that is left in a difference.

package import Imaging
internal import SkyGeometry

/// The smooth background of an image, as a plane to subtract (detection-measurement A.14.1).
///
/// - Returns: the surface at every pixel of the image; 0 everywhere when no pixel can be used.
/// - Throws: ``Imaging/ImagingError``.
package func fitBackground(
  of image: MaskedImage, _ config: SubtractBackgroundConfig
) throws(ImagingError) -> Image<Float> {
  guard let background = try measureBackground(of: image, config) else { return Image(box: image.box, fill: 0) }
  return try background.image(.akimaSpline, undersample: .reduceInterpOrder)
}

/// The smooth background of an image: one number a cell.
///
/// Pixels that are masked or not finite do not count. Cells without a pixel get the median of the cells about them where these are
/// filtered, and are left out of the surface's curves otherwise.
///
/// - Returns: `nil` when no pixel can be used.
/// - Throws: ``Imaging/ImagingError``.
package func measureBackground(
  of image: MaskedImage, _ config: SubtractBackgroundConfig
) throws(ImagingError) -> Background? {
  guard !image.box.isEmpty else { return nil }
  let ignored = image.mask.planes.bitMask(ofExisting: config.ignoredPixelMask)
  let control = try Background.Control(
    covering: image.box, binSize: config.binSize, statistic: config.statisticsProperty.statistic,
    statistics: StatisticsControl(andMask: ignored))
  var values: Image<Float>
  if config.statisticsProperty == .median {
    values = try cellMedians(of: image, ignoring: ignored, control)
  } else {
    values = try Background(of: image.image, mask: image.mask, control).values
  }
  guard values.pixels.contains(where: \.isFinite) else { return nil }
  if config.doFilterSuperPixels { values = medianFiltered(values, side: config.superPixelFilterSize) }
  return try Background(box: image.box, values: values)
}

extension SubtractBackgroundConfig.StatisticsProperty {
  fileprivate var statistic: Statistic {
    switch self {
    case .meanclip: .meanclip
    case .median: .median
    case .mean: .mean
    }
  }
}

/// A grid of cells, each replaced by the median of the finite ones in a square about it; beyond the edges the grid is mirrored.
///
/// Of an even number of cells, which there is only beside cells without a value, the upper of the two in the middle counts, as in the
/// reference. A cell that has none about it stays NaN.
func medianFiltered(_ grid: Image<Float>, side: Int) -> Image<Float> {
  let half = side / 2
  guard half > 0, !grid.box.isEmpty else { return grid }
  let box = grid.box
  var near: [Float] = []
  return Image(box: box) { x, y in
    near.removeAll(keepingCapacity: true)
    for dy in -half...half {
      let row = grid.row(box.minY + mirrored(y + dy - box.minY, count: box.height))
      for dx in -half...half {
        let value = row[mirrored(x + dx - box.minX, count: box.width)]
        if value.isFinite { near.append(value) }
      }
    }
    near.sort()
    return near.isEmpty ? .nan : near[near.count / 2]
  }
}

/// An index beyond the ends of `count` cells, mirrored at their outer edges: −1 is 0.
private func mirrored(_ index: Int, count: Int) -> Int {
  let period = 2 * count
  let place = (index % period + period) % period
  return place < count ? place : period - 1 - place
}
