// SPDX-License-Identifier: GPL-3.0-or-later
// The small steps of the recipe: checking lists, loading, keeping record.

internal import Imaging
internal import TaskFramework

extension MatchBackgroundsTask {
  func check(
    _ expRefList: [any ExposureDataRef], _ scalers: [(any ExposureScaler)?], _ expDatasetType: String
  ) throws(MatchBackgroundsError) {
    guard !expRefList.isEmpty else { throw .noExposures }
    guard !expDatasetType.isEmpty else { throw .noDatasetType }
    guard scalers.count == expRefList.count else {
      throw .listLengths(exposures: expRefList.count, scalers: scalers.count)
    }
  }

  /// An exposure on the scale that is asked for.
  func load(_ reference: any ExposureDataRef, _ datasetType: String, _ scaler: (any ExposureScaler)?) throws -> Exposure
  {
    guard var exposure = try reference.get(datasetType) else {
      throw MatchBackgroundsError.exposureMissing(dataID: reference.dataIDText, datasetType: datasetType)
    }
    try scaler?.scale(&exposure)
    return exposure
  }

  /// What the choice of the reference needs to know of an exposure.
  func candidate(
    _ reference: any ExposureDataRef, _ datasetType: String, _ scaler: (any ExposureScaler)?
  ) throws(UnusableReference) -> ReferenceCandidate {
    do {
      let image = try load(reference, datasetType, scaler).maskedImage
      if let candidate = try ReferenceCandidate(image, config) { return candidate }
    } catch MatchBackgroundsError.exposureMissing {
      throw UnusableReference(reason: "\(reference.dataIDText): there is no \(datasetType)")
    } catch {
      throw UnusableReference(reason: "\(reference.dataIDText): \(error)")
    }
    throw UnusableReference(reason: "\(reference.dataIDText): it has no usable pixels")
  }

  /// Matches one exposure of a list; what is wrong with it is in the record.
  ///
  /// - Throws: ``MatchBackgroundsError/exposureMissing(dataID:datasetType:)`` alone.
  func match(
    _ reference: any ExposureDataRef, _ datasetType: String, _ scaler: (any ExposureScaler)?, to refExposure: Exposure
  ) throws(MatchBackgroundsError) -> (BackgroundInfo, matched: Exposure?) {
    let failure: BackgroundInfo.Failure
    do {
      var exposure = try load(reference, datasetType, scaler)
      let match = try matchBackgrounds(refExposure: refExposure, sciExposure: &exposure)
      return (BackgroundInfo(isReference: false, match: match, failure: nil), exposure)
    } catch let error as MatchBackgroundsError {
      if case .exposureMissing = error { throw error }
      failure = .init(category: error.category, message: error.description)
    } catch {
      failure = .init(category: categoryName(of: error), message: "\(error)")
    }
    warn("Failed to fit background \(reference.dataIDText): \(failure.message)")
    return (BackgroundInfo(isReference: false, match: nil, failure: failure), nil)
  }

  /// What the metadata keeps of a match: one more value an item at each.
  func record(_ pair: PairMatch) {
    for warning in pair.warnings { warn(warning) }
    let match = pair.match
    for (name, value) in [
      ("fitRMS", match.fitRMS), ("matchedMSE", match.matchedMSE), ("diffImVar", match.diffImVar),
      ("mseVarianceRatio", match.mseVarianceRatio), ("overlapFraction", match.overlapFraction),
      ("extrapolatedFraction", match.extrapolatedFraction),
    ] {
      // The names are this task's own, so that nothing of another kind is there.
      try? metadata.add(name, .float(value))
    }
  }
}
