// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of values as bytes.

extension ExactSum {
  func encode(to writer: inout ByteWriter) {
    let sum = normalized()
    writer.write(count: nanCount)
    writer.write(count: positiveInfinityCount)
    writer.write(count: negativeInfinityCount)
    let isNegative = (sum.limbs.last ?? 0) < 0
    writer.write(count: sum.limbs.count << 1 | (isNegative ? 1 : 0))
    guard !sum.limbs.isEmpty else { return }
    writer.write(count: sum.first)
    for limb in sum.limbs { writer.write(word: UInt32(truncatingIfNeeded: limb.magnitude)) }
  }

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    let counts = (try reader.count(), try reader.count(), try reader.count())
    let head = try reader.count(upTo: Int64(Self.limbLimit << 1 | 1))
    let sign: Int64 = head & 1 == 1 ? -1 : 1
    var limbs: [Int64] = []
    var first = 0
    if head > 1 {
      first = Int(try reader.count(upTo: Int64(Self.limbLimit)))
      for _ in 0..<head >> 1 { limbs.append(sign * Int64(try reader.word())) }
    }
    guard head != 1,
      let sum = ExactSum(
        limbs: limbs, first: first, nan: counts.0, positiveInfinity: counts.1, negativeInfinity: counts.2)
    else { throw reader.error("a sum that is not in its one form") }
    self = sum
  }
}

extension LogBuckets {
  func encode(to writer: inout ByteWriter) {
    writer.write(count: zero)
    for side in [positive, negative] {
      writer.write(count: side.count)
      var last: Int64 = 0
      for (index, count) in side.sorted(by: { $0.key < $1.key }) {
        writer.write(signed: Int64(index) - last)
        writer.write(count: count)
        last = Int64(index)
      }
    }
  }

  /// - Parameter total: receives the number of values.
  init(from reader: inout ByteReader, total: inout Int64) throws(StatisticsDecodingError) {
    self.init()
    zero = try reader.count()
    total = zero
    positive = try Self.side(from: &reader, total: &total)
    negative = try Self.side(from: &reader, total: &total)
  }

  private static func side(
    from reader: inout ByteReader, total: inout Int64
  ) throws(StatisticsDecodingError) -> [Int32: Int64] {
    let length = try reader.length(size: 2)
    var side: [Int32: Int64] = [:]
    var index: Int64 = 0
    for i in 0..<length {
      let step = try reader.signed()
      let limit = Int64(largestIndex)
      guard i == 0 || step > 0, step.magnitude <= 2 * limit.magnitude, (-limit...limit).contains(index + step) else {
        throw reader.error("buckets that do not ascend")
      }
      index += step
      let count = try reader.count()
      total += count
      guard count > 0, total <= ByteReader.largestCount else { throw reader.error("a bucket without a possible count") }
      side[Int32(index)] = count
    }
    return side
  }
}

extension NumberStatistics {
  func encode(to writer: inout ByteWriter) {
    writer.write(byte: isWhole ? 1 : 0)
    writer.write(count: nanCount)
    writer.write(minimum)
    writer.write(maximum)
    sum.encode(to: &writer)
    squares.encode(to: &writer)
    buckets.encode(to: &writer)
  }

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    self.init()
    let flag = try reader.byte()
    guard flag <= 1 else { throw reader.error("a boolean that is \(flag)") }
    isWhole = flag == 1
    nanCount = try reader.count()
    minimum = try reader.double()
    maximum = try reader.double()
    sum = try ExactSum(from: &reader)
    squares = try ExactSum(from: &reader)
    var finite: Int64 = 0
    buckets = try LogBuckets(from: &reader, total: &finite)
    count = finite + sum.positiveInfinityCount + sum.negativeInfinityCount
    let isEmpty = minimum == .infinity && maximum == -.infinity
    guard sum.nanCount == 0, count == 0 ? isEmpty : minimum <= maximum, minimum != 0 || minimum.sign == .plus,
      maximum != 0 || maximum.sign == .plus, squares.special == nil
    else { throw reader.error("numbers that contradict one another") }
  }
}

extension TextStatistics {
  func encode(to writer: inout ByteWriter) {
    let kept = sorted
    writer.write(count: count)
    writer.write(count: kept.count)
    for (text, number) in kept {
      writer.write(text.text)
      writer.write(count: number)
    }
  }

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    self.init()
    count = try reader.count()
    counts = try reader.dictionary { reader throws(StatisticsDecodingError) in try reader.count() }
    var kept: Int64 = 0
    for number in counts.values { kept += min(number, count - kept + 1) }
    guard counts.count <= Self.keptLimit, kept <= count, counts.count == Self.keptLimit || kept == count else {
      throw reader.error("counts of texts that do not add up")
    }
  }
}

extension ValueStatistics {
  func encode(to writer: inout ByteWriter) {
    writer.write(byte: (numbers == nil ? 0 : 1) | (texts == nil ? 0 : 2) | (booleans == nil ? 0 : 4))
    numbers?.encode(to: &writer)
    texts?.encode(to: &writer)
    if let booleans {
      writer.write(count: booleans.count)
      writer.write(count: booleans.trueCount)
    }
  }

  init(from reader: inout ByteReader) throws(StatisticsDecodingError) {
    self.init()
    let kinds = try reader.byte()
    guard (1...7).contains(kinds) else { throw reader.error("no kind of values") }
    if kinds & 1 != 0 { numbers = try NumberStatistics(from: &reader) }
    if kinds & 2 != 0 { texts = try TextStatistics(from: &reader) }
    if kinds & 4 != 0 {
      var truths = BooleanStatistics()
      truths.count = try reader.count()
      truths.trueCount = try reader.count(upTo: truths.count)
      booleans = truths
    }
  }
}
