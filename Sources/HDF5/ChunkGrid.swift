// SPDX-License-Identifier: GPL-3.0-or-later
// How an array is divided into chunks.

/// The division of an array of one to three axes into chunks; missing axes count as one element, in front.
struct ChunkGrid {
  let shape: [Int]
  let chunk: [Int]
  let elementSize: Int

  /// - Precondition: 1 to 3 extents, not negative; as many chunk extents, positive; the whole array was checked to fit in memory.
  init(shape: [Int], chunk: [Int], elementSize: Int) {
    precondition((1...3).contains(shape.count) && shape.count == chunk.count)
    precondition(shape.allSatisfy { $0 >= 0 } && chunk.allSatisfy { $0 > 0 } && elementSize > 0)
    let missing = [Int](repeating: 1, count: 3 - shape.count)
    self.shape = missing + shape
    self.chunk = zip(missing + chunk, self.shape).map { min($0, max(1, $1)) }
    self.elementSize = elementSize
  }

  var byteCount: Int { shape[0] * shape[1] * shape[2] * elementSize }
  var chunkByteCount: Int { chunk[0] * chunk[1] * chunk[2] * elementSize }

  private func count(_ axis: Int) -> Int { shape[axis] / chunk[axis] + (shape[axis] % chunk[axis] > 0 ? 1 : 0) }
  var chunkCount: Int { count(0) * count(1) * count(2) }

  func origin(ofChunk index: Int) -> [Int] {
    let perPlane = count(1) * count(2)
    let (plane, rest) = index.quotientAndRemainder(dividingBy: max(1, perPlane))
    let (row, column) = rest.quotientAndRemainder(dividingBy: max(1, count(2)))
    return [plane * chunk[0], row * chunk[1], column * chunk[2]]
  }

  /// Calls a closure for every run of bytes that a chunk and the array share: offset in the array, in the chunk, length.
  private func forEachRun(ofChunkAt origin: [Int], _ body: (_ array: Int, _ chunk: Int, _ length: Int) -> Void) {
    let length = min(chunk[2], shape[2] - origin[2]) * elementSize
    for a in 0..<min(chunk[0], shape[0] - origin[0]) {
      for b in 0..<min(chunk[1], shape[1] - origin[1]) {
        let array = (((origin[0] + a) * shape[1] + origin[1] + b) * shape[2] + origin[2]) * elementSize
        body(array, (a * chunk[1] + b) * chunk[2] * elementSize, length)
      }
    }
  }

  /// Copies a chunk out of the array; what of it lies outside becomes zero.
  func gather(_ array: UnsafeRawBufferPointer, chunkAt origin: [Int], into chunkBytes: inout [UInt8]) {
    chunkBytes.withUnsafeMutableBytes { target in
      let isWhole = (0..<3).allSatisfy { origin[$0] + chunk[$0] <= shape[$0] }
      if !isWhole { for i in target.indices { target[i] = 0 } }
      guard let to = target.baseAddress, let from = array.baseAddress else { return }
      forEachRun(ofChunkAt: origin) { (to + $1).copyMemory(from: from + $0, byteCount: $2) }
    }
  }

  /// Copies a chunk into the array.
  func scatter(_ chunkBytes: [UInt8], chunkAt origin: [Int], into array: UnsafeMutableRawBufferPointer) {
    chunkBytes.withUnsafeBytes { source in
      guard let from = source.baseAddress, let to = array.baseAddress else { return }
      forEachRun(ofChunkAt: origin) { (to + $0).copyMemory(from: from + $1, byteCount: $2) }
    }
  }
}
