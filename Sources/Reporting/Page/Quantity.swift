// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers as people read them.

internal import Foundation

/// Numbers with units that suit their size.
enum Quantity {
  /// `1,234`.
  static func count(_ value: Int64) -> String {
    let digits = Array("\(value.magnitude)".utf8)
    var out: [UInt8] = value < 0 ? [UInt8(ascii: "-")] : []
    for (i, digit) in digits.enumerated() {
      if i > 0, (digits.count - i) % 3 == 0 { out.append(UInt8(ascii: ",")) }
      out.append(digit)
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Three digits: `1.20 GB`.
  static func bytes(_ value: Int64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var amount = Double(value)
    var unit = 0
    while amount >= 999.5, unit < units.count - 1 {
      amount /= 1000
      unit += 1
    }
    return unit == 0 ? "\(value) B" : "\(digits(amount)) \(units[unit])"
  }

  /// `340 ms`, `3.40 s`, `12 m 05 s`, `2 h 12 m`, `3 d 04 h`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "–" }
    guard seconds >= 0.9995 else { return seconds <= 0 ? "0 s" : "\(digits(seconds * 1000)) ms" }
    guard seconds >= 59.95 else { return "\(digits(seconds)) s" }
    let whole = Int64(min(seconds, 1e15).rounded())
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if whole < 3600 { return "\(whole / 60) m \(two(whole % 60)) s" }
    if whole < 86_400 { return "\(whole / 3600) h \(two(whole % 3600 / 60)) m" }
    return "\(count(whole / 86_400)) d \(two(whole % 86_400 / 3600)) h"
  }

  /// At least three digits of a number from 0 to 999.
  private static func digits(_ value: Double) -> String {
    String(format: value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : "%.2f", value)
  }

  /// Five digits that count.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "∞" : "−∞" }
    return String(format: "%.5g", value)
  }

  static func percent(_ part: Double) -> String { part.isFinite ? String(format: "%.0f %%", part * 100) : "–" }

  /// A place or a length in a drawing.
  static func coordinate(_ value: Double) -> String { value.isFinite ? String(format: "%.2f", value) : "0" }
}
