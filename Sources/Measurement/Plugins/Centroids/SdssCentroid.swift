// SPDX-License-Identifier: GPL-3.0-or-later
// The maximum of the image smoothed by the PSF.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The maximum of the image smoothed by the PSF, with a quartic correction and an error (detection-measurement B.2.1).
///
/// A source that is much larger than the PSF is binned until it is not.
struct SdssCentroid: MeasurementPlugin {
  let name: String
  var flag: Key<Bool>? { keys.flag }
  private let config: SdssCentroidConfig
  private let keys: SdssCentroidKeys
  private let checker: CentroidChecker

  init(_ name: String, _ config: SdssCentroidConfig, addingTo schema: inout Schema) throws(CatalogError) {
    self.name = name
    self.config = config
    keys = try SdssCentroidKeys(name, addingTo: &schema)
    checker = CentroidChecker(
      doFootprintCheck: config.doFootprintCheck, maxDistToPeak: config.maxDistToPeak, position: keys.position,
      error: keys.error, flag: keys.flag, resetToPeak: keys.resetToPeak, badError: keys.badError)
  }

  /// What the bins have come to.
  private struct Trial {
    var binX = 1
    var binY = 1
    var kernel: Image<Double>
    /// Determinant radius of the kernel, bins.
    var sigma: Double
    var isNearEdge = false
  }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let start = try image.startingPoint(row: row, of: catalog)
    catalog[keys.position, row] = start
    guard let pixel = start.pixel, image.box.contains(pixel) else { throw .flagged(keys.edge) }
    let moments = try image.psfMoments(at: Point2D(pixel))
    guard !moments.isBad else { throw .undefinedPSF }
    var trial = Trial(kernel: try image.psfKernel(at: Point2D(pixel)), sigma: moments.determinantRadius)
    let isNegative = image.slots.isNegative(row: row, of: catalog)
    var bins = 1
    while true {
      let stamp = try smoothed(image, pixel, &trial)
      if trial.isNearEdge {
        catalog[keys.nearEdge, row] = true
        catalog[keys.flag, row] = true
      }
      let maximum: SmoothedMaximum
      switch SmoothedMaximum.find(in: stamp, sigma: trial.sigma, isNegative: isNegative) {
      case .found(let found): maximum = found
      case .isFlat: throw .flagged(keys.noSecondDerivative)
      case .isNoMaximum: throw .flagged(keys.notAtMaximum)
      }
      let measured = trial
      bins *= 2
      if trial.isNearEdge || bins > config.binmax || !enlarge(&trial, maximum) {
        write(maximum, measured, pixel, row: row, to: &catalog)
        break
      }
    }
    checker.check(row: row, of: &catalog)
  }

  /// The smoothed image about a pixel; near an edge with a small kernel in the PSF's place, which then stays.
  private func smoothed(
    _ image: MeasurementImage, _ pixel: Point2I, _ trial: inout Trial
  ) throws(MeasurementFailure) -> SmoothedStamp {
    if let stamp = SmoothedStamp(image, at: pixel, trial.kernel, trial.sigma, binX: trial.binX, binY: trial.binY) {
      return stamp
    }
    guard !trial.isNearEdge else { throw .flagged(keys.edge) }
    trial.isNearEdge = true
    trial.kernel = SmoothedStamp.smallKernel
    trial.sigma = SmoothedStamp.smallSigma
    guard let stamp = SmoothedStamp(image, at: pixel, trial.kernel, trial.sigma, binX: trial.binX, binY: trial.binY)
    else { throw .flagged(keys.edge) }
    return stamp
  }

  private func write(
    _ maximum: SmoothedMaximum, _ trial: Trial, _ pixel: Point2I, row: Int, to catalog: inout Catalog
  ) {
    func unbinned(_ offset: Double, _ bin: Int) -> Double { bin > 1 ? (offset + 0.5) * Double(bin) - 0.5 : offset }
    catalog[keys.position, row] = Point2D(
      x: Double(pixel.x) + unbinned(maximum.x.offset, trial.binX),
      y: Double(pixel.y) + unbinned(maximum.y.offset, trial.binY))
    catalog[keys.error.errors[0], row] = Float(maximum.x.error * Double(trial.binX))
    catalog[keys.error.errors[1], row] = Float(maximum.y.error * Double(trial.binY))
  }

  /// Doubles the bins along the axes on which the source is too large or too far off.
  ///
  /// - Returns: false when it is neither.
  private func enlarge(_ trial: inout Trial, _ maximum: SmoothedMaximum) -> Bool {
    func isLarge(_ axis: SmoothedMaximum.Axis, _ bin: Int) -> Bool {
      let bin = Double(bin)
      let limit = config.wfac * (1 + trial.sigma * trial.sigma) * bin * bin
      let offset = bin > 1 ? (axis.offset + 0.5) * bin - 0.5 : axis.offset
      return !(axis.tau2 * bin * bin < limit && offset * offset < limit)
    }
    let (largeX, largeY) = (isLarge(maximum.x, trial.binX), isLarge(maximum.y, trial.binY))
    let isFaint = trial.binX == 1 && trial.binY == 1 && config.peakMin >= 0 && maximum.peak <= config.peakMin
    guard largeX || largeY || isFaint else { return false }
    if largeX || isFaint { trial.binX *= 2 }
    if largeY || isFaint { trial.binY *= 2 }
    return true
  }
}
