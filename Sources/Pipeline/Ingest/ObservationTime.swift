// SPDX-License-Identifier: GPL-3.0-or-later
// When an exposure was taken.

internal import Foundation
internal import Repository

/// Times of FITS headers as MJD in TAI.
enum ObservationTime {
  /// MJD (UTC) from which on TAI is so many seconds ahead of UTC (IERS Bulletin C).
  private static let leapSeconds: [(mjd: Double, seconds: Double)] = [
    (41317, 10), (41499, 11), (41683, 12), (42048, 13), (42413, 14), (42778, 15), (43144, 16), (43509, 17), (43874, 18),
    (44239, 19), (44786, 20), (45151, 21), (45516, 22), (46247, 23), (47161, 24), (47892, 25), (48257, 26), (48804, 27),
    (49169, 28), (49534, 29), (50083, 30), (50630, 31), (51179, 32), (53736, 33), (54832, 34), (56109, 35), (57204, 36),
    (57754, 37),
  ]

  static func tai(utc mjd: Double) -> Double {
    mjd + (leapSeconds.last { $0.mjd <= mjd }?.seconds ?? 10) / 86400
  }

  /// The middle of the exposure: `DATE-AVG` or `MJD-AVG`, else the start (`MJD-OBS`, `DATE-OBS`) and half of the exposure time.
  ///
  /// Times are UTC unless `TIMESYS` says TAI.
  ///
  /// - Returns: `nil` when the header has none that can be read.
  static func middle(_ header: FITSHeader, exposureSeconds: Double?) -> Double? {
    let isTAI = header.text("TIMESYS")?.uppercased() == "TAI"
    func scaled(_ mjd: Double) -> Double? {
      // From 1972, when the scales got their present form, to 2132.
      guard (41317...100_000).contains(mjd) else { return nil }
      return isTAI ? mjd : tai(utc: mjd)
    }
    // Our own export has always been TAI.
    if let average = header.text("DATE-AVG").flatMap(mjd) ?? header.number("MJD-AVG-UTC") { return scaled(average) }
    if let average = header.number("MJD-AVG"), (41317...100_000).contains(average) { return average }
    guard let start = header.number("MJD-OBS") ?? header.text("DATE-OBS").flatMap(mjd) else { return nil }
    return scaled(start).map { $0 + (exposureSeconds.map { $0 > 0 && $0 < 1e6 ? $0 : 0 } ?? 0) / 2 / 86400 }
  }

  /// MJD of an ISO date with or without a time: `2018-08-04T09:23:31.598`.
  static func mjd(_ text: String) -> Double? {
    let parts = text.split(separator: "T", maxSplits: 1)
    guard let date = parts.first?.split(separator: "-").map({ Int($0) }), date.count == 3, let year = date[0],
      let month = date[1], let day = date[2], (1972...2132).contains(year), (1...12).contains(month),
      (1...31).contains(day)
    else { return nil }
    var time = 0.0
    if parts.count > 1 {
      let numbers = parts[1].split(separator: ":").map { Double($0.trimmingCharacters(in: .letters)) }
      guard (1...3).contains(numbers.count) else { return nil }
      for (number, unit) in zip(numbers, [3600.0, 60, 1]) {
        guard let number, number >= 0, number < 86400 else { return nil }
        time += number * unit
      }
    }
    // Days since 1858-11-17 (Fliegel & Van Flandern 1968, with Euclidean division).
    let a = (14 - month) / 12
    let y = year + 4800 - a
    let m = month + 12 * a - 3
    let days = day + (153 * m + 2) / 5 + 365 * y + y / 4 - y / 100 + y / 400 - 32045 - 2_400_001
    return Double(days) + time / 86400
  }
}
