// SPDX-License-Identifier: GPL-3.0-or-later
// Time and memory on the page.

internal import TaskFramework

extension PageModel {
  /// Of more ranks, the least and the most busy ones are shown.
  private static let mostRanks = 200

  var time: PageValues {
    var values: PageValues = [
      "tasks": taskTimes, "ranks": ranks, "slowest": slowest, "sessions": sessions, "lost": lost,
    ]
    values["isPresent"] = !timing.list("tasks").isEmpty || !timing.list("sessions").isEmpty
    return values
  }

  private var taskTimes: PageValues {
    let tasks = timing.list("tasks")
    let largest = tasks.map { $0.number("seconds") }.filter(\.isFinite).max() ?? 0
    return PageRows(tasks, bytes: 60_000) { task in
      let seconds = task.number("seconds")
      return [
        "task": task.string("task"), "count": Quantity.count(task.count("count")),
        "seconds": Quantity.duration(seconds), "width": LengthBar.width(seconds, of: largest),
        "mean": Quantity.duration(task.number("mean")), "median": Quantity.duration(task.number("median")),
        "p95": Quantity.duration(task.number("p95")), "max": Quantity.duration(task.number("max")),
        "cpu": seconds > 0 ? Quantity.percent(task.number("cpuSeconds") / seconds) : "–",
        "memory": Quantity.bytes(task.count("maxResidentSetSize")),
      ]
    }.values(noun: "tasks")
  }

  private var ranks: PageValues {
    let all = timing.list("ranks")
    let busy = all.map { $0.number("busySeconds") }.map { $0.isFinite ? $0 : 0 }
    let largest = busy.max() ?? 0
    let order = all.indices.sorted { (busy[$0], $0) < (busy[$1], $1) }
    let half = Self.mostRanks / 2
    let shown = all.count > Self.mostRanks ? (order.prefix(half) + order.suffix(half)).sorted() : Array(all.indices)
    var values = PageRows(shown, bytes: 120_000) { index in
      let rank = all[index]
      let tasks = rank.members("tasks").map { "\($0.key) \($0.value.tableNumber)" }
      return [
        "rank": rank.string("rank"), "host": rank.string("host"), "units": Quantity.count(rank.count("units")),
        "quanta": Quantity.count(rank.count("quanta")), "tasks": tasks.joined(separator: ", ").clipped(toBytes: 400),
        "busy": Quantity.duration(rank.number("busySeconds")),
        "width": LengthBar.width(rank.number("busySeconds"), of: largest),
        "memory": Quantity.bytes(rank.count("maxResidentSetSize")),
      ]
    }.values(noun: "ranks")
    values["hasNote"] = all.count > shown.count
    values["note"] = "The \(half) least and the \(half) most busy of \(Quantity.count(Int64(all.count))) ranks."
    return values
  }

  private var slowest: PageValues {
    PageRows(timing.list("slowest"), bytes: 20_000) { quantum in
      [
        "task": quantum.string("task"), "dataID": (quantum["dataID"] ?? .null).dataIDText,
        "seconds": Quantity.duration(quantum.number("seconds")), "cpu": Quantity.duration(quantum.number("cpuSeconds")),
        "rank": quantum.string("rank"), "host": quantum.string("host"),
      ]
    }.values(noun: "quanta")
  }

  private var sessions: PageValues {
    PageRows(timing.list("sessions"), bytes: 40_000) { session in
      let hosts = session.list("hosts").map(\.plainText)
      return [
        "session": session.string("session"), "start": session.string("start"),
        "end": session["end"] == nil ? "–" : session.string("end"),
        "seconds": Quantity.duration(session.number("seconds")), "ranks": session.string("rankCount"),
        "hosts": hosts.joined(separator: ", ").clipped(toBytes: 400), "endedBy": session.string("endedBy"),
      ]
    }.values(noun: "sessions")
  }

  private var lost: PageValues {
    let list = timing.list("lost")
    var values = PageRows(list, bytes: 40_000) { attempt in
      [
        "unit": attempt.string("unit"), "attempt": attempt.string("attempt"), "session": attempt.string("session"),
        "rank": attempt.string("rank"), "host": attempt.string("host"), "outcome": attempt.string("outcome"),
      ]
    }.values(noun: "attempts")
    values["count"] = Quantity.count(max(timing.count("lostCount"), Int64(list.count)))
    return values
  }
}
