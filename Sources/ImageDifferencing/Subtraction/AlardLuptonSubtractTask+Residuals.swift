// SPDX-License-Identifier: GPL-3.0-or-later
// How well the sources of a pair have gone.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import SkyGeometry
internal import TaskFramework

extension AlardLuptonSubtractTask {
  /// Says in the metadata how much of the sources is left (differencing A17).
  func measureResiduals(of difference: Exposure, on science: Exposure, _ sources: Catalog) throws {
    let sky: Key<Bool>? = try? sources.schema.key("sky_source")
    let rows = 0..<sources.rowCount
    func footprints(ofSky isSky: Bool) -> [SpanSet] {
      rows.filter { row in (sky.map { sources[$0, row] } ?? false) == isSky }
        .compactMap { sources.footprint(row: $0)?.spans }
    }
    let (image, other) = (difference.maskedImage.image, science.maskedImage.image)
    let (empty, stars) = (footprints(ofSky: true), footprints(ofSky: false))
    let levels = empty.compactMap { image.meanAbsolute(over: $0) }
    // Without footprints there is nothing to take it off from.
    let level =
      stars.isEmpty ? 0 : levels.isEmpty ? try medianAbsolute(of: image) : levels.reduce(0, +) / Double(levels.count)
    let ratio = FootprintRatio(stars, difference: image, science: other, sky: level)
    let skyRatio = FootprintRatio(empty, difference: image, science: other, sky: 0)
    try metadata.set("differenceFootprintRatioMean", ratio.mean)
    try metadata.set("differenceFootprintRatioStdev", ratio.standardDeviation)
    try metadata.set("differenceFootprintSkyRatioMean", skyRatio.mean)
    try metadata.set("differenceFootprintSkyRatioStdev", skyRatio.standardDeviation)
  }

  private func medianAbsolute(of image: Image<Float>) throws(ImagingError) -> Double {
    var values: [Float] = []
    values.reserveCapacity(image.box.area)
    for y in image.box.minY..<image.box.endY {
      let row = image.row(y)
      for i in row.indices where row[i].isFinite { values.append(abs(row[i])) }
    }
    return try PixelStatistics(of: values, .quartiles).median
  }
}
