// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import OrderedCollections
import Reporting
import TaskFramework
import TestSupport
import Testing

/// Statistics of metadata values.
@Suite struct ValueStatisticsTests {
  private static func numbers(_ values: [Double]) -> NumberStatistics {
    var statistics = NumberStatistics()
    for value in values { statistics.add(value) }
    return statistics
  }

  @Test func quantilesAreGoodToABucket() {
    var random = SeededRandom(3)
    for length in [1, 2, 19, 20, 21, 500, 3001] {
      let values = (0..<length).map { _ in random.gaussian() * exp(3 * random.gaussian()) }
      let sorted = values.sorted()
      for (percent, quantile) in zip(NumberStatistics.percents, Self.numbers(values).quantiles) {
        let exact = sorted[max(1, (length * Int(percent) + 99) / 100) - 1]
        // The middle of a bucket is at most half of 1 % from what is in it; the logarithm may round to the next bucket.
        #expect(abs(quantile - exact) <= abs(exact) * 0.00502)
      }
    }
  }

  @Test func equalValuesHaveNoScatter() {
    for value in [0.1, -1e300, .leastNonzeroMagnitude, 60_000.000_000_1, .greatestFiniteMagnitude] {
      let statistics = Self.numbers(Array(repeating: value, count: 1001))
      #expect(statistics.moments.mean == value && statistics.moments.scatter == 0)
      #expect(statistics.quantiles == Array(repeating: value, count: 5), "never outside of the extremes")
    }
  }

  /// Dates all fall into one bucket.
  @Test func quantilesOfNarrowRangesAreInTheMiddle() {
    let dates = Self.numbers((0...30).map { 60_100 + Double($0) })
    #expect(dates.quantiles == Array(repeating: 60_115, count: 5))
  }

  @Test func scatterSurvivesALargeOffset() {
    let statistics = Self.numbers([1e15 - 1, 1e15, 1e15 + 1])
    #expect(statistics.moments.mean == 1e15)
    #expect(abs(statistics.moments.scatter - (2.0 / 3).squareRoot()) < 1e-15)
    let huge = Self.numbers([-1e300, 1e300])
    #expect(
      huge.moments.mean == 0 && huge.moments.scatter == 1e300, "also where the squares are past the largest double")
  }

  @Test func specialValues() {
    let statistics = Self.numbers([.nan, 1, .nan, -0.0, 3])
    #expect(statistics.count == 3 && statistics.nanCount == 2)
    #expect(statistics.minimum.sign == .plus && statistics.minimum == 0 && statistics.maximum == 3)
    let infinite = Self.numbers([-.infinity, 1, 2, .infinity, .infinity])
    #expect(infinite.moments.mean.isNaN && infinite.moments.scatter.isNaN)
    #expect(infinite.quantiles.first == -.infinity && infinite.quantiles.last == .infinity)
    #expect(abs(infinite.quantiles[2] - 2) < 0.02)
    let nothing = Self.numbers([.nan])
    #expect(nothing.moments.mean.isNaN && nothing.quantiles.allSatisfy(\.isNaN))
    #expect(nothing.json == .object(["count": .integer(0), "nan": .integer(1)]))
  }

  @Test func wholeNumbersStayWhole() throws {
    var statistics = NumberStatistics()
    for value in 1...50 { statistics.add(Int64(value)) }
    #expect(statistics.quantiles == [3, 13, 25, 38, 48])
    #expect(statistics.json["min"] == .integer(1) && statistics.json["max"] == .integer(50))
    #expect(statistics.json["median"] == .integer(25) && statistics.json["mean"] == .number(25.5))
    statistics.add(0.5)
    #expect(statistics.json["min"] == .number(0.5) && statistics.json["max"] == .number(50))
  }

  @Test func textsAreCountedWhateverTheOrder() {
    var random = SeededRandom(11)
    // More distinct ones than are kept, and two spellings of é that a String takes for one.
    let texts = (0..<4000).map { _ in "value \(random.next() % 3000)" } + ["e\u{301}", "\u{E9}", "\u{E9}"]
    var whole = TextStatistics()
    for text in texts { whole.add(text) }
    var parts = [TextStatistics](repeating: TextStatistics(), count: 5)
    for text in texts.shuffled(using: &random) { parts[Int(random.next() % 5)].add(text) }
    var merged = TextStatistics()
    for part in parts { merged.merge(part) }
    #expect(merged == whole && merged.json == whole.json && whole.count == 4003)
    var counts: [[UInt8]: Int64] = [:]
    for text in texts { counts[Array(text.utf8), default: 0] += 1 }
    let first = counts.keys.sorted { $0.lexicographicallyPrecedes($1) }.prefix(1000)
    #expect(whole.kept.map { Array($0.text.utf8) } == Array(first))
    for (text, count) in whole.kept { #expect(counts[Array(text.utf8)] == count) }

    var accents = TextStatistics()
    for text in texts.suffix(3).reversed() { accents.add(text) }
    #expect(accents.kept.map(\.count) == [1, 2])
    accents.add(String(repeating: "🔭", count: 1000))
    #expect((accents.kept.last?.text.utf8.count ?? 0) <= 203, "a long text is cut")
  }

  @Test func kindsAreKeptApart() {
    var statistics = ValueStatistics()
    for value: MetadataScalar in [1, 2.5, "psf", true, false, "psf"] { statistics.add(value) }
    #expect(statistics.numbers?.count == 2 && statistics.texts?.count == 2)
    #expect(statistics.booleans?.count == 2 && statistics.booleans?.trueCount == 1)
    #expect(statistics.json["text"]?["values"]?["psf"] == .integer(2))
    #expect(statistics.json["boolean"] == .object(["count": .integer(2), "true": .integer(1)]))
  }
}
