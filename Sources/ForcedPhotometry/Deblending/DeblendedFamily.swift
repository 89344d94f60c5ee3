// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of a family.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The children of a family with their pixels.
struct DeblendedFamily {
  struct Child {
    /// Its share of the pixels.
    var footprint: Footprint?
    var model: Footprint?
    var pointSource: (position: Point2D, flux: Double)?
    var isRamped = false
    var isZero = false
    var hasNoPixels = false
  }

  private(set) var children: [Child]
  /// Why it was not deblended.
  let reason: FamilyLimits.Reason?

  /// Shares the pixels out by templates.
  ///
  /// - Returns: `nil` where no child has a template.
  init?(_ family: Family, _ templates: FamilyTemplates, on image: MaskedImage) {
    reason = nil
    let models = zip(templates.sources, family.peaks).map { source, peak in
      source.template.footprint(peak: peak, on: templates.pixels, of: image)
    }
    guard models.contains(where: { $0 != nil }) else { return nil }
    let shares = redistribute(image, among: models)
    children = templates.sources.indices.map { i in
      let source = templates.sources[i]
      return Child(
        footprint: shares[i], model: models[i], pointSource: source.pointSource, isRamped: source.isRamped,
        isZero: source.isZero)
    }
    completeFootprints(of: family, image)
  }

  /// Gives each pixel to the nearest peak.
  init(skipping family: Family, because reason: FamilyLimits.Reason, on image: MaskedImage) {
    self.reason = reason
    children = sharesOfNearestPeaks(family.spans, peaks: family.peaks, of: image).map { Child(footprint: $0) }
    completeFootprints(of: family, image)
  }

  /// A child without a share has a footprint all the same.
  private mutating func completeFootprints(of family: Family, _ image: MaskedImage) {
    for i in children.indices where children[i].footprint == nil {
      children[i].footprint = nearestPixel(family.spans, peak: family.peaks[i], of: image)
      children[i].hasNoPixels = true
    }
  }

  func write(to catalog: inout Catalog, of family: Family, _ columns: DeblendColumns) {
    for row in [family.parent] + family.children {
      catalog[columns.isSkipped, row] = reason != nil
      catalog[columns.hasTooManyPeaks, row] = reason == .tooManyPeaks
      catalog[columns.isTooBig, row] = reason == .tooBig
      catalog[columns.isMasked, row] = reason == .masked
      catalog[columns.isFailed, row] = reason == .failed
    }
    for (row, child) in zip(family.children, children) {
      catalog[columns.isPointSource, row] = child.pointSource != nil
      catalog[columns.center, row] = child.pointSource?.position ?? Point2D(x: .nan, y: .nan)
      catalog[columns.instFlux, row] = child.pointSource?.flux ?? .nan
      catalog[columns.isRamped, row] = child.isRamped
      catalog[columns.isZero, row] = child.isZero
      catalog[columns.hasNoPixels, row] = child.hasNoPixels
      catalog.setFootprint(child.footprint, row: row)
    }
  }
}
