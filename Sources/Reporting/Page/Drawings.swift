// SPDX-License-Identifier: GPL-3.0-or-later
// The small drawings of a page, in units of a hundredth of their width.

/// A bar of parts beside one another.
enum StackedBar {
  /// The least width of a part that is there: one failure in a thousand shows.
  private static let least = 1.5

  /// - Parameter parts: the style's class and the size of each.
  static func segments(_ parts: [(style: String, size: Double)]) -> [PageValues] {
    let present = parts.filter { $0.size > 0 && $0.size.isFinite }
    let total = present.reduce(0) { $0 + $1.size }
    let widths = present.map { max($0.size / total * 100, least) }
    let all = widths.reduce(0, +)
    var x = 0.0
    return zip(present, widths).map { part, width in
      let scaled = width / all * 100
      defer { x += scaled }
      return ["style": part.style, "x": Quantity.coordinate(x), "width": Quantity.coordinate(scaled)]
    }
  }
}

/// A bar as long as its value.
enum LengthBar {
  static func width(_ value: Double, of largest: Double) -> String {
    Quantity.coordinate(largest > 0 ? min(max(value / largest, 0), 1) * 100 : 0)
  }
}

/// Quantiles on the way from the smallest to the largest value.
enum BoxPlot {
  /// - Returns: `nil` when the values do not differ or are not finite, and when the quantiles are too coarse to tell them apart.
  static func values(
    minimum: Double, q05: Double, q25: Double, median: Double, q75: Double, q95: Double, maximum: Double
  ) -> PageValues? {
    let span = maximum - minimum
    guard span > 0, span.isFinite, q05 < q95 else { return nil }
    func place(_ value: Double) -> Double { 2 + min(max((value - minimum) / span, 0), 1) * 96 }
    return [
      "low": Quantity.coordinate(place(q05)), "high": Quantity.coordinate(place(q95)),
      "box": Quantity.coordinate(place(q25)), "median": Quantity.coordinate(place(median)),
      "boxWidth": Quantity.coordinate(max(place(q75) - place(q25), 0.5)),
    ]
  }
}
