// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources may be which objects.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Which sources may be which objects, and what each pair costs.
///
/// **Radius.** A pair closer than the radius r may be one. It costs d²/r² − 1: nothing at the edge, so leaving an object alone is never better than a pair, and two fair pairs are better than one that is
/// perfect.
///
/// **Errors.** Beside the radius, χ² = Δᵀ Σ⁻¹ Δ of the offset Δ must be below that of the ellipse; Σ is the sum of the prediction's and the source's variances and the floor's. The cost is
/// ½ χ² + ½ ln |Σ|, less what it can be at most: a good prediction near a source is worth more than a poor one that is nearer. In |Σ| no error counts for more than the radius, beyond which there are no pairs.
struct Candidates {
  let config: SolarSystemAssociationConfig
  let objects: SolarSystemObjects
  let ephemerides: [ObjectEphemeris]
  let sources: SourceTable

  /// - Parameter objectRows: the objects that may be on the detector.
  /// - Returns: in the order of the objects' rows.
  /// - Throws: ``SolarSystemError`` for a flag that is none.
  func pairs(_ objectRows: [Int]) throws(SolarSystemError) -> [CandidatePair] {
    let rows = try sources.candidates(without: config.excludedFlags)
    let directions = rows.map { SpherePoint(raDegrees: sources.ra[$0], decDegrees: sources.dec[$0]).unitVector }
    let radius = Angle(arcseconds: config.maxDistArcSeconds).radians
    let search = CandidateSearch(directions, radius: radius)
    var result: [CandidatePair] = []
    for object in objectRows {
      guard result.count <= config.maxCandidatePairs else {
        throw .tooManyPairs(limit: config.maxCandidatePairs, radius: config.maxDistArcSeconds)
      }
      search.near(ephemerides[object].position.unitVector) { place, separation in
        var pair = CandidatePair(object: object, source: rows[place], separation: separation)
        if let cost = config.doErrorEllipse ? errorCost(pair) : radiusCost(separation / radius) {
          pair.cost = cost
          result.append(pair)
        }
      }
    }
    guard result.count <= config.maxCandidatePairs else {
      throw .tooManyPairs(limit: config.maxCandidatePairs, radius: config.maxDistArcSeconds)
    }
    return result
  }

  private func radiusCost(_ fraction: Double) -> Double? { fraction * fraction - 1 }

  /// - Returns: `nil` outside the ellipse.
  private func errorCost(_ pair: CandidatePair) -> Double? {
    let predicted = objects.errors[pair.object]
    let own = predicted.isFinite ? predicted : config.defaultPositionError
    let common = own * own + config.positionErrorFloor * config.positionErrorFloor
    let error = sources.errors[pair.source]
    let (varianceRa, varianceDec) = (common + error.ra * error.ra, common + error.dec * error.dec)
    let offset = ephemerides[pair.object].offset(toRa: sources.ra[pair.source], dec: sources.dec[pair.source])
    let chi2 = offset.ra * offset.ra / varianceRa + offset.dec * offset.dec / varianceDec
    let limit = config.maxErrorSigma * config.maxErrorSigma
    guard chi2 < limit else { return nil }
    // Detectors whose costs are compared later must have one bound.
    let largest = 2 * config.maxDistArcSeconds * config.maxDistArcSeconds + common - own * own
    return 0.5 * (chi2 - limit) + 0.5 * log(min(varianceRa, largest) * min(varianceDec, largest)) - log(largest)
  }
}

extension ObjectEphemeris {
  /// From the prediction to a place near it, arcseconds along right ascension and declination: the tangent plane's, which no pole disturbs.
  func offset(toRa ra: Double, dec: Double) -> (ra: Double, dec: Double) {
    let (east, north) = tangents(at: position)
    let difference = SpherePoint(raDegrees: ra, decDegrees: dec).unitVector - position.unitVector
    return (
      Angle(radians: (difference * east).sum()).arcseconds, Angle(radians: (difference * north).sum()).arcseconds
    )
  }
}
