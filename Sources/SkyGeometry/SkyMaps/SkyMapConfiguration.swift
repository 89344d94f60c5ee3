// SPDX-License-Identifier: GPL-3.0-or-later
// What defines a sky map.

/// How a tract is divided into patches.
package enum PatchLayout: Hashable, Sendable {
  /// Patches of `inner` pixels a side, grown by `border` and clipped to the tract.
  case legacy(inner: Int = 4000, border: Int = 100)
  /// Patches made of square cells; outer boxes are not clipped to the tract.
  ///
  /// A patch's inner side is `cellInner * cellsPerPatch` pixels, its border `cellInner * cellsInBorder`.
  case cells(cellInner: Int = 150, cellBorder: Int = 50, cellsPerPatch: Int = 20, cellsInBorder: Int = 1)

  /// The side of a patch's inner box in pixels.
  package var innerSide: Int {
    switch self {
    case .legacy(let inner, _): inner
    case .cells(let cellInner, _, let cellsPerPatch, _): cellInner * cellsPerPatch
    }
  }

  /// The border of a patch in pixels.
  package var border: Int {
    switch self {
    case .legacy(_, let border): border
    case .cells(let cellInner, _, _, let cellsInBorder): cellInner * cellsInBorder
    }
  }

  var clipsToTract: Bool {
    switch self {
    case .legacy: true
    case .cells: false
    }
  }
}

/// Where the tracts of a sky map are.
package enum TractLayout: Hashable, Sendable {
  /// The whole sky in rings of constant declination.
  case rings(RingsLayout)
  /// Tracts about given positions, number i about the i-th; `radius` from the centre to the middle of an edge.
  case discrete([DiscreteTract])
}

/// A tract of a discrete sky map.
package struct DiscreteTract: Hashable, Sendable {
  package var center: SpherePoint
  package var radius: Angle

  package init(center: SpherePoint, radius: Angle) {
    self.center = center
    self.radius = radius
  }
}

/// What defines a sky map; defaults as the reference system's (framework D.2).
package struct SkyMapConfiguration: Hashable, Sendable {
  package var layout: TractLayout
  package var patches: PatchLayout
  /// How far a tract reaches beyond its inner region.
  package var tractOverlap: Angle
  package var pixelScale: Angle
  /// Three letters of FITS WCS Paper II.
  package var projection: String
  /// Position angle of the tract's y axis.
  package var rotation: Angle

  package init(
    layout: TractLayout, patches: PatchLayout = .legacy(), tractOverlap: Angle = .degrees(1),
    pixelScale: Angle = .arcseconds(0.333), projection: String = "STG", rotation: Angle = .zero
  ) {
    self.layout = layout
    self.patches = patches
    self.tractOverlap = tractOverlap
    self.pixelScale = pixelScale
    self.projection = projection
    self.rotation = rotation
  }

  /// - Throws: ``SkyMapError/invalidConfiguration(field:value:requirement:)`` for the first field that makes no map.
  func validate() throws(SkyMapError) {
    try require(pixelScale.arcseconds, "pixelScale", 1e-4...3600, "0.0001 to 3600 arcseconds")
    try require(tractOverlap.degrees, "tractOverlap", 0...30, "0 to 30 degrees")
    try require(rotation.degrees, "rotation", -360...360, "-360 to 360 degrees")
    switch patches {
    case .legacy(let inner, let border):
      try require(inner, "patchInnerDimensions", 1...100_000)
      try require(border, "patchBorder", 0...50_000)
    case .cells(let inner, let border, let perPatch, let inBorder):
      try require(inner, "cellInnerDimensions", 1...10_000)
      try require(border, "cellBorder", 0...10_000)
      try require(perPatch, "numCellsPerPatchInner", 1...1000)
      try require(inBorder, "numCellsInPatchBorder", 0...100)
    }
    switch layout {
    case .rings(let rings):
      try require(rings.numRings, "numRings", 1...5000)
      try require(rings.raStart.degrees, "raStart", -360...360, "-360 to 360 degrees")
    case .discrete(let tracts):
      try require(tracts.count, "raList", 1...1_000_000)
      for tract in tracts {
        try require(tract.center.ra.degrees, "raList", -360...720, "-360 to 720 degrees")
        try require(tract.center.dec.degrees, "decList", -90...90, "-90 to 90 degrees")
        try require(tract.radius.degrees, "radiusList", 1e-6...60, "0.000001 to 60 degrees")
      }
    }
  }

  private func require<T>(
    _ value: T, _ field: String, _ range: ClosedRange<T>, _ requirement: String? = nil
  ) throws(SkyMapError) {
    guard range.contains(value) else {
      throw .invalidConfiguration(
        field: field, value: "\(value)", requirement: requirement ?? "\(range.lowerBound) to \(range.upperBound)")
    }
  }

  /// The configuration as text, equal exactly for equal maps: what ``SkyMap/digest`` is made of.
  package var canonicalText: String {
    var lines = [
      "skymap 1", "pixelScale \(pixelScale.radians)", "tractOverlap \(tractOverlap.radians)",
      "projection \(projection)",
      "rotation \(rotation.radians)",
    ]
    switch patches {
    case .legacy(let inner, let border): lines.append("legacy \(inner) \(border)")
    case .cells(let inner, let border, let perPatch, let inBorder):
      lines.append("cells \(inner) \(border) \(perPatch) \(inBorder)")
    }
    switch layout {
    case .rings(let r): lines.append("rings \(r.numRings) \(r.raStart.radians) version \(r.numbering.rawValue)")
    case .discrete(let tracts):
      for t in tracts { lines.append("discrete \(t.center.ra.radians) \(t.center.dec.radians) \(t.radius.radians)") }
    }
    return lines.joined(separator: "\n")
  }
}
