// SPDX-License-Identifier: GPL-3.0-or-later
// The sources of a coadd, each with its own light.

package import Catalogs
package import Imaging
internal import Measurement
internal import SkyGeometry
package import TaskFramework

/// Separates the sources of each family on the coadd of one band (detection-measurement A.7).
///
/// Each child gets a template, and of each pixel of the family the part that its template has of all templates there. Rows, their order and all columns but those of
/// ``addFields(to:)`` stay as they are, whatever the band shows: bands share their rows.
package final class DeblendCoaddSourcesTask: Task {
  package static let defaultName: String? = "deblend"
  package let node: TaskNode
  package let config: CoaddDeblendConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Adds the columns that tell how each source was deblended.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package func addFields(to schema: inout Schema) throws(CatalogError) { _ = try DeblendColumns(addingTo: &schema) }

  /// Deblends all families of a catalog.
  ///
  /// **In.** A parent, a row whose `parent` is 0, has its footprint; a child has one with its peak, whose spans do not count.
  ///
  /// **Out.** Every child has a heavy footprint with its peak: its share of the pixels that are its parent's and have data. A child of a family that is skipped has the pixels nearest to its peak;
  /// one without a share of any has the one nearest pixel, as it is, with or without data. All other rows keep their footprints.
  ///
  /// **Metadata.** `nFamilies`, `nSkippedFamilies`, `nChildren`, `nPointSources`, `nZeroTemplates`.
  ///
  /// - Parameters:
  ///   - catalog: with ``FamilyColumns`` and the columns of ``addFields(to:)``.
  ///   - exposure: background subtracted; without a PSF, or where it has none, templates are symmetric ones.
  /// - Returns: by row, a child's template as a heavy footprint; `nil` for other rows and for children that have none.
  /// - Throws: ``CoaddDeblendError``; ``Catalogs/CatalogError`` for a schema without the columns.
  package func run(_ catalog: inout Catalog, on exposure: Exposure) throws -> [Footprint?] {
    try timer("run") { () throws in
      let columns = try DeblendColumns(catalog.schema)
      let families = try Family.all(of: catalog, try FamilyColumns(catalog.schema))
      let noise = ImageNoise(exposure.maskedImage, leavingOut: config.maskPlanes)
      var models = [Footprint?](repeating: nil, count: catalog.rowCount)
      var counts = Counts()
      for family in families {
        let result = deblended(family, on: exposure, noise)
        counts.add(result)
        result.write(to: &catalog, of: family, columns)
        for (row, child) in zip(family.children, result.children) { models[row] = child.model }
      }
      try metadata.set("nFamilies", families.count)
      try metadata.set("nSkippedFamilies", counts.skipped)
      try metadata.set("nChildren", counts.children)
      try metadata.set("nPointSources", counts.pointSources)
      try metadata.set("nZeroTemplates", counts.zeroTemplates)
      return models
    }
  }

  private struct Counts {
    var (skipped, children, pointSources, zeroTemplates) = (0, 0, 0, 0)

    mutating func add(_ family: DeblendedFamily) {
      skipped += family.reason == nil ? 0 : 1
      children += family.children.count
      pointSources += family.children.count { $0.pointSource != nil }
      zeroTemplates += family.children.count { $0.isZero }
    }
  }

  private func deblended(_ family: Family, on exposure: Exposure, _ noise: ImageNoise) -> DeblendedFamily {
    if let reason = FamilyLimits(config).reason(toSkip: family, on: exposure.maskedImage) {
      return DeblendedFamily(skipping: family, because: reason, on: exposure.maskedImage)
    }
    guard
      let templates = FamilyTemplates(
        family.spans, peaks: family.peaks, on: exposure, config, noise: { noise.deviation }),
      let result = DeblendedFamily(family, templates, on: exposure.maskedImage)
    else { return DeblendedFamily(skipping: family, because: .failed, on: exposure.maskedImage) }
    return result
  }
}

/// The noise of an image, if it is asked for.
private final class ImageNoise {
  private let image: MaskedImage
  private let maskPlanes: [String]

  init(_ image: MaskedImage, leavingOut maskPlanes: [String]) {
    self.image = image
    self.maskPlanes = maskPlanes
  }

  /// Root of the median variance of the pixels without the planes; 0 where there are none.
  lazy var deviation: Double = {
    let control = StatisticsControl(andMask: image.mask.planes.bitMask(ofExisting: maskPlanes))
    let statistics = try? PixelStatistics(of: image.variance, mask: image.mask, control: control, .quartiles)
    return statistics.map { $0.median > 0 ? $0.median.squareRoot() : 0 } ?? 0
  }()
}
