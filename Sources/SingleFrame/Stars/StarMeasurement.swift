// SPDX-License-Identifier: GPL-3.0-or-later
// What has to be known of a source before it is taken for a star.

package import Catalogs
internal import Imaging
internal import Measurement
package import SkyGeometry

/// A source, as far as the selection of stars looks at it.
package struct StarMeasurement: Hashable, Sendable {
  /// In parent coordinates.
  package var position: Point2D
  /// (det M)^¼ of its adaptive moments, px.
  package var size: Double
  package var signalToNoise: Double
  /// Height of its peak on the image, counts.
  package var height: Double
  /// No bad pixel about its centre, and moments that converged.
  package var isGood: Bool
  /// No neighbour that matters (see ``NeighbourSearch``).
  package var isIsolated: Bool

  package init(
    position: Point2D, size: Double, signalToNoise: Double, height: Double, isGood: Bool, isIsolated: Bool
  ) {
    self.position = position
    self.size = size
    self.signalToNoise = signalToNoise
    self.height = height
    self.isGood = isGood
    self.isIsolated = isIsolated
  }

  /// Measures a source at a peak: adaptive moments about their own centre.
  ///
  /// - Parameter bad: bits that spoil a source within `core` pixels of its peak.
  init(at peak: Point2I, on image: MaskedImage, bad: UInt32, core: Int, isIsolated: Bool) {
    position = Point2D(peak)
    self.isIsolated = isIsolated
    (size, signalToNoise, height, isGood) = (.nan, 0, .nan, false)
    let box = Box2I(minX: peak.x - core, minY: peak.y - core, width: 2 * core + 1, height: 2 * core + 1)
    guard image.box.contains(box) else { return }
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX where image.mask[x, y] & bad != 0 || !image.image[x, y].isFinite { return }
    }
    var moments = adaptiveMoments(of: image.image, at: position)
    for round in 0..<4 {
      if round > 0 { moments = adaptiveMoments(of: image.image, at: position) }
      guard !moments.isBad, moments.center.isFinite, moments.center.distance(to: Point2D(peak)) < 3 else { return }
      let shift = moments.center.distance(to: position)
      position = moments.center
      if shift < 0.01 { break }
    }
    (size, height) = (moments.determinantRadius, moments.amplitude)
    // The flux under a matched Gaussian has the noise of 4πr² pixels.
    let noise = (4 * .pi * size * size * Double(image.variance[peak.x, peak.y])).squareRoot()
    signalToNoise = noise > 0 ? moments.flux / noise : 0
    isGood = signalToNoise.isFinite
  }
}

extension StarMeasurement {
  /// The sources of a catalog that Measurement has measured: slots Centroid, Shape and PsfFlux, and the flags of `base_PixelFlags` where they are there.
  ///
  /// A source is isolated unless the column `detect_isIsolated` says otherwise.
  ///
  /// - Throws: ``Catalogs/CatalogError`` for an empty slot.
  package static func list(from catalog: Catalog) throws(CatalogError) -> [StarMeasurement] {
    let schema = catalog.schema
    let (centroid, shape) = (try schema.centroidSlot(), try schema.shapeSlot())
    let flux = try schema.fluxSlot(.psfFlux)
    let isolated: Key<Bool>? = try? schema.key("detect_isIsolated")
    let flags: [Key<Bool>] =
      [
        "base_PixelFlags_flag_edge", "base_PixelFlags_flag_nodataCenter", "base_PixelFlags_flag_interpolatedCenter",
        "base_PixelFlags_flag_saturatedCenter", "base_PixelFlags_flag_crCenter", "base_PixelFlags_flag_badCenter",
      ].compactMap { try? schema.key($0) } + [centroid.flag, shape.flag, flux.flag].compactMap { $0 }
    return (0..<catalog.rowCount).map { row in
      let moments = SecondMoments(catalog[shape.moments, row])
      let (value, error) = (catalog[flux.instFlux, row], catalog[flux.instFluxErr, row])
      return StarMeasurement(
        position: catalog[centroid.position, row], size: moments.determinantRadius, signalToNoise: value / error,
        height: value / (4 * .pi * moments.determinant.squareRoot()),
        isGood: !moments.isSingular && !flags.contains { catalog[$0, row] },
        isIsolated: isolated.map { catalog[$0, row] } ?? true)
    }
  }
}
