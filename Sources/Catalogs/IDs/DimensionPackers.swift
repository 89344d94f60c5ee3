// SPDX-License-Identifier: GPL-3.0-or-later
// One number for a data ID.

/// Packs visit and detector into one number: `detector + detectorCount * visit` (detection-measurement D.2.2).
package struct VisitDetectorPacker: Hashable, Sendable {
  /// Visits are 0 up to this.
  package let visitCount: Int64
  /// Detectors are 0 up to this.
  package let detectorCount: Int64

  /// - Throws: ``CatalogError/invalidID(_:)`` for counts below 1 or a product beyond 56 bits.
  package init(visitCount: Int64, detectorCount: Int64) throws(CatalogError) {
    guard visitCount >= 1, detectorCount >= 1,
      let total = visitCount.packing(factor: detectorCount, term: 0), total <= 1 << 56
    else {
      throw .invalidID(
        "\(visitCount) visits of \(detectorCount) detectors: both must be at least 1, their product at most 2^56")
    }
    self.visitCount = visitCount
    self.detectorCount = detectorCount
  }

  /// Bits that every packed number fits into.
  package var maxBits: Int { bitLength(visitCount * detectorCount - 1) }

  /// - Throws: ``CatalogError/invalidID(_:)`` for a number outside the range of the instrument.
  package func pack(visit: Int64, detector: Int64) throws(CatalogError) -> Int64 {
    guard (0..<visitCount).contains(visit) else {
      throw .invalidID("visit \(visit) is not from 0 to \(visitCount - 1), the visits that the instrument declares")
    }
    guard (0..<detectorCount).contains(detector) else {
      throw .invalidID(
        "detector \(detector) is not from 0 to \(detectorCount - 1), the detectors that the instrument declares")
    }
    return detector + detectorCount * visit
  }

  /// - Throws: ``CatalogError/invalidID(_:)`` for a number that ``pack(visit:detector:)`` never gives.
  package func unpack(_ packed: Int64) throws(CatalogError) -> (visit: Int64, detector: Int64) {
    guard packed >= 0, packed / detectorCount < visitCount else {
      throw .invalidID("\(packed) is no packed visit and detector")
    }
    return (packed / detectorCount, packed % detectorCount)
  }
}

/// Packs patch, tract and perhaps band into one number: `patch + patchCount * (tract + tractCount * bandIndex)`
/// (detection-measurement D.2.3).
package struct SkyMapPacker: Hashable, Sendable {
  /// The numbers of bands.
  ///
  /// New ones go to the end: IDs are for ever.
  package static let bands: [String?] = [
    nil, "u", "g", "r", "i", "z", "y", "U", "B", "G", "V", "R", "I", "Z", "Y", "J", "H", "K", "N387", "N515", "N656",
    "N816", "N921", "N1010", "N419", "N540", "N708", "N964",
  ]

  package let tractCount: Int64
  /// The largest number of patches of any tract.
  package let patchCount: Int64
  /// Whether the band is packed as well.
  package let packsBand: Bool

  /// - Throws: ``CatalogError/invalidID(_:)`` for counts below 1 or too many for an ID.
  package init(tractCount: Int64, patchCount: Int64, packsBand: Bool = false) throws(CatalogError) {
    let bandCount = packsBand ? Int64(Self.bands.count) : 1
    guard tractCount >= 1, patchCount >= 1, let pairs = tractCount.packing(factor: patchCount, term: 0),
      let total = pairs.packing(factor: bandCount, term: 0), total <= 1 << 56
    else {
      throw .invalidID(
        "\(tractCount) tracts of \(patchCount) patches: both must be at least 1, their product at most 2^56")
    }
    self.tractCount = tractCount
    self.patchCount = patchCount
    self.packsBand = packsBand
  }

  private var total: Int64 { patchCount * tractCount * (packsBand ? Int64(Self.bands.count) : 1) }

  /// Bits that every packed number fits into.
  package var maxBits: Int { bitLength(total - 1) }

  /// - Parameter band: only for packers that pack it; `nil` is the number without a band.
  /// - Throws: ``CatalogError/invalidID(_:)`` for a number that the sky map does not have, or a band without a number.
  package func pack(tract: Int64, patch: Int64, band: String? = nil) throws(CatalogError) -> Int64 {
    guard (0..<tractCount).contains(tract) else {
      throw .invalidID("tract \(tract) is not from 0 to \(tractCount - 1), the tracts of the sky map")
    }
    guard (0..<patchCount).contains(patch) else {
      throw .invalidID("patch \(patch) is not from 0 to \(patchCount - 1), the patches of the sky map's largest tract")
    }
    guard packsBand || band == nil else { throw .invalidID("band \(band ?? "") is given where no band is packed") }
    guard let index = Self.bands.firstIndex(of: band) else {
      throw .invalidID(
        "band \(band ?? "") has no number; those with one are \(Self.bands.compactMap { $0 }.joined(separator: ", "))")
    }
    return patch + patchCount * (tract + tractCount * Int64(index))
  }

  /// - Throws: ``CatalogError/invalidID(_:)`` for a number that ``pack(tract:patch:band:)`` never gives.
  package func unpack(_ packed: Int64) throws(CatalogError) -> (tract: Int64, patch: Int64, band: String?) {
    guard packed >= 0, packed < total else { throw .invalidID("\(packed) is no packed tract and patch") }
    let (pair, patch) = packed.quotientAndRemainder(dividingBy: patchCount)
    let (band, tract) = pair.quotientAndRemainder(dividingBy: tractCount)
    return (tract, patch, Self.bands[Int(band)])
  }
}
