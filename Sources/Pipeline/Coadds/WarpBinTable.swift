// SPDX-License-Identifier: GPL-3.0-or-later
// Bins of warps as a table.

internal import BackgroundMatching
internal import Catalogs
internal import SkyGeometry
internal import TaskFramework

/// The form in which the bins of warps are kept.
enum WarpBinTable {
  /// - Throws: ``Catalogs/CatalogError``.
  static func catalog(_ bins: [WarpBin], _ grid: TractGrid) throws(CatalogError) -> Catalog {
    var schema = Schema()
    let visit = try schema.addField("visit", as: Int64.self, doc: "number of the visit")
    let size = try schema.addField("cell_size", as: Int32.self, unit: "pixel", doc: "side of a cell")
    let x = try schema.addField("cell_x", as: Int32.self, doc: "column of the cell in the tract")
    let y = try schema.addField("cell_y", as: Int32.self, doc: "row of the cell in the tract")
    let count = try schema.addField("count", as: Int64.self, doc: "number of the visit's good pixels")
    let mean = try schema.addField("mean", as: Double.self, unit: "nJy", doc: "their mean")
    let variance = try schema.addField("variance", as: Double.self, unit: "nJy2", doc: "variance of one of them")
    let pivot = try schema.addField("pivot", as: Int64.self, doc: "the visit that differences are from")
    let shared = try schema.addField("difference_count", as: Int64.self, doc: "number of pixels good in both")
    let difference = try schema.addField(
      "difference", as: Double.self, unit: "nJy", doc: "mean of pivot minus visit over them")
    let offsetX = try schema.addField(
      "offset_x", as: Double.self, unit: "pixel", doc: "where they are on average, from the cell's centre")
    let offsetY = try schema.addField(
      "offset_y", as: Double.self, unit: "pixel", doc: "where they are on average, from the cell's centre")
    var catalog = Catalog(schema, rowCount: bins.count)
    for (row, bin) in bins.enumerated() {
      catalog[visit, row] = bin.visit
      catalog[size, row] = Int32(clamping: grid.binSize)
      catalog[x, row] = Int32(clamping: bin.cell.x)
      catalog[y, row] = Int32(clamping: bin.cell.y)
      catalog[count, row] = Int64(bin.count)
      catalog[mean, row] = bin.mean
      catalog[variance, row] = bin.variance
      catalog[pivot, row] = bin.pivot
      catalog[shared, row] = Int64(bin.differenceCount)
      catalog[difference, row] = bin.difference
      catalog[offsetX, row] = bin.offset.x
      catalog[offsetY, row] = bin.offset.y
    }
    return catalog
  }

  /// - Throws: ``Catalogs/CatalogError`` for missing columns.
  static func bins(_ catalog: Catalog) throws(CatalogError) -> (bins: [WarpBin], cellSizes: Set<Int>) {
    let (visit, pivot): ([Int64], [Int64]) = (try catalog.column("visit"), try catalog.column("pivot"))
    let (x, y): ([Int32], [Int32]) = (try catalog.column("cell_x"), try catalog.column("cell_y"))
    let size: [Int32] = try catalog.column("cell_size")
    let (count, shared): ([Int64], [Int64]) = (try catalog.column("count"), try catalog.column("difference_count"))
    let (mean, variance): ([Double], [Double]) = (try catalog.column("mean"), try catalog.column("variance"))
    let difference: [Double] = try catalog.column("difference")
    let (offsetX, offsetY): ([Double], [Double]) = (try catalog.column("offset_x"), try catalog.column("offset_y"))
    let bins = visit.indices.map { row in
      WarpBin(
        visit: visit[row], cell: TractGrid.Cell(x: Int(x[row]), y: Int(y[row])), count: Int(count[row]),
        mean: mean[row],
        variance: variance[row], differenceCount: Int(shared[row]), difference: difference[row], pivot: pivot[row],
        offset: Point2D(x: offsetX[row], y: offsetY[row]))
    }
    return (bins, Set(size.map { Int($0) }))
  }
}
