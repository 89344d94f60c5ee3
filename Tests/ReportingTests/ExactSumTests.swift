// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Reporting
import TaskFramework
import TestSupport
import Testing

/// Sums without rounding, against Python's `math.fsum` and fractions.
@Suite struct ExactSumTests {
  /// Lists of which ordinary summation makes something else.
  private static func lists() -> [[Double]] {
    var random = SeededRandom(42)
    func anyFinite() -> Double {
      while true {
        let x = Double(bitPattern: random.next())
        if x.isFinite { return x }
      }
    }
    var lists: [[Double]] = [
      [], [0], [-0.0, -0.0], [1], [-1], [1e100, 1, -1e100], [1, 1e-16, 1e-16],
      [.leastNonzeroMagnitude, .leastNonzeroMagnitude, -.leastNonzeroMagnitude],
      [0.1, 0.2, -0.3],
      [.greatestFiniteMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude], [1e308, 1e308, -1e308, -1e308],
      [1, 0x1p-53, 0x1p-106], [1, 0x1p-53], [1, -0x1p-54, -0x1p-110], [0x1p-1022, -.leastNonzeroMagnitude],
      [0x1.fffffffffffffp-1, 0x1p-54],
      [4_294_967_296, -1], [-0x1p64, 1],
    ]
    for length in [2, 3, 10, 100, 1000] {
      lists.append((0..<length).map { _ in anyFinite() })
      lists.append((0..<length).map { _ in random.gaussian() })
      lists.append((0..<length).map { _ in random.gaussian() * exp(40 * random.gaussian()) })
      let values = (0..<length).map { _ in anyFinite() }
      lists.append((values + values.map { -$0 } + [random.uniform()]).shuffled(using: &random))
      lists.append((0..<length).map { _ in Double(bitPattern: random.next() & 0x800F_FFFF_FFFF_FFFF) })
    }
    return lists
  }

  private static func sum(_ values: some Sequence<Double>) -> ExactSum {
    var sum = ExactSum()
    for value in values { sum.add(value) }
    return sum
  }

  @Test func anyOrderAndGroupingGivesTheSameBits() {
    var random = SeededRandom(7)
    for list in Self.lists() {
      let whole = Self.sum(list)
      for _ in 0..<5 {
        let shuffled = list.shuffled(using: &random)
        #expect(Self.sum(shuffled) == whole)
        var parts = [ExactSum](repeating: ExactSum(), count: 4)
        for value in shuffled { parts[Int(random.next() % 4)].add(value) }
        var merged = ExactSum()
        for part in parts.shuffled(using: &random) { merged.merge(part) }
        #expect(merged == whole)
        #expect(merged.value.bitPattern == whole.value.bitPattern)
      }
      #expect(Self.sum(list.map { -$0 }).value == -whole.value)
    }
  }

  @Test func specialValuesFollowIEEE() {
    #expect(Self.sum([1, .nan]).value.isNaN)
    #expect(Self.sum([1, .infinity, -5]).value == .infinity)
    #expect(Self.sum([-.infinity, 1]).value == -.infinity)
    #expect(Self.sum([-.infinity, .infinity]).value.isNaN)
    #expect(Self.sum([.nan, .nan, .infinity]).nanCount == 2)
    #expect(Self.sum([.greatestFiniteMagnitude, .greatestFiniteMagnitude]).value == .infinity)
    #expect(Self.sum([-0.0]).value.sign == .plus)
  }

  @Test func roundsOnceToNearestEven() {
    let next = 1 + Double.ulpOfOne
    #expect(Self.sum([1, 0x1p-53]).value == 1, "a tie goes to the even one")
    #expect(Self.sum([1, 0x1p-53, .leastNonzeroMagnitude]).value == next, "just above the tie")
    #expect(Self.sum([next, 0x1p-53]).value == next.nextUp, "a tie goes to the even one")
    #expect(Self.sum([next, 0x1p-53, -.leastNonzeroMagnitude]).value == next)
    #expect(Self.sum([.greatestFiniteMagnitude, 0x1p969]).value == .greatestFiniteMagnitude)
    #expect(Self.sum([.greatestFiniteMagnitude, 0x1p970]).value == .infinity, "half a unit past the largest")
  }

  @Test func sumsAndMomentsAgreeWithPython() throws {
    let lists = Self.lists()
    let script = """
      import json, math, sys
      from fractions import Fraction
      from math import isqrt
      def root(f):
          if f == 0: return 0.0
          shift = max(0, 200 - (f.numerator.bit_length() - f.denominator.bit_length())) // 2 + 1
          return Fraction(isqrt((f.numerator << (2 * shift)) // f.denominator), 1 << shift)
      def as_float(f):
          try: return float(f)
          except OverflowError: return math.inf if f > 0 else -math.inf
      out = []
      for texts in json.load(sys.stdin):
          values = [Fraction(float.fromhex(t)) for t in texts]
          n = len(values)
          total = sum(values, Fraction(0))
          mean = total / n if n else Fraction(0)
          scatter = root(sum((v - mean) ** 2 for v in values) / n) if n else 0
          try: peer = math.fsum(float(v) for v in values)
          except OverflowError: peer = as_float(total)
          assert peer == as_float(total)
          out.append([as_float(total).hex(), as_float(mean).hex(), as_float(scatter).hex()])
      print(json.dumps(out))
      """
    let input = JSONValue.array(lists.map { .array($0.map { .string(Self.hex($0)) }) }).text()
    guard let output = try SystemPython.run(script, input: input) else { return }
    let answers = try #require(try JSONValue(parsing: output).elements)
    #expect(answers.count == lists.count)
    for (list, answer) in zip(lists, answers) {
      let peer = try (answer.elements ?? []).map { element in
        guard case .string(let text) = element else { throw SystemPython.Failure(description: "no text") }
        return text.hasSuffix("inf") ? (text.hasPrefix("-") ? -Double.infinity : .infinity) : try #require(Double(text))
      }
      try #require(peer.count == 3)
      #expect(Self.sum(list).value == peer[0])
      guard !list.isEmpty else { continue }
      var statistics = NumberStatistics()
      for value in list { statistics.add(value) }
      let moments = statistics.moments
      // The exact sum rounded, then divided: two roundings. The root adds one more to them.
      #expect(abs(moments.mean - peer[1]) <= 2 * peer[1].ulp)
      #expect(abs(moments.scatter - peer[2]) <= 3 * peer[2].ulp, "\(moments.scatter) \(peer[2])")
    }
  }

  private static func hex(_ value: Double) -> String {
    // As Python writes it.
    let sign = value.sign == .minus ? "-" : ""
    let significand = String(value.significandBitPattern, radix: 16)
    let digits = String(repeating: "0", count: 13 - significand.count) + significand
    let lead = value.exponentBitPattern == 0 ? 0 : 1
    let exponent = max(Int(value.exponentBitPattern), 1) - 1023
    return "\(sign)0x\(lead).\(digits)p\(exponent)"
  }
}
