// SPDX-License-Identifier: GPL-3.0-or-later
// Matching the backgrounds of exposures: the recipe.

package import Imaging
internal import SkyGeometry
package import TaskFramework

/// Gives exposures of one piece of sky the background of one of them, the reference (framework A).
///
/// For each of the others the smooth part of reference minus exposure is modelled on a coarse grid and added to it; nothing is
/// subtracted from the reference. Detections need not be masked, but masked ones are left out and unmasked ones bias the model.
package final class MatchBackgroundsTask: Task {
  package static let defaultName: String? = "matchBackgrounds"

  package let node: TaskNode
  package let config: MatchBackgroundsConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Matches the backgrounds of a list of exposures to a reference.
  ///
  /// Exposures are loaded one at a time. One that cannot be read or matched is data: a warning, and a record that says why.
  ///
  /// - Parameters:
  ///   - expRefList: all of them must exist.
  ///   - imageScalerList: one an exposure; without it nothing is scaled.
  ///   - refExpDataRef: one of the list; ``selectRefExposure(_:imageScalerList:expDatasetType:)`` chooses when it is left out.
  ///   - refImageScaler: of the reference that was given; that of a chosen one is in the list.
  ///   - receive: gets each exposure that was matched, and the reference as it is, with its place in the list; what it throws ends
  ///     the run.
  /// - Throws: ``MatchBackgroundsError``, and what loading the reference throws.
  package func run(
    _ expRefList: [any ExposureDataRef], expDatasetType: String, imageScalerList: [(any ExposureScaler)?]? = nil,
    refExpDataRef: (any ExposureDataRef)? = nil, refImageScaler: (any ExposureScaler)? = nil,
    receive: (_ index: Int, _ matched: Exposure, _ info: BackgroundInfo) throws -> Void = { _, _, _ in }
  ) throws -> MatchBackgroundsResult {
    try timer("run") {
      let scalers = imageScalerList ?? Array(repeating: nil, count: expRefList.count)
      try check(expRefList, scalers, expDatasetType)
      for exposure in expRefList where !exposure.datasetExists(expDatasetType) {
        throw MatchBackgroundsError.exposureMissing(dataID: exposure.dataIDText, datasetType: expDatasetType)
      }
      var (reference, scaler) = (refExpDataRef, refImageScaler)
      if reference == nil {
        let best = try selectRefExposure(expRefList, imageScalerList: scalers, expDatasetType: expDatasetType)
        (reference, scaler) = (expRefList[best], scalers[best])
      }
      guard let reference else { throw MatchBackgroundsError.noReference(reasons: []) }
      let isReference = try expRefList.map { try $0.isSame(as: reference) }
      guard isReference.contains(true) else {
        throw MatchBackgroundsError.referenceNotListed(dataID: reference.dataIDText)
      }
      let refExposure = try load(reference, expDatasetType, scaler)
      var infos: [BackgroundInfo] = []
      for (index, exposure) in expRefList.enumerated() {
        if isReference[index] {
          infos.append(.reference)
          try receive(index, refExposure, .reference)
        } else {
          let (info, matched) = try match(exposure, expDatasetType, scalers[index], to: refExposure)
          infos.append(info)
          if let matched { try receive(index, matched, info) }
        }
      }
      try metadata.set("nExposures", infos.count)
      try metadata.set("nFailed", infos.count { $0.failure != nil })
      return MatchBackgroundsResult(backgroundInfoList: infos)
    }
  }

  /// Finds the exposure that makes the best reference: low variance, low background, many usable pixels.
  ///
  /// Those that are missing, cannot be read or scaled, or have no usable pixels are left out with a warning.
  ///
  /// - Returns: its place in the list, the first of equally good ones.
  /// - Throws: ``MatchBackgroundsError/noReference(reasons:)`` when none is left, or an error about the lists.
  package func selectRefExposure(
    _ expRefList: [any ExposureDataRef], imageScalerList: [(any ExposureScaler)?], expDatasetType: String
  ) throws(MatchBackgroundsError) -> Int {
    try timer("selectRefExposure") { () throws(MatchBackgroundsError) in
      try check(expRefList, imageScalerList, expDatasetType)
      var reasons: [String] = []
      let candidates = zip(expRefList, imageScalerList).map { exposure, scaler -> ReferenceCandidate? in
        do throws(UnusableReference) {
          return try candidate(exposure, expDatasetType, scaler)
        } catch {
          reasons.append(error.reason)
          warn("Not considered as the reference: \(error.reason)")
          return nil
        }
      }
      let costs = referenceCosts(candidates, config)
      guard let best = cheapest(costs) else { throw .noReference(reasons: reasons) }
      try? metadata.set("refCosts", costs.map { .float($0 ?? .nan) })
      try? metadata.set("refIndex", best)
      return best
    }
  }

  /// Gives an exposure the background of the reference.
  ///
  /// The model goes into `sciExposure` in place: mask and variance stay; when something is thrown everything stays. With
  /// `doCropToOverlap` the exposure is cropped to what it shares with the reference.
  ///
  /// - Throws: ``MatchBackgroundsError``.
  package func matchBackgrounds(
    refExposure: Exposure, sciExposure: inout Exposure
  ) throws(MatchBackgroundsError) -> BackgroundMatch {
    try timer("matchBackgrounds") { () throws(MatchBackgroundsError) in
      try config.checkPolynomial(for: sciExposure.box)
      let box = try config.commonBox(science: sciExposure.box, reference: refExposure.box)
      let pair = try PairMatch(
        reference: refExposure.maskedImage.cropped(to: box), science: sciExposure.maskedImage.cropped(to: box), config)
      if box != sciExposure.box { sciExposure = sciExposure.cropped(to: box) }
      try withImagingErrors { () throws(ImagingError) in try sciExposure.maskedImage.add(pair.modelImage) }
      record(pair)
      return pair.match
    }
  }
}
