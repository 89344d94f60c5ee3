// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of a source of a patch before it is measured in any band.

package import Catalogs
internal import SkyGeometry

/// The columns of families: sources of a patch, merged from all bands, and the peaks that each is made of (detection-measurement A.7.9, C.9).
///
/// **Order.** A family is a row with `parent` 0, the source as it was detected; where it has several peaks, a child for each follows it at once. IDs, rows and their
/// order are those of the patch, the same in every band.
package struct FamilyColumns: Sendable {
  /// The name under which sources that were placed, not found, are merged as if they were of a band.
  package static let skyBand = "sky"

  package let id: Key<Int64>
  package let coord: CoordKey
  package let parent: Key<Int64>
  package let childCount: Key<Int32>
  package let peakCount: Key<Int32>
  package let parentPeakCount: Key<Int32>
  package let peakID: Key<Int32>
  package let peakX: Key<Int32>
  package let peakY: Key<Int32>
  /// By band, ``skyBand`` last: whether the band's detections are a part of the footprint of a parent.
  package let isInFootprint: [(band: String, key: Key<Bool>)]
  /// The same of the first peak.
  package let isAtPeak: [(band: String, key: Key<Bool>)]

  /// Adds the columns to a schema.
  ///
  /// - Parameters:
  ///   - bands: in the order of their priority.
  ///   - schema: of ``Catalogs/Schema/minimalSource()``.
  /// - Throws: ``Catalogs/CatalogError``.
  package init(bands: [String], addingTo schema: inout Schema) throws(CatalogError) {
    func count(_ name: String, _ doc: String, unit: String = "") throws(CatalogError) -> Key<Int32> {
      try schema.addField(name, unit: unit, doc: doc)
    }
    childCount = try count(
      "deblend_nChild", "number of children; 0 for a source that is not deblended, and for a child")
    peakCount = try count("deblend_nPeaks", "number of peaks")
    parentPeakCount = try count("deblend_parentNPeaks", "number of peaks of the parent; 0 for a source without one")
    peakID = try count("deblend_peakId", "number of the peak that a child is of")
    peakX = try count("deblend_peak_center_x", "pixel of the first peak", unit: "pixel")
    peakY = try count("deblend_peak_center_y", "pixel of the first peak", unit: "pixel")
    var (footprints, peaks): ([(band: String, key: Key<Bool>)], [(band: String, key: Key<Bool>)]) = ([], [])
    for band in bands + [Self.skyBand] {
      footprints.append(
        (band, try schema.addField("merge_footprint_\(band)", doc: "the source was detected in \(band)")))
    }
    for band in bands + [Self.skyBand] {
      peaks.append((band, try schema.addField("merge_peak_\(band)", doc: "its first peak was detected in \(band)")))
    }
    (isInFootprint, isAtPeak) = (footprints, peaks)
    id = try schema.key("id")
    parent = try schema.key("parent")
    coord = try CoordKey(in: schema)
  }

  /// The columns of a schema that has them.
  ///
  /// - Throws: ``Catalogs/CatalogError`` for one that lacks any.
  package init(_ schema: Schema) throws(CatalogError) {
    id = try schema.key("id")
    parent = try schema.key("parent")
    coord = try CoordKey(in: schema)
    childCount = try schema.key("deblend_nChild")
    peakCount = try schema.key("deblend_nPeaks")
    parentPeakCount = try schema.key("deblend_parentNPeaks")
    peakID = try schema.key("deblend_peakId")
    peakX = try schema.key("deblend_peak_center_x")
    peakY = try schema.key("deblend_peak_center_y")
    func flags(_ prefix: String) throws(CatalogError) -> [(band: String, key: Key<Bool>)] {
      var result: [(band: String, key: Key<Bool>)] = []
      for name in schema.names(withPrefix: prefix) {
        result.append((String(name.dropFirst(prefix.count)), try schema.key(name)))
      }
      return result
    }
    isInFootprint = try flags("merge_footprint_")
    isAtPeak = try flags("merge_peak_")
  }

  /// The bands, in the order of their priority.
  package var bands: [String] { isAtPeak.map(\.band).filter { $0 != Self.skyBand } }

  /// Whether a band has a source: its footprint for a row without a parent, else its peak (C.9.1).
  package func has(_ band: String, row: Int, of catalog: Catalog) -> Bool {
    let flags = catalog[parent, row] == 0 ? isInFootprint : isAtPeak
    return flags.first { $0.band == band }.map { catalog[$0.key, row] } ?? false
  }

  /// Whether a source was placed where there is nothing, and found in no band.
  package func isSky(row: Int, of catalog: Catalog) -> Bool {
    guard let sky = isInFootprint.first(where: { $0.band == Self.skyBand }) else { return false }
    return catalog[sky.key, row] && !isInFootprint.contains { $0.band != Self.skyBand && catalog[$0.key, row] }
  }
}
