// SPDX-License-Identifier: GPL-3.0-or-later
// Which pixels of a stack are outliers.

extension StackMemory {
  /// Enters the median of the good pixels of all inputs.
  func measureMedians() {
    let network = MedianNetwork(count: inputCount)
    let lists = UnsafeMutablePointer<SIMD16<Float>>.allocate(capacity: max(1, inputCount))
    defer { lists.deallocate() }
    let inputs = (0..<inputCount).map { (values: plane(.values, of: $0), good: plane(.good, of: $0)) }
    let (medians, magnitudes, counts) = (plane(.medians), plane(.magnitudes), plane(.counts))
    let missing = SIMD16<Float>(repeating: .infinity)
    for y in 0..<rows {
      for x in Swift.stride(from: 0, to: width, by: 16) {
        let place = y * stride + x
        var number = SIMD16<Int32>.zero
        for i in 0..<inputCount {
          let isGood = load(inputs[i].good + place) .> 0
          lists[i] = missing.replacing(with: load(inputs[i].values + place), where: isGood)
          number.replace(with: number &+ 1, where: isGood)
        }
        let median = network.median(lists, present: number)
        store(median, medians + place)
        store(median.replacing(with: -median, where: median .< 0), magnitudes + place)
        store(SIMD16<Float>(number), counts + place)
      }
    }
  }

  /// Enters by how many standard deviations the good pixels of an input are beyond what noise and seeing explain.
  ///
  /// **Model.** With m the median, M the largest |m| among a pixel and its eight neighbours and t the input's tolerance, the excess
  /// is (|x − m| − t M) / σ. It is 0 where fewer than three inputs are good: then there is no majority.
  func measureExcess(of input: Int, tolerance: Double) {
    let (medians, magnitudes, counts) = (plane(.medians), plane(.magnitudes), plane(.counts))
    let (values, variances) = (plane(.values, of: input), plane(.variances, of: input))
    let (good, excess) = (plane(.good, of: input), plane(.excess, of: input))
    let tolerance = SIMD16<Float>(repeating: Float(tolerance))
    let smallest = SIMD16<Float>(repeating: .leastNormalMagnitude)
    for y in 0..<rows {
      for x in Swift.stride(from: 0, to: width, by: 16) {
        let place = y * stride + x
        var largest = load(magnitudes + place)
        for dy in -1...1 {
          for dx in -1...1 {
            let other = load(magnitudes + place + dy * stride + dx)
            largest.replace(with: other, where: other .> largest)
          }
        }
        let distance = load(values + place) - load(medians + place)
        let magnitude = distance.replacing(with: -distance, where: distance .< 0)
        let variance = load(variances + place)
        let sigma = variance.replacing(with: smallest, where: variance .< smallest).squareRoot()
        let isJudged = (load(good + place) .> 0) .& (load(counts + place) .> 2)
        store(
          SIMD16<Float>.zero.replacing(with: (magnitude - tolerance * largest) / sigma, where: isJudged), excess + place
        )
      }
    }
  }

  /// Takes the outliers of an input from the good pixels of a row.
  ///
  /// An outlier is beyond the first limit, or beyond the second and beside one that is beyond the first.
  ///
  /// - Parameter isClipped: gets 1 for outliers, else 0; as many as the stride.
  func clip(_ input: Int, row y: Int, limit: Double, limitBeside: Double, isClipped: UnsafeMutablePointer<Float>) {
    let excess = plane(.excess, of: input)
    let first = SIMD16<Float>(repeating: Float(limit))
    let second = SIMD16<Float>(repeating: Float(limitBeside))
    let (yes, no) = (SIMD16<Float>(repeating: 1), SIMD16<Float>.zero)
    for x in Swift.stride(from: 0, to: width, by: 16) {
      let place = y * stride + x
      let own = load(excess + place)
      guard (own .> second).hasAnyLane else {
        store(no, isClipped + x)
        continue
      }
      var largest = own
      for dy in -1...1 {
        for dx in -1...1 {
          let other = load(excess + place + dy * stride + dx)
          largest.replace(with: other, where: other .> largest)
        }
      }
      store(no.replacing(with: yes, where: (own .> second) .& (largest .> first)), isClipped + x)
    }
  }
}

extension SIMDMask {
  /// Whether it holds for any lane.
  fileprivate var hasAnyLane: Bool { self != Self(repeating: false) }
}
