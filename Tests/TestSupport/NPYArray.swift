// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays that Python wrote.

package import Foundation
package import Imaging
import SkyGeometry

/// An array in numpy's file format, version 1, little endian and in C order.
package struct NPYArray {
  package let shape: [Int]
  private let type: String
  private let bytes: Data

  package init(contentsOf url: URL) throws {
    let data = try Data(contentsOf: url)
    let headerLength = Int(data[8]) | Int(data[9]) << 8
    let header = String(decoding: data[10..<10 + headerLength], as: UTF8.self)
    guard let type = header.firstMatch(of: /'descr': '([^']*)'/)?.1,
      let shape = header.firstMatch(of: /'shape': \(([^)]*)\)/)?.1, header.contains("'fortran_order': False")
    else { throw Peers.Failure(description: "\(url.lastPathComponent): not an array that this reads: \(header)") }
    self.type = String(type)
    self.shape = shape.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    bytes = data.dropFirst(10 + headerLength)
  }

  private func values<T: BitwiseCopyable>(_: T.Type) -> [T] {
    bytes.withUnsafeBytes { raw in
      (0..<raw.count / MemoryLayout<T>.size).map {
        raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self)
      }
    }
  }

  /// All numbers in order.
  package var doubles: [Double] {
    switch type {
    case "<f4": values(Float.self).map(Double.init)
    case "<f8": values(Double.self)
    case "<i4": values(Int32.self).map(Double.init)
    case "<i8": values(Int64.self).map(Double.init)
    default: []
    }
  }

  private func box() -> Box2I { Box2I(width: shape[shape.count - 1], height: shape[shape.count - 2]) }

  package func image() throws -> Image<Float> { try Image(box: box(), pixels: doubles.map { Float($0) }) }
  package func bits() throws -> Image<UInt32> {
    try Image(box: box(), pixels: doubles.map { UInt32(bitPattern: Int32($0)) })
  }

  /// The planes of a three-dimensional array.
  package func planes() throws -> [Image<Double>] {
    let all = doubles
    let size = box().area
    return try (0..<shape[0]).map { try Image(box: box(), pixels: Array(all[$0 * size..<($0 + 1) * size])) }
  }
}
