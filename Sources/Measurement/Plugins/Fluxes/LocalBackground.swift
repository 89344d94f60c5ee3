// SPDX-License-Identifier: GPL-3.0-or-later
// The level of the sky about a source.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_LocalBackground`: the level of the pixels in a ring about a source (detection-measurement B.7).
///
/// The clipped mean of the pixels whose centres are in the outer and not in the inner circle. What is called its error is the
/// clipped standard deviation of the pixels, not that of the mean.
package struct LocalBackgroundFluxConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux

  package var annulusInner = 7.0
  package var annulusOuter = 15.0
  package var badMaskPlanes = ["BAD", "SAT", "NO_DATA"]
  package var bgRej = 3.0
  package var bgIter = 3

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "annulusInner", \.annulusInner, in: 0...100, doc: "radius of the inner circle, standard deviations of the PSF"),
    .field(
      "annulusOuter", \.annulusOuter, in: 0...100, doc: "radius of the outer circle, standard deviations of the PSF"),
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels with these planes are left out; those that an image lacks are ignored"),
    .field(positive: "bgRej", \.bgRej, doc: "half-width of clipping, standard deviations"),
    .field("bgIter", \.bgIter, in: 1...1000, doc: "passes of clipping"),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    let plugin = LocalBackground(
      name: name, config: self,
      level: try schema.addField(name + "_instFlux", unit: "count", doc: "mean level of the pixels about the source"),
      scatter: try schema.addField(
        name + "_instFluxErr", unit: "count", doc: "standard deviation of the pixels about the source"),
      generalFlag: try schema.addFlag(name, doc: "the level is not to be trusted"),
      noGoodPixels: try schema.addFlag(name, "noGoodPixels", doc: "there is no good pixel in the ring"),
      noPSF: try schema.addFlag(name, "noPsf", doc: "the PSF is undefined or has no moments"))
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
    return plugin
  }
}

private struct LocalBackground: MeasurementPlugin {
  let name: String
  let config: LocalBackgroundFluxConfig
  let level: Key<Double>
  let scatter: Key<Double>
  let generalFlag: Key<Bool>
  let noGoodPixels: Key<Bool>
  let noPSF: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: generalFlag)
    guard let psf = try? image.psfMoments(at: position), !psf.isBad else {
      catalog[noPSF, row] = true
      throw .undefinedPSF
    }
    let (plane, mask) = (image.image, image.mask)
    let excluded = mask.planes.bitMask(ofExisting: config.badMaskPlanes)
    let ring = ring(about: position, sigma: psf.determinantRadius).clipped(to: plane.box)
    var values: [Float] = []
    values.reserveCapacity(ring.area)
    for span in ring.spans {
      let (pixels, bits) = (plane.row(span.y), mask.bits.row(span.y))
      for i in span.x0 - plane.box.minX...span.x1 - plane.box.minX where bits[i] & excluded == 0 {
        values.append(pixels[i])
      }
    }
    let control = StatisticsControl(numSigmaClip: config.bgRej, numIter: config.bgIter)
    guard let statistics = try? PixelStatistics(of: values, control: control, .clipped), statistics.clippedCount > 0
    else { throw .flagged(noGoodPixels) }
    catalog[level, row] = statistics.clippedMean
    catalog[scatter, row] = statistics[.stdevclip]
  }

  private func ring(about center: Point2D, sigma: Double) -> SpanSet {
    func circle(_ factor: Double) -> SpanSet {
      SpanSet(ellipseAt: center, moments: SIMD3(1, 1, 0), scale: factor * sigma) ?? .empty
    }
    return circle(config.annulusOuter).subtracting(circle(config.annulusInner))
  }
}
