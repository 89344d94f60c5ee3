// SPDX-License-Identifier: GPL-3.0-or-later
// Lists that fit on a page.

/// What a template's section is rendered with.
typealias PageValues = [String: Any]

/// The rows of a table, as many as there is room for.
struct PageRows {
  private(set) var rows: [PageValues] = []
  private(set) var omittedCount = 0

  /// - Parameters:
  ///   - bytes: what the rows may take on the page. The first that does not fit ends the list.
  ///   - row: the values of a row.
  init<Element>(_ elements: some Collection<Element>, bytes: Int, _ row: (Element) -> PageValues) {
    var left = bytes
    for element in elements {
      let values = row(element)
      left -= Self.size(of: values)
      guard left >= 0 else { break }
      rows.append(values)
    }
    omittedCount = elements.count - rows.count
  }

  /// With the markup around it, about.
  static func size(of value: Any) -> Int {
    switch value {
    case let text as String: HTMLEscaping.size(of: text) + 40
    case let values as PageValues: values.values.reduce(150) { $0 + size(of: $1) }
    case let list as [Any]: list.reduce(0) { $0 + size(of: $1) }
    default: 0
    }
  }

  /// For a template's section: `rows`, whether there are any, and what is `omitted`.
  func values(noun: String) -> PageValues {
    // Every name is there: the template looks for a missing one further out.
    let omitted = "… and \(Quantity.count(Int64(omittedCount))) more \(noun), which report.json has."
    return ["rows": rows, "isPresent": !rows.isEmpty, "isCut": omittedCount > 0, "omitted": omitted]
  }
}
