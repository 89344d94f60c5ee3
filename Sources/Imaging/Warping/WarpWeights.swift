// SPDX-License-Identifier: GPL-3.0-or-later
// Interpolation weights, looked up.

internal import Synchronization

/// The weights of a warping kernel at 4,096 fractions of a pixel, and between them by linear interpolation.
///
/// The interpolation is off by at most 2.5e-8 of the central weight, less than float32 rounds to. A lane beyond the kernel's taps
/// is zero.
struct WarpWeights<Lanes: WarpLanes> {
  let tapCount: Int
  private let table: [Lanes]
  private static var steps: Int { 4096 }

  init(_ kernel: WarpingKernel) {
    tapCount = kernel.tapCount
    precondition(tapCount <= Lanes.scalarCount)
    table = (0...Self.steps).map { step in
      var lanes = Lanes()
      for (i, weight) in kernel.taps(at: Double(step) / Double(Self.steps)).enumerated() { lanes[i] = Float(weight) }
      return lanes
    }
  }

  func withTable<Result>(_ body: (UnsafePointer<Lanes>) -> Result) -> Result? {
    table.withUnsafeBufferPointer { $0.baseAddress.map(body) }
  }

  /// - Parameter fraction: from 0 up to, not including, 1.
  @inline(__always)
  static func weights(_ table: UnsafePointer<Lanes>, at fraction: Double) -> Lanes {
    let position = Float(fraction) * Float(steps)
    // A fraction just below 1 may round to it; the last interval holds it all the same.
    let index = min(Int(position), steps - 1)
    let t = position - Float(index)
    let low = table[index]
    return low + (table[index + 1] - low) * t
  }
}

/// The tables that were made so far: to make one costs as much as to warp a few thousand pixels.
enum WarpTables {
  private static let eight = Mutex<[WarpingKernel: WarpWeights<SIMD8<Float>>]>([:])
  private static let sixteen = Mutex<[WarpingKernel: WarpWeights<SIMD16<Float>>]>([:])

  static func eight(_ kernel: WarpingKernel) -> WarpWeights<SIMD8<Float>> { find(kernel, in: eight) }
  static func sixteen(_ kernel: WarpingKernel) -> WarpWeights<SIMD16<Float>> { find(kernel, in: sixteen) }

  private static func find<Lanes: WarpLanes>(
    _ kernel: WarpingKernel, in tables: borrowing Mutex<[WarpingKernel: WarpWeights<Lanes>]>
  ) -> WarpWeights<Lanes> {
    tables.withLock { tables in
      if let known = tables[kernel] { return known }
      let made = WarpWeights<Lanes>(kernel)
      tables[kernel] = made
      return made
    }
  }
}
