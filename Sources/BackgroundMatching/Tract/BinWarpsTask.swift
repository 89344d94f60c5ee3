// SPDX-License-Identifier: GPL-3.0-or-later
// The backgrounds of a patch's warps, compared in cells.

package import Imaging
package import SkyGeometry
package import TaskFramework

/// A visit's warp of a patch, read when its turn has come.
package struct WarpToBin {
  package let visit: Int64
  /// Reads a part of the warp; more does no harm.
  package let load: (_ part: Box2I) throws -> MaskedImage

  package init(visit: Int64, load: @escaping (_ part: Box2I) throws -> MaskedImage) {
    self.visit = visit
    self.load = load
  }
}

/// Compares the backgrounds of a patch's warps in cells of its tract: what ``MatchBackgroundsTask`` solves for the whole tract.
///
/// Each cell has a pivot, the visit that covers most of it, and of every visit the mean of pivot − visit is measured, pixel by pixel, so
/// that the sky's sources drop out. Any visit can then be compared with any other without their pixels. The pixels of a patch are
/// those of its inner box, so that no pixel of the tract counts twice.
package final class BinWarpsTask: Task {
  package static let defaultName: String? = "binWarps"
  package let node: TaskNode
  package let config: BinWarpsConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Measures all cells of a patch.
  ///
  /// - Parameters:
  ///   - warps: on the tract's pixels, in any order.
  ///   - part: the pixels that belong to the patch alone.
  ///   - memory: bytes of warps that may be kept between the two looks at them.
  /// - Returns: by visit, in the order of the cells; cells in which a visit has no good pixel are left out.
  /// - Throws: ``Imaging/ImagingError``, and what loading and `checkCancellation` throw.
  package func run(
    _ warps: [WarpToBin], grid: TractGrid, part: Box2I, memory: Int = 1 << 28, checkCancellation: () throws -> Void = {}
  ) throws -> [WarpBin] {
    try timer("run") { () throws in
      // Between equals the first becomes a pivot: which that is must not depend on the caller.
      let warps = warps.sorted { $0.visit < $1.visit }
      let cells = grid.cells(in: part)
      let boxes = cells.map { grid.box(of: $0).intersection(part) }
      var images = WarpCache(warps, part: part, growth: config.growDetections, budget: memory)
      var own: [[WarpBin]] = []
      for (i, warp) in warps.enumerated() {
        try checkCancellation()
        let image = try images.load(i)
        own.append(try zip(cells, boxes).map { cell, box in try measure(image, warp.visit, cell, box) })
      }
      let pivots = choosePivots(own)
      let pivotImage = try compose(pivots, boxes, part, &images)
      var bins: [WarpBin] = []
      for (i, warp) in warps.enumerated() {
        try checkCancellation()
        var difference = pivotImage
        try difference.subtract(try images.load(i).extended(to: part))
        for (k, box) in boxes.enumerated() where own[i][k].count > 0 {
          bins.append(
            pivots[k] == i
              ? own[i][k].asPivot : try compare(own[i][k], difference, box, pivot: warps[pivots[k]].visit, grid))
        }
        try metadata.add("visits", .integer(warp.visit))
      }
      try metadata.set("binCount", bins.count)
      return bins
    }
  }

  private func measure(
    _ image: MaskedImage, _ visit: Int64, _ cell: TractGrid.Cell, _ box: Box2I
  ) throws -> WarpBin {
    var bin = WarpBin(
      visit: visit, cell: cell, count: 0, mean: .nan, variance: .nan, differenceCount: 0, difference: .nan,
      pivot: visit, offset: Point2D(x: 0, y: 0))
    guard image.box.overlaps(box) else { return bin }
    let statistics = try self.statistics(image, box)
    bin.count = statistics.count
    bin.mean = statistics[config.gridStatistic.statistic]
    bin.variance = statistics[.varianceclip]
    return bin
  }

  /// A bin with what its visit differs from the pivot by.
  private func compare(
    _ bin: WarpBin, _ difference: MaskedImage, _ box: Box2I, pivot: Int64, _ grid: TractGrid
  ) throws -> WarpBin {
    var bin = bin
    let statistics = try self.statistics(difference, box)
    bin.differenceCount = statistics.count
    bin.difference = statistics[config.gridStatistic.statistic]
    bin.pivot = pivot
    let bad = difference.mask.planes.bitMask(ofExisting: config.badMaskPlanes + ["NO_DATA"])
    if let centroid = difference.centroid(in: box, without: bad) {
      bin.offset = centroid - grid.box(of: bin.cell).center
    }
    return bin
  }

  private func statistics(_ image: MaskedImage, _ box: Box2I) throws(ImagingError) -> PixelStatistics {
    let control = StatisticsControl(
      numSigmaClip: config.numSigmaClip, numIter: config.numIter,
      andMask: image.mask.planes.bitMask(ofExisting: config.badMaskPlanes + ["NO_DATA"]))
    return try PixelStatistics(of: image.image, mask: image.mask, in: box, control: control)
  }

  /// The visit of each cell that the others are compared with: the patch's, which covers most of it, unless another covers clearly
  /// more of the cell.
  ///
  /// One pivot wherever possible keeps the differences of neighbouring cells comparable.
  private func choosePivots(_ own: [[WarpBin]]) -> [Int] {
    let totals = own.map { $0.reduce(0) { $0 + $1.count } }
    let patchPivot = totals.indices.max { (totals[$0], $1) < (totals[$1], $0) } ?? 0
    guard let cellCount = own.first?.count else { return [] }
    return (0..<cellCount).map { k in
      let best = own.indices.max { (own[$0][k].count, $1) < (own[$1][k].count, $0) } ?? patchPivot
      return Double(own[patchPivot][k].count) >= 0.9 * Double(own[best][k].count) ? patchPivot : best
    }
  }

  /// The image that has in each cell the pixels of the cell's pivot.
  private func compose(
    _ pivots: [Int], _ boxes: [Box2I], _ part: Box2I, _ images: inout WarpCache
  ) throws -> MaskedImage {
    guard let first = pivots.first else { return MaskedImage(box: part) }
    var result = try images.load(first).extended(to: part)
    for pivot in Set(pivots).sorted() where pivot != first {
      let image = try images.load(pivot)
      for (k, box) in boxes.enumerated() where pivots[k] == pivot {
        try result.replace(box, with: image)
      }
    }
    return result
  }
}

extension WarpBin {
  /// The bin of the visit that the others are compared with.
  fileprivate var asPivot: WarpBin {
    var bin = self
    (bin.difference, bin.differenceCount, bin.pivot) = (0, count, visit)
    return bin
  }
}

extension MaskedImage {
  /// The mean position of the pixels of a box that are finite and have none of some bits; `nil` without such pixels.
  fileprivate func centroid(in part: Box2I, without bad: UInt32) -> Point2D? {
    var (sumX, sumY, count) = (0, 0, 0)
    let columns = part.minX - box.minX..<part.endX - box.minX
    for y in part.minY..<part.endY {
      let (pixels, bits) = (image.row(y), mask.bits.row(y))
      var inRow = 0
      for i in columns where bits[i] & bad == 0 && pixels[i].isFinite {
        sumX += i
        inRow += 1
      }
      sumY += inRow * (y - box.minY)
      count += inRow
    }
    guard count > 0 else { return nil }
    return Point2D(
      x: Double(box.minX) + Double(sumX) / Double(count), y: Double(box.minY) + Double(sumY) / Double(count))
  }
}
