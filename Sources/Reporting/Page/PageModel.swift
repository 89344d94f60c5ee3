// SPDX-License-Identifier: GPL-3.0-or-later
// What a page shows, in its order.

internal import OrderedCollections
internal import TaskFramework

/// The values that the page's template is rendered with.
struct PageModel {
  let report: JSONValue
  var timing: JSONValue { report["timing"] ?? .null }

  var values: PageValues {
    let totals = report["totals"] ?? .null
    let failed = totals.count("failed")
    let isComplete = report.string("status") == "complete"
    let warnings = PageRows(report.list("warnings"), bytes: 40_000) { ["text": $0.plainText] }
    return [
      "style": pageStyle,
      "run": report.string("run"),
      "status": report.string("status") + (failed > 0 ? ", \(Quantity.count(failed)) failed" : ""),
      "statusStyle": !isComplete ? "interrupted" : failed > 0 ? "failed" : "successful",
      "figures": figures(totals),
      "warnings": warnings.values(noun: "warnings"),
      "quanta": quanta(totals),
      "failures": failures,
      "caveats": caveats,
      "time": time,
      "metadata": metadata,
      "datasets": datasets,
      "configuration": configuration,
      "software": software,
      "formatVersion": report.string("formatVersion"),
    ]
  }

  /// The numbers at the top.
  private func figures(_ totals: JSONValue) -> [PageValues] {
    let datasets = report.list("datasets")
    let bytes = datasets.reduce(Int64(0)) { $0.saturatingSum($1.count("bytes")) }
    let written = datasets.reduce(Int64(0)) { $0.saturatingSum($1.count("count")) }
    let ranks = timing.list("ranks")
    let busy = ranks.reduce(0) { $0 + ($1["busySeconds"]?.double ?? 0) }
    let memory = ranks.map { $0.count("maxResidentSetSize") }.max() ?? 0
    let sessions = timing.list("sessions").count
    func figure(_ name: String, _ value: String, _ note: String) -> PageValues {
      ["name": name, "value": value, "note": note]
    }
    return [
      figure(
        "Successful quanta", Quantity.count(totals.count("successful")),
        "of \(Quantity.count(totals.count("expected"))) expected"),
      figure(
        "Failed", Quantity.count(totals.count("failed")),
        "\(Quantity.count(totals.count("blocked"))) blocked, \(Quantity.count(totals.count("unknown"))) unknown"),
      figure(
        "Wall time", Quantity.duration(timing.number("seconds")),
        "in \(sessions) \(sessions == 1 ? "session" : "sessions")"),
      figure("Compute time", Quantity.duration(busy), "on \(ranks.count) \(ranks.count == 1 ? "rank" : "ranks")"),
      figure("Written", Quantity.bytes(bytes), "in \(Quantity.count(written)) datasets"),
      figure("Largest memory", memory > 0 ? Quantity.bytes(memory) : "–", "of a rank"),
    ]
  }

  private var datasets: PageValues {
    PageRows(report.list("datasets"), bytes: 40_000) { type in
      let (count, bytes) = (type.count("count"), type.count("bytes"))
      return [
        "type": type.string("datasetType"), "count": Quantity.count(count), "bytes": Quantity.bytes(bytes),
        "mean": count > 0 ? Quantity.bytes(bytes / count) : "–",
      ]
    }.values(noun: "types")
  }

  private var configuration: PageValues {
    PageRows(report.members("configuration").elements, bytes: 150_000) { task, yaml in
      ["task": task, "yaml": yaml.plainText]
    }.values(noun: "configurations")
  }

  private var software: PageValues {
    PageRows(report.list("software"), bytes: 20_000) { part in
      ["name": part.string("name"), "version": part.string("version")]
    }.values(noun: "parts")
  }
}

extension Int64 {
  /// The sum of two that are not negative, or the largest number.
  func saturatingSum(_ other: Int64) -> Int64 {
    let (sum, isTooLarge) = addingReportingOverflow(other)
    return isTooLarge ? .max : sum
  }
}
