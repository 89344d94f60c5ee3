// SPDX-License-Identifier: GPL-3.0-or-later
// How well the sources of a pair have gone.

internal import Catalogs
internal import Imaging
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
    let level =
      levels.isEmpty
      ? try PixelStatistics(of: image.pixels.lazy.filter(\.isFinite).map(abs), .quartiles).median
      : levels.reduce(0, +) / Double(levels.count)
    let ratio = FootprintRatio(stars, difference: image, science: other, sky: stars.isEmpty ? 0 : level)
    let skyRatio = FootprintRatio(empty, difference: image, science: other, sky: 0)
    try metadata.set("differenceFootprintRatioMean", ratio.mean)
    try metadata.set("differenceFootprintRatioStdev", ratio.standardDeviation)
    try metadata.set("differenceFootprintSkyRatioMean", skyRatio.mean)
    try metadata.set("differenceFootprintSkyRatioStdev", skyRatio.standardDeviation)
  }
}
