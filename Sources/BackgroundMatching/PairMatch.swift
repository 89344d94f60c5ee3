// SPDX-License-Identifier: GPL-3.0-or-later
// One exposure and the reference: difference, model, diagnostics.

internal import Imaging
internal import SkyGeometry

/// One exposure and the reference: difference, model, diagnostics (framework A.6).
struct PairMatch: Sendable {
  let match: BackgroundMatch
  /// What is to be added to the exposure.
  let modelImage: Image<Float>
  let warnings: [String]

  /// - Precondition: both have one box.
  /// - Throws: ``MatchBackgroundsError``.
  init(
    reference: MaskedImage, science: MaskedImage, _ config: MatchBackgroundsConfig
  ) throws(MatchBackgroundsError) {
    var difference = reference
    try withImagingErrors { () throws(ImagingError) in try difference.subtract(science) }
    let control = config.statistics(for: difference.mask.planes)
    let grid = try withImagingErrors { () throws(ImagingError) in
      try DiagnosticsGrid(
        difference, binSize: config.binSize, config.statistic, epsilon: config.gridStdevEpsilon, control)
    }
    guard !grid.cells.isEmpty else { throw .noOverlap }
    let fit = try BackgroundFit(difference, grid, config, control)
    try withImagingErrors { () throws(ImagingError) in try difference.add(fit.image, times: -1) }

    let statistics = try withImagingErrors { () throws(ImagingError) in
      (
        variance: try PixelStatistics(of: difference.variance, mask: difference.mask, control: control, .clipped),
        rest: try PixelStatistics(of: difference.image, mask: difference.mask, control: control, .moments),
        science: try PixelStatistics(
          of: science.image, mask: science.mask, control: config.statistics(for: science.mask.planes), [])
      )
    }
    match = BackgroundMatch(
      backgroundModel: fit.model, fitRMS: grid.fitRMS(of: fit.image), matchedMSE: statistics.rest.meanSquare,
      diffImVar: statistics.variance.clippedMean,
      overlapFraction: Double(statistics.rest.count) / Double(max(1, statistics.science.count)),
      extrapolatedFraction: fit.extrapolatedFraction)
    modelImage = fit.image
    warnings = fit.warnings
  }
}

extension MatchBackgroundsConfig {
  /// Whether an image has enough cells for the polynomial, data or not.
  ///
  /// - Throws: ``MatchBackgroundsError/binTooLarge(binSize:shorterSide:)``,
  ///   ``MatchBackgroundsError/orderTooHigh(order:binSize:cells:)``.
  func checkPolynomial(for box: Box2I) throws(MatchBackgroundsError) {
    guard usePolynomial else { return }
    let side = min(box.width, box.height)
    guard binSize <= side else { throw .binTooLarge(binSize: binSize, shorterSide: side) }
    let cells = side / binSize + (side % binSize > 0 ? 1 : 0)
    guard order < cells else { throw .orderTooHigh(order: order, binSize: binSize, cells: cells) }
  }

  /// The pixels on which an exposure is matched.
  ///
  /// - Throws: ``MatchBackgroundsError/boxesDiffer(science:reference:)``, ``MatchBackgroundsError/noOverlap``.
  func commonBox(science: Box2I, reference: Box2I) throws(MatchBackgroundsError) -> Box2I {
    guard science == reference || doCropToOverlap else {
      throw .boxesDiffer(science: science, reference: reference)
    }
    let common = science.intersection(reference)
    guard !common.isEmpty else { throw .noOverlap }
    return common
  }
}
