// SPDX-License-Identifier: GPL-3.0-or-later
// Outcomes, failures and caveats on the page.

internal import OrderedCollections
internal import TaskFramework

extension PageModel {
  /// What the letters of a caveat's code mean.
  private static let meanings: [(letter: Character, meaning: String)] = [
    ("*", "no output was written"),
    ("+", "some outputs were not written"),
    ("A", "no work was left once the missing inputs were known"),
    ("D", "the data cannot be processed"),
    ("U", "no work, because something upstream failed"),
    ("P", "an error after part of the outputs was written"),
    ("N", "there was no work to do"),
    ("?", "a caveat without a letter"),
  ]

  /// How many failures stand in the open list; the others are folded away, so that what follows is not far.
  private static let openFailures = 12

  // MARK: - The table

  func quanta(_ totals: JSONValue) -> PageValues {
    let rows = PageRows(report.list("tasks"), bytes: 100_000) { Self.row($0, name: $0.string("task")) }
    let codes = totals.members("caveats").keys.joined()
    let legend: [PageValues] = Self.meanings.filter { codes.contains($0.letter) }.map {
      ["letter": String($0.letter), "meaning": $0.meaning]
    }
    var values = rows.values(noun: "tasks")
    values["totals"] = Self.row(totals, name: "All")
    values["legend"] = legend
    values["hasLegend"] = !legend.isEmpty
    return values
  }

  private static func row(_ counts: JSONValue, name: String) -> PageValues {
    let successful = counts.count("successful")
    let withCaveats = min(counts.count("withCaveats"), successful)
    let (failed, blocked, unknown) = (counts.count("failed"), counts.count("blocked"), counts.count("unknown"))
    let total = [failed, blocked, unknown].reduce(successful) { $0.saturatingSum($1) }
    let codes = counts.members("caveats").map { "\($0.key): \($0.value.tableNumber)" }.joined(separator: ", ")
    func shown(_ value: Int64) -> PageValues { ["text": Quantity.count(value), "isZero": value == 0] }
    return [
      "task": name, "unknown": shown(unknown), "successful": shown(successful), "blocked": shown(blocked),
      "failed": shown(failed), "caveats": shown(withCaveats), "codes": codes, "hasCodes": !codes.isEmpty,
      "total": Quantity.count(total), "expected": Quantity.count(counts.count("expected")),
      "bar": StackedBar.segments([
        ("successful", Double(successful - withCaveats)), ("caveat", Double(withCaveats)), ("failed", Double(failed)),
        ("blocked", Double(blocked)), ("unknown", Double(unknown)),
      ]),
      "barText":
        "\(successful) successful, \(withCaveats) of them with caveats, \(failed) failed, \(blocked) blocked, \(unknown) unknown",
    ]
  }

  // MARK: - Lists

  var failures: PageValues {
    let list = report.list("failures")
    let full = PageRows(list, bytes: 800_000) { failure in
      let inputs = failure.list("inputs").map(\.plainText)
      let lines = failure.list("logTail").map(\.plainText)
      return [
        "task": failure.string("task"), "dataID": (failure["dataID"] ?? .null).dataIDText,
        "category": failure.string("category"), "message": failure.string("message"),
        "inputs": inputs, "hasInputs": !inputs.isEmpty, "log": lines.joined(separator: "\n"), "hasLog": !lines.isEmpty,
      ]
    }
    let short = PageRows(list.dropFirst(full.rows.count), bytes: 200_000) { failure in
      [
        "task": failure.string("task").clipped(toBytes: 100), "dataID": (failure["dataID"] ?? .null).dataIDText,
        "category": failure.string("category").clipped(toBytes: 100),
        "message": failure.string("message").clipped(toBytes: 100),
      ]
    }
    let exceptions = PageRows(report.list("exceptions"), bytes: 100_000) { exception in
      let example = exception["example"] ?? .null
      return [
        "task": exception.string("task"), "category": exception.string("category"),
        "count": Quantity.count(exception.count("count")), "message": example.string("message").clipped(toBytes: 300),
        "dataID": (example["dataID"] ?? .null).dataIDText,
      ]
    }
    let unlisted = max(report.count("failureCount") - Int64(list.count), 0)
    var values: PageValues = [
      "isPresent": !list.isEmpty, "exceptions": exceptions.values(noun: "kinds"),
      "first": Array(full.rows.prefix(Self.openFailures)), "rest": Array(full.rows.dropFirst(Self.openFailures)),
      "hasRest": full.rows.count > Self.openFailures,
      "restCount": Quantity.count(Int64(full.rows.count - Self.openFailures)),
      "short": short.values(noun: "failures"), "count": Quantity.count(report.count("failureCount")),
    ]
    values["hasUnlisted"] = unlisted > 0
    values["unlisted"] = Quantity.count(unlisted)
    return values
  }

  var caveats: PageValues {
    let list = report.list("caveats")
    let total = (report["totals"] ?? .null).count("withCaveats")
    var values = PageRows(list, bytes: 120_000) { quantum in
      [
        "task": quantum.string("task"), "dataID": (quantum["dataID"] ?? .null).dataIDText,
        "code": quantum.string("code"),
      ]
    }.values(noun: "quanta")
    values["count"] = Quantity.count(max(total, Int64(list.count)))
    return values
  }
}
