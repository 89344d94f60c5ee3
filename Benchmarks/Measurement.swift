// SPDX-License-Identifier: GPL-3.0-or-later
// Timing a piece of work.

import Foundation

/// What one piece of work takes.
struct Measurement: Codable {
  var name: String
  /// Side of the image in pixels; `nil` for the machine's limits.
  var side: Int?
  /// Median, smallest and largest wall-clock seconds of a run.
  var seconds: Double
  var fastest: Double
  var slowest: Double
  var runs: Int
  var rate: Double?
  /// Of `rate`, or of nothing: `GFLOP/s`, `GB/s`, `ns/px`.
  var unit: String?
  /// `rate` as a part of what the machine can do.
  var partOfLimit: Double?
  /// Largest resident memory while it ran, the program's own included.
  var peakMemoryMiB: Double
  /// The largest memory above what there was before the inputs were made, as a multiple of the inputs' bytes.
  var memoryOfInputs: Double?
  /// `seconds` in times of numpy's float64 transform of 2048², measured in the same run: to carry a figure to another machine.
  var calibrated: Double?
  var peers: [Peer] = []

  /// Another program on the same image in the same run.
  struct Peer: Codable {
    var name: String
    var seconds: Double
    /// Its seconds divided by ours: how many times faster we are.
    var ratio: Double
  }
}

extension Measurement {
  /// - Parameter before: what was resident before the inputs were made, MiB.
  mutating func setMemory(before: Double, inputBytes: Int) {
    memoryOfInputs = (peakMemoryMiB - before) * 1_048_576 / Double(inputBytes)
  }
}

/// Runs a piece of work a few times after a warm-up.
func measure(_ name: String, side: Int? = nil, runs: Int = 5, _ work: () throws -> Void) rethrows -> Measurement {
  resetPeakMemory()
  try work()
  var seconds: [Double] = []
  for _ in 0..<runs {
    let clock = ContinuousClock()
    let start = clock.now
    try work()
    let elapsed = (clock.now - start).components
    seconds.append(Double(elapsed.seconds) + 1e-18 * Double(elapsed.attoseconds))
  }
  seconds.sort()
  return Measurement(
    name: name, side: side, seconds: seconds[runs / 2], fastest: seconds[0], slowest: seconds[runs - 1], runs: runs,
    peakMemoryMiB: peakMemory())
}

/// Linux forgets a process's largest resident size when 5 is written here; elsewhere the figure is that of the whole run.
private func resetPeakMemory() {
  try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
}

private func peakMemory() -> Double { memory("VmHWM:") }

/// What of the program is in memory now, MiB.
func residentMemory() -> Double { memory("VmRSS:") }

private func memory(_ field: String) -> Double {
  let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix(field) }
  let kibibytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).compactMap { Double($0) }.first
  return (kibibytes ?? .nan) / 1024
}

/// Keeps the optimiser from dropping a result that nothing else reads.
@inline(never) func keep<T>(_ value: T) {}
