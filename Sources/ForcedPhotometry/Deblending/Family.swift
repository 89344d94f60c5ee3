// SPDX-License-Identifier: GPL-3.0-or-later
// A source with several peaks, and whether it is deblended.

internal import Catalogs
internal import Imaging
internal import SkyGeometry
internal import TaskFramework

/// Why families cannot be deblended at all.
package enum CoaddDeblendError: CategorizedError, Hashable, CustomStringConvertible {
  /// A child whose parent is not in the catalog (category RuntimeError).
  case missingParent(id: Int64, parent: Int64)

  package var category: String { "RuntimeError" }

  package var description: String {
    switch self {
    case .missingParent(let id, let parent): "source \(id) is a child of \(parent), which is not in the catalog"
    }
  }
}

/// A source with several peaks.
struct Family {
  let parent: Int
  /// Rows, in order.
  private(set) var children: [Int] = []
  /// Those of the children.
  private(set) var peaks: [Peak] = []
  let spans: SpanSet

  /// The families of a catalog that have children, in the order of their parents.
  ///
  /// - Throws: ``CoaddDeblendError``.
  static func all(of catalog: Catalog, _ columns: FamilyColumns) throws(CoaddDeblendError) -> [Family] {
    var families: [Family] = []
    var numbers: [Int64: Int] = [:]
    for row in 0..<catalog.rowCount where catalog[columns.parent, row] == 0 {
      numbers[catalog[columns.id, row]] = families.count
      families.append(Family(parent: row, spans: catalog.footprint(row: row)?.spans ?? .empty))
    }
    for row in 0..<catalog.rowCount where catalog[columns.parent, row] != 0 {
      guard let number = numbers[catalog[columns.parent, row]] else {
        throw .missingParent(id: catalog[columns.id, row], parent: catalog[columns.parent, row])
      }
      families[number].children.append(row)
      families[number].peaks.append(peak(ofChild: row, catalog, columns))
    }
    return families.filter { !$0.children.isEmpty }
  }

  /// The peak of its footprint, or what the columns say of it.
  private static func peak(ofChild row: Int, _ catalog: Catalog, _ columns: FamilyColumns) -> Peak {
    let pixel = Point2I(x: Int(catalog[columns.peakX, row]), y: Int(catalog[columns.peakY, row]))
    guard var peak = catalog.footprint(row: row)?.peaks.first else {
      return Peak(id: Int64(catalog[columns.peakID, row]), position: Point2D(pixel), pixel: pixel, value: .nan)
    }
    // Where no image can be there is none; sums of coordinates stay in range.
    let limits = Box2I.dataLimits
    peak.pixel.x = min(max(peak.pixel.x, limits.lowerBound), limits.upperBound)
    peak.pixel.y = min(max(peak.pixel.y, limits.lowerBound), limits.upperBound)
    return peak
  }
}

/// Which families are not deblended (detection-measurement A.7.2).
struct FamilyLimits {
  /// Why a family is not deblended.
  enum Reason {
    case tooManyPeaks, tooBig, masked, failed
  }

  private let config: CoaddDeblendConfig

  init(_ config: CoaddDeblendConfig) { self.config = config }

  func reason(toSkip family: Family, on image: MaskedImage) -> Reason? {
    if config.maxNumberOfPeaks > 0, family.peaks.count > config.maxNumberOfPeaks { return .tooManyPeaks }
    if isTooBig(family.spans) { return .tooBig }
    return isMasked(family.spans, image) ? .masked : nil
  }

  private func isTooBig(_ spans: SpanSet) -> Bool {
    if config.maxFootprintArea > 0, spans.area > config.maxFootprintArea { return true }
    if config.maxFootprintSize > 0, max(spans.box.width, spans.box.height) > config.maxFootprintSize { return true }
    guard config.minFootprintAxisRatio > 0 else { return false }
    // The eigenvalues of the second moments are the squares of the axes.
    let moments = spans.moments
    let (mean, half) = ((moments.x + moments.y) / 2, (moments.x - moments.y) / 2)
    let root = (half * half + moments.z * moments.z).squareRoot()
    return mean + root > 0
      && max(0, mean - root) < config.minFootprintAxisRatio * config.minFootprintAxisRatio * (mean + root)
  }

  private func isMasked(_ spans: SpanSet, _ image: MaskedImage) -> Bool {
    guard !spans.isEmpty else { return false }
    let inImage = spans.clipped(to: image.box)
    for (plane, limit) in config.maskLimits.sorted(by: { $0.key < $1.key }) {
      let pattern = image.mask.planes.bitMask(ofExisting: [plane])
      let isNoData = plane == "NO_DATA"
      var count = isNoData ? spans.area - inImage.area : 0
      for span in inImage.spans {
        let (row, bits) = (image.image.row(span.y), image.mask.bits.row(span.y))
        for x in span.x0 - image.box.minX...span.x1 - image.box.minX
        where bits[x] & pattern != 0 || (isNoData && !row[x].isFinite) { count += 1 }
      }
      if Double(count) > limit * Double(spans.area) { return true }
    }
    return false
  }
}
