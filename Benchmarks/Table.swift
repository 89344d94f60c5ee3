// SPDX-License-Identifier: GPL-3.0-or-later
// Results for people.

import Foundation

/// The results as lines of text.
func table(_ measurements: [Measurement]) -> String {
  let header = [
    "operation", "side", "seconds", "min – max", "cal", "rate", "of limit", "MiB", "of inputs",
    "peers: seconds (× ours)",
  ]
  let rows = measurements.map { m -> [String] in
    [
      m.name, m.side.map { "\($0)" } ?? "", format(m.seconds, 4), "\(format(m.fastest, 4)) – \(format(m.slowest, 4))",
      m.calibrated.map { format($0, 1) } ?? "",
      m.rate.map { "\(format($0, 1)) \(m.unit ?? "")" } ?? "", m.partOfLimit.map { "\(format(100 * $0, 0)) %" } ?? "",
      format(m.peakMemoryMiB, 0), m.memoryOfInputs.map { "× \(format($0, 2))" } ?? "",
      m.peers.map { "\($0.name) \(format($0.seconds, 3)) (\(format($0.ratio, 2)))" }.joined(separator: ", "),
    ]
  }
  let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
  return ([header] + rows).map { row in
    zip(row, widths).map { text, width in text + String(repeating: " ", count: width - text.count) }
      .joined(separator: "  ").trimmingSuffix()
  }.joined(separator: "\n")
}

private func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

extension String {
  fileprivate func trimmingSuffix() -> String { String(reversed().drop { $0 == " " }.reversed()) }
}
