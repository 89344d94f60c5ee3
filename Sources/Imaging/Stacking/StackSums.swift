// SPDX-License-Identifier: GPL-3.0-or-later
// The sums of a row of a stack.

internal import SkyGeometry

/// The planes of a stack's result.
struct StackResult {
  var image: Image<Float>
  var variance: Image<Float>
  var bits: Image<UInt32>
  var inputCount: Image<UInt16>
  var clippedCount = 0

  init(box: Box2I, noData: UInt32) {
    image = Image(box: box, fill: .nan)
    variance = Image(box: box, fill: .infinity)
    bits = Image(box: box, fill: noData)
    inputCount = Image(box: box, fill: 0)
  }
}

/// The sums of a row of a stack, over the good pixels and over all that are there.
final class StackSums {
  /// What is summed for a pixel.
  private struct Sums {
    var sum = 0.0
    var weight = 0.0
    var variance = 0.0
    var bits: UInt32 = 0
    var count: UInt32 = 0

    @inline(__always)
    mutating func add(_ value: Double, _ variance: Double, _ bits: UInt32, _ weight: Double) {
      sum += weight * value
      self.weight += weight
      self.variance += weight * weight * variance
      self.bits |= bits
      count += 1
    }
  }

  private struct PixelSums {
    var good = Sums()
    /// Good pixels and outliers.
    var unclipped = Sums()
    var all = Sums()
    /// Bits that say what was left out for its mask.
    var left: UInt32 = 0
    var clippedCount = 0
    /// Weight of what was left out for a bit that is propagated.
    var propagatedWeight = 0.0

    /// What the pixel is made of: when all good ones are outliers there is no majority, and all of them count.
    var used: Sums { good.weight > 0 ? good : unclipped.weight > 0 ? unclipped : all }
    var isClipped: Bool { clippedCount > 0 && good.weight > 0 }
  }

  private let memory: StackMemory
  private let control: StackControl
  private let clips: Bool
  private let pixels: UnsafeMutablePointer<PixelSums>
  private let isClipped: UnsafeMutablePointer<Float>

  init(_ memory: StackMemory, _ control: StackControl, clips: Bool) {
    self.memory = memory
    self.control = control
    self.clips = clips
    pixels = .allocate(capacity: max(1, memory.width))
    pixels.initialize(repeating: PixelSums(), count: max(1, memory.width))
    isClipped = .allocate(capacity: memory.stride)
    isClipped.initialize(repeating: 0, count: memory.stride)
  }

  deinit {
    pixels.deallocate()
    isClipped.deallocate()
  }

  /// Adds a row of an input.
  func add(_ input: Int, row: Int, _ mask: Mask, weight: Double) {
    let mask = mask.bits.row(mask.box.minY + row)
    let offset = row * memory.stride
    let (values, variances) = (memory.plane(.values, of: input) + offset, memory.plane(.variances, of: input) + offset)
    let (present, good) = (memory.plane(.present, of: input) + offset, memory.plane(.good, of: input) + offset)
    if clips {
      memory.clip(
        input, row: row, limit: control.numSigmaClip, limitBeside: control.numSigmaClipBeside, isClipped: isClipped)
    }
    for x in 0..<memory.width where present[x] > 0 {
      let (value, variance, bits) = (Double(values[x]), Double(variances[x]), mask[x])
      pixels[x].all.add(value, variance, bits, weight)
      if good[x] > 0 {
        if isClipped[x] > 0 {
          pixels[x].clippedCount += 1
        } else {
          pixels[x].good.add(value, variance, bits, weight)
        }
        pixels[x].unclipped.add(value, variance, bits, weight)
      } else {
        pixels[x].left |= control.rejected | control.inexactPSF
        if bits & control.propagated != 0 { pixels[x].propagatedWeight += weight }
      }
    }
  }

  /// Writes the row that was summed, and begins another.
  func write(row: Int, to result: inout StackResult) {
    let y = result.image.box.minY + row
    let (pixels, width, control) = (pixels, memory.width, control)
    result.image.withMutableRow(y) { out in
      for x in 0..<width where pixels[x].all.weight > 0 {
        let sums = pixels[x].used
        out[x] = Float(sums.sum / sums.weight)
      }
    }
    result.variance.withMutableRow(y) { out in
      for x in 0..<width where pixels[x].all.weight > 0 {
        let sums = pixels[x].used
        out[x] = Float(sums.variance / (sums.weight * sums.weight))
      }
    }
    result.bits.withMutableRow(y) { out in
      for x in 0..<width where pixels[x].all.weight > 0 {
        let all = pixels[x].all
        var bits = pixels[x].used.bits | pixels[x].left
        if pixels[x].isClipped { bits |= control.clipped | control.inexactPSF }
        if pixels[x].propagatedWeight >= control.propagationThreshold * all.weight {
          bits |= all.bits & control.propagated
        }
        out[x] = bits
      }
    }
    result.inputCount.withMutableRow(y) { out in
      for x in 0..<width {
        out[x] = UInt16(clamping: pixels[x].used.count)
        if pixels[x].isClipped { result.clippedCount += pixels[x].clippedCount }
      }
    }
    pixels.update(repeating: PixelSums(), count: max(1, width))
  }
}
