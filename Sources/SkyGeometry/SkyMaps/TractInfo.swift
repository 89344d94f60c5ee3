// SPDX-License-Identifier: GPL-3.0-or-later
// One tract: its projection and its patches.

/// A tract: one projection of a part of the sky, divided into patches.
package struct TractInfo: Sendable {
  /// The sky for which this tract, among all that overlap, is the one to use.
  package enum InnerRegion: Hashable, Sendable {
    case cell(raCenter: Angle, raHalfWidth: Angle, decMin: Angle, decMax: Angle)
    case cap(decLimit: Angle, isNorth: Bool)
    /// The tract's own box.
    case box
  }

  package let id: Int
  package let center: SpherePoint
  package let wcs: SkyWCS
  /// All pixels of the tract; starts at (0, 0).
  package let box: Box2I
  package let layout: PatchLayout
  package let innerRegion: InnerRegion
  /// Patches along x and along y.
  package let patchCounts: (x: Int, y: Int)

  /// Lays out the square tract whose edges are `reach` from the centre, then grows it to whole patches (framework D.2).
  init(
    id: Int, center: SpherePoint, reach: Angle, innerRegion: InnerRegion, configuration: SkyMapConfiguration
  ) throws(SkyMapError) {
    let scale = configuration.pixelScale.degrees
    let (s, c) = (sin(configuration.rotation) * scale, cos(configuration.rotation) * scale)
    do {
      let unshifted = try SkyWCS(
        projection: configuration.projection, referencePixel: Point2D(x: 0, y: 0), reference: center,
        cd: AffineTransform(xx: -c, xy: s, yx: s, yy: c))
      let edges = [0.0, 90, 180, 270].map { center.offset(bearing: .degrees($0), distance: reach) }
      let pixels = unshifted.skyToPixel(edges)
      guard pixels.allSatisfy(\.isFinite), let hull = Box2D(around: pixels) else {
        throw SkyMapError.impossibleTract(id: id, reason: "it reaches beyond what \(configuration.projection) can show")
      }
      let minimal = try Box2I(covering: hull)
      guard max(minimal.width, minimal.height) < 1 << 28 else {
        throw SkyMapError.impossibleTract(id: id, reason: "it would be more than 2²⁸ pixels wide")
      }
      let inner = configuration.patches.innerSide
      patchCounts = (
        x: max(1, (minimal.width + inner - 1) / inner), y: max(1, (minimal.height + inner - 1) / inner)
      )
      box = try Box2I(checkingMinX: 0, minY: 0, width: patchCounts.x * inner, height: patchCounts.y * inner)
      let origin = Point2D(
        x: Double(minimal.minX - (box.width - minimal.width) / 2),
        y: Double(minimal.minY - (box.height - minimal.height) / 2))
      wcs = try unshifted.shifted(by: Point2D(x: -origin.x, y: -origin.y))
    } catch let error as SkyMapError {
      throw error
    } catch {
      throw .impossibleTract(id: id, reason: "\(error)")
    }
    self.id = id
    self.center = center
    self.innerRegion = innerRegion
    layout = configuration.patches
  }

  package var patchCount: Int { patchCounts.x * patchCounts.y }

  /// Patches in the order of their sequential index.
  package var patches: [PatchInfo] { (0..<patchCount).map { patchInfo(unchecked: $0) } }

  /// - Throws: ``SkyMapError/noSuchPatch(index:tract:count:)``.
  package func patch(_ index: Int) throws(SkyMapError) -> PatchInfo {
    guard index >= 0, index < patchCount else { throw .noSuchPatch(index: index, tract: id, count: patchCount) }
    return patchInfo(unchecked: index)
  }

  private func patchInfo(unchecked index: Int) -> PatchInfo {
    let (x, y) = (index % patchCounts.x, index / patchCounts.x)
    let side = layout.innerSide
    let inner = Box2I(minX: x * side, minY: y * side, width: side, height: side)
    let grown = inner.grown(by: layout.border)
    return PatchInfo(
      tract: id, index: index, column: x, row: y, innerBox: inner,
      outerBox: layout.clipsToTract ? grown.intersection(box) : grown)
  }

  /// The patch whose inner box holds a position.
  ///
  /// - Throws: ``SkyMapError/outsideTract(raDegrees:decDegrees:tract:)``.
  package func findPatch(_ position: SpherePoint) throws(SkyMapError) -> PatchInfo {
    let pixel = wcs.skyToPixel([position])[0].pixel
    guard let pixel, box.contains(pixel) else {
      throw .outsideTract(raDegrees: position.ra.degrees, decDegrees: position.dec.degrees, tract: id)
    }
    let side = layout.innerSide
    return patchInfo(unchecked: pixel.y / side * patchCounts.x + pixel.x / side)
  }

  /// The patches near some positions: all whose inner box touches the positions' bounding box, grown by the border.
  ///
  /// Quick and generous: a patch may be listed that only nearly overlaps. ``SkyMap/overlaps(with:)`` is exact.
  package func findPatchList(_ positions: [SpherePoint]) -> [PatchInfo] {
    guard let hull = Box2D(around: wcs.skyToPixel(positions)),
      let pixels = try? Box2I(covering: hull.grown(by: Double(layout.border) + 0.5))
    else { return [] }
    let touched = pixels.intersection(box)
    guard !touched.isEmpty else { return [] }
    let side = layout.innerSide
    return (touched.minX / side...touched.maxX / side).flatMap { x in
      (touched.minY / side...touched.maxY / side).map { y in patchInfo(unchecked: y * patchCounts.x + x) }
    }
  }

  /// Whether this tract is the one to use for a position, among those that overlap there.
  package func innerRegionContains(_ position: SpherePoint) -> Bool {
    switch innerRegion {
    case .cell(let raCenter, let raHalfWidth, let decMin, let decMax):
      let dRA = (position.ra - raCenter).wrappedAroundZero.radians
      return dRA >= -raHalfWidth.radians && dRA < raHalfWidth.radians && position.dec >= decMin && position.dec < decMax
    case .cap(let limit, let isNorth): return isNorth ? position.dec >= limit : position.dec < limit
    case .box: return contains(position)
    }
  }

  /// Whether the tract's box holds a position.
  package func contains(_ position: SpherePoint) -> Bool {
    wcs.skyToPixel([position])[0].pixel.map(box.contains) ?? false
  }

  /// The corners of the tract on the sky: of its box shrunk by a thousandth of a pixel, so that they are inside.
  package var vertices: [SpherePoint] { wcs.pixelToSky(Box2D(box).grown(by: -0.001).corners) }
}

/// A patch: a square piece of a tract with a border that it shares with its neighbours.
package struct PatchInfo: Hashable, Sendable {
  package let tract: Int
  /// Sequential index: columns first.
  package let index: Int
  package let column: Int
  package let row: Int
  /// The pixels of this patch alone, in tract coordinates.
  package let innerBox: Box2I
  /// The pixels of the patch's images.
  package let outerBox: Box2I
}
