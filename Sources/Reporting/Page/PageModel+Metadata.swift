// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of metadata on the page.

internal import OrderedCollections
internal import TaskFramework

extension PageModel {
  var metadata: PageValues {
    // Shared out in the pipeline's order; a task that has no room left shows how many keys it has.
    var left = 300_000
    let tasks: [PageValues] = report.members("metadata").prefix(200).map { task, keys in
      let members = keys.objectMembers
      let numbers = PageRows(members.filter { $0.value["number"] != nil }.elements, bytes: left) { key, value in
        Self.number(key, value["number"] ?? .null)
      }
      left -= PageRows.size(of: numbers.rows)
      let otherKeys = members.filter { $0.value["text"] != nil || $0.value["boolean"] != nil }.elements
      let others = PageRows(otherKeys, bytes: left) { key, value in Self.other(key, value) }
      left -= PageRows.size(of: others.rows)
      return [
        "task": task, "count": Quantity.count(Int64(members.count)), "numbers": numbers.values(noun: "keys"),
        "others": others.values(noun: "keys"),
      ]
    }
    return ["rows": tasks, "isPresent": !tasks.isEmpty]
  }

  private static func number(_ key: String, _ value: JSONValue) -> PageValues {
    func shown(_ name: String) -> String { value[name]?.tableNumber ?? "–" }
    let nan = value.count("nan")
    var row: PageValues = [
      "key": key, "count": Quantity.count(value.count("count")), "nan": nan > 0 ? "+ \(Quantity.count(nan)) NaN" : "",
    ]
    for name in ["mean", "scatter", "min", "q05", "median", "q95", "max"] { row[name] = shown(name) }
    let plot = BoxPlot.values(
      minimum: value.number("min"), q05: value.number("q05"), q25: value.number("q25"), median: value.number("median"),
      q75: value.number("q75"), q95: value.number("q95"), maximum: value.number("max"))
    if let plot { row["plot"] = plot }
    row["hasPlot"] = plot != nil
    return row
  }

  private static func other(_ key: String, _ value: JSONValue) -> PageValues {
    var parts: [String] = []
    if let texts = value["text"] {
      parts = texts.members("values").map { "\($0.key) × \($0.value.tableNumber)" }
      if texts.count("others") > 0 { parts.append("others × \(Quantity.count(texts.count("others")))") }
    }
    if let truths = value["boolean"] {
      let (count, yes) = (truths.count("count"), truths.count("true"))
      parts += ["true × \(Quantity.count(yes))", "false × \(Quantity.count(max(count - yes, 0)))"]
    }
    return ["key": key, "values": parts]
  }
}
