// SPDX-License-Identifier: GPL-3.0-or-later
// Footprints in a catalog's file: arrays of runs, peaks and pixels, and where those of each row begin.

internal import Catalogs
internal import HDF5
internal import SkyGeometry

/// Footprints as arrays: those of row i are the elements `first[i]..<first[i + 1]`.
enum FootprintCoding {
  static func write(_ footprints: [Footprint?], to group: HDF5Group) throws {
    var spans = Offsets<Int32>()
    var peaks: [Peak] = []
    var peakFirst: [Int64] = [0]
    var heavy = Offsets<Float>()
    var heavyMask: [Int32] = []
    var heavyVariance: [Float] = []
    var regions: [Int64] = []
    for footprint in footprints {
      for span in footprint?.spans.spans ?? [] { spans.values += [Int32(span.y), Int32(span.x0), Int32(span.x1)] }
      spans.close(elementSize: 3)
      peaks += footprint?.peaks ?? []
      peakFirst.append(Int64(peaks.count))
      heavy.values += footprint?.heavy?.image ?? []
      heavy.close(elementSize: 1)
      heavyMask += (footprint?.heavy?.mask ?? []).map { Int32(bitPattern: $0) }
      heavyVariance += footprint?.heavy?.variance ?? []
      // A row without a footprint has a region of negative width.
      let region = footprint?.region
      regions += [
        Int64(region?.minX ?? 0), Int64(region?.minY ?? 0), Int64(region?.width ?? -1), Int64(region?.height ?? -1),
      ]
    }
    try group.setAttribute(
      "model", "the spans of row i are spans[span_first[i]:span_first[i + 1]], each (y, x0, x1), both ends included")
    try group.write("span_first", spans.first)
    try group.write("spans", spans.values, shape: [spans.values.count / 3, 3])
    try group.write("region", regions, shape: [footprints.count, 4])
    try group.write("peak_first", peakFirst)
    try group.writeTable(
      "peaks",
      [
        HDF5Column("id", peaks.map(\.id)), HDF5Column("f_x", peaks.map(\.position.x)),
        HDF5Column("f_y", peaks.map(\.position.y)), HDF5Column("i_x", peaks.map { Int32($0.pixel.x) }),
        HDF5Column("i_y", peaks.map { Int32($0.pixel.y) }), HDF5Column("peakValue", peaks.map(\.value)),
        HDF5Column("significance", peaks.map(\.significance)),
        HDF5Column("merge_peak_positive", peaks.map(\.isFromPositive)),
        HDF5Column("merge_peak_negative", peaks.map(\.isFromNegative)),
      ], rowCount: peaks.count)
    if !heavy.values.isEmpty {
      try group.write("heavy_first", heavy.first)
      try group.write("heavy_image", heavy.values)
      try group.write("heavy_mask", heavyMask)
      try group.write("heavy_variance", heavyVariance)
    }
  }

  private struct Offsets<Element> {
    var first: [Int64] = [0]
    var values: [Element] = []

    mutating func close(elementSize: Int) { first.append(Int64(values.count / elementSize)) }
  }

  static func read(_ group: HDF5Group, rowCount: Int) throws -> [Footprint?] {
    func invalid(_ object: String, _ reason: String) -> FormatError {
      FormatError(file: group.file, object: "\(group.path)/\(object)", reason: reason)
    }
    /// Where the elements of each row begin and end, checked against how many there are.
    func ranges(_ name: String, count: Int) throws -> [Range<Int>] {
      let dataset = try group.dataset(name)
      try dataset.requireShape([rowCount + 1])
      let first = try dataset.read(Int64.self)
      guard first[0] == 0, first[rowCount] == count, zip(first, first.dropFirst()).allSatisfy({ $0 <= $1 }) else {
        throw invalid(name, "it does not divide \(count) elements among the rows")
      }
      return (0..<rowCount).map { Int(first[$0])..<Int(first[$0 + 1]) }
    }
    let spanData = try group.dataset("spans")
    guard spanData.shape.count == 2, spanData.shape[1] == 3 else {
      throw invalid("spans", "shape \(spanData.shape), expected (count, 3)")
    }
    let spans = try spanData.read(Int32.self).map { Int($0) }
    let regionData = try group.dataset("region")
    try regionData.requireShape([rowCount, 4])
    let regions = try regionData.read(Int64.self).map { Int($0) }
    let peaks = try readPeaks(try group.dataset("peaks"))
    let spanRanges = try ranges("span_first", count: spanData.shape[0])
    let peakRanges = try ranges("peak_first", count: peaks.count)
    var heavy: (image: [Float], mask: [UInt32], variance: [Float], ranges: [Range<Int>])?
    if group.contains("heavy_image") {
      let image = try group.dataset("heavy_image").read(Float.self)
      let mask = try group.dataset("heavy_mask")
      let variance = try group.dataset("heavy_variance")
      try mask.requireShape([image.count])
      try variance.requireShape([image.count])
      heavy = (
        image, try mask.read(Int32.self).map { UInt32(bitPattern: $0) }, try variance.read(Float.self),
        try ranges("heavy_first", count: image.count)
      )
    }
    return try (0..<rowCount).map { row in
      let region = regions[4 * row..<4 * row + 4].map { $0 }
      guard region[2] >= 0 else { return nil }
      let set = try SpanSet(checking: spanRanges[row].map { (spans[3 * $0], spans[3 * $0 + 1], spans[3 * $0 + 2]) })
      let box = try Box2I(checkingMinX: region[0], minY: region[1], width: region[2], height: region[3])
      let ownPeaks = Array(peaks[peakRanges[row]])
      guard let heavy, !heavy.ranges[row].isEmpty else { return Footprint(set, peaks: ownPeaks, region: box) }
      let range = heavy.ranges[row]
      return try Footprint(
        set, peaks: ownPeaks, region: box,
        heavy: HeavyPixels(
          image: Array(heavy.image[range]), mask: Array(heavy.mask[range]), variance: Array(heavy.variance[range])))
    }
  }

  private static func readPeaks(_ dataset: HDF5Dataset) throws -> [Peak] {
    let (columns, count) = try dataset.readTable()
    func numbers<Number: HDF5Number>(_ name: String, _: Number.Type) throws -> [Number] {
      guard let values = columns.first(where: { $0.name == name })?.numbers(Number.self) else {
        throw FormatError(file: dataset.file, object: dataset.path, reason: "it has no column \(name) of numbers")
      }
      return values
    }
    func flags(_ name: String) throws -> [Bool] {
      guard let values = columns.first(where: { $0.name == name })?.booleans else {
        throw FormatError(file: dataset.file, object: dataset.path, reason: "it has no column \(name) of booleans")
      }
      return values
    }
    let (ids, x, y) = (try numbers("id", Int64.self), try numbers("f_x", Double.self), try numbers("f_y", Double.self))
    let (column, row) = (try numbers("i_x", Int32.self), try numbers("i_y", Int32.self))
    let (value, significance) = (try numbers("peakValue", Float.self), try numbers("significance", Double.self))
    let (positive, negative) = (try flags("merge_peak_positive"), try flags("merge_peak_negative"))
    return (0..<count).map {
      Peak(
        id: ids[$0], position: Point2D(x: x[$0], y: y[$0]), pixel: Point2I(x: Int(column[$0]), y: Int(row[$0])),
        value: value[$0], significance: significance[$0], isFromPositive: positive[$0], isFromNegative: negative[$0])
    }
  }
}
