// SPDX-License-Identifier: GPL-3.0-or-later
// Memory that starts at a cache line.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Zeroed memory that starts at a multiple of 64 bytes, as FFTW's plans are made for; freed with its owner.
package struct AlignedBuffer<Element: BitwiseCopyable>: ~Copyable {
  package let count: Int
  let base: UnsafeMutablePointer<Element>

  /// - Throws: ``ImagingError/noResult(_:)`` when there is no such memory.
  package init(count: Int) throws(ImagingError) {
    let (bytes, overflows) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    var memory: UnsafeMutableRawPointer?
    guard !overflows, count >= 0, posix_memalign(&memory, 64, max(64, bytes)) == 0, let memory else {
      throw .noResult("there is no memory for \(count) values")
    }
    memset(memory, 0, max(64, bytes))
    self.count = count
    base = memory.bindMemory(to: Element.self, capacity: max(1, count))
  }

  deinit { free(base) }

  package subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      return base[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < count)
      base[index] = newValue
    }
  }
}
