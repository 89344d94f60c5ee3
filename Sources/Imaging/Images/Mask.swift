// SPDX-License-Identifier: GPL-3.0-or-later
// What is known about each pixel, as named bits.

package import SkyGeometry

/// Named bits for each pixel.
///
/// Unsigned in memory; files hold the same 32 bits as signed integers.
package struct Mask: Hashable, Sendable {
  package var bits: Image<UInt32>
  package private(set) var planes: MaskPlanes

  package init(box: Box2I, planes: MaskPlanes = .standard) {
    bits = Image(box: box, fill: 0)
    self.planes = planes
  }

  package init(bits: Image<UInt32>, planes: MaskPlanes = .standard) {
    self.bits = bits
    self.planes = planes
  }

  package var box: Box2I { bits.box }

  /// A pixel's bits in parent coordinates.
  package subscript(x: Int, y: Int) -> UInt32 {
    get { bits[x, y] }
    set { bits[x, y] = newValue }
  }

  /// Adds a plane, with no pixel set; one that exists stays as it is.
  ///
  /// - Throws: ``ImagingError/tooManyMaskPlanes(name:)``.
  @discardableResult
  package mutating func addPlane(_ name: String) throws(ImagingError) -> UInt32 { try planes.add(name) }

  /// Sets a plane everywhere in a box, as far as it reaches into the mask.
  ///
  /// - Throws: ``ImagingError/unknownMaskPlane(name:known:)``.
  package mutating func set(_ name: String, in part: Box2I) throws(ImagingError) {
    let pattern = try planes.bitMask(name)
    let common = box.intersection(part)
    let columns = common.minX - box.minX..<common.endX - box.minX
    guard !common.isEmpty else { return }
    for y in common.minY..<common.endY {
      bits.withMutableRow(y) { row in for i in columns { row[i] |= pattern } }
    }
  }

  /// The bits that any pixel has.
  package var presentBits: UInt32 {
    bits.withUnsafePixels { pixels in
      var all: UInt32 = 0
      for i in 0..<bits.box.area { all |= pixels[i] }
      return all
    } ?? 0
  }

  /// Clears the bits of a pattern everywhere; a mask that has none of them is not written to.
  package mutating func clear(_ pattern: UInt32) {
    guard presentBits & pattern != 0 else { return }
    let (keep, count) = (~pattern, bits.box.area)
    _ = bits.withUnsafeMutablePixels { pixels in for i in 0..<count { pixels[i] &= keep } }
  }

  /// Sets bits where others are: of each move, in their order, the second where the first is.
  ///
  /// A mask that has none of the first is not written to.
  package mutating func copyBits(_ moves: [(from: UInt32, to: UInt32)]) {
    let wanted = moves.reduce(0) { $0 | $1.from }
    guard presentBits & wanted != 0 else { return }
    let count = bits.box.area
    _ = bits.withUnsafeMutablePixels { pixels in
      for i in 0..<count where pixels[i] & wanted != 0 {
        var value = pixels[i]
        for (from, to) in moves where value & from != 0 { value |= to }
        pixels[i] = value
      }
    }
  }

  /// The number of pixels with any bit of a pattern set.
  package func count(_ pattern: UInt32) -> Int { bits.pixels.reduce(0) { $0 + ($1 & pattern != 0 ? 1 : 0) } }

  package func cropped(to part: Box2I) -> Mask { Mask(bits: bits.cropped(to: part), planes: planes) }

  /// The same information under the planes of another mask, to which those that it lacks are added.
  ///
  /// - Throws: ``ImagingError/tooManyMaskPlanes(name:)``.
  package func conformed(to target: MaskPlanes) throws(ImagingError) -> Mask {
    guard target != planes else { return self }
    var planes = target
    var moves: [(from: UInt32, to: UInt32)] = []
    for name in self.planes.planeNames { moves.append((try self.planes.bitMask(name), try planes.add(name))) }
    if moves.allSatisfy({ $0.from == $0.to }) { return Mask(bits: bits, planes: planes) }
    let moved = bits.map { old in moves.reduce(UInt32(0)) { old & $1.from != 0 ? $0 | $1.to : $0 } }
    return Mask(bits: moved, planes: planes)
  }

  /// Sets the bits of another mask of the same box, plane by name.
  ///
  /// - Throws: ``ImagingError``.
  package mutating func formUnion(_ other: Mask) throws(ImagingError) {
    guard other.box == box else {
      throw .sizeMismatch(what: "the mask's box", found: "\(other.box)", expected: "\(box)")
    }
    let other = try other.conformed(to: planes)
    planes = other.planes
    unite(other.bits, pattern: .max)
  }

  /// Sets those bits of a pattern that another plane of the same size has.
  ///
  /// - Precondition: the sizes are equal.
  package mutating func unite(_ other: Image<UInt32>, pattern: UInt32) {
    precondition(other.width == box.width && other.height == box.height)
    let count = box.area
    _ = other.withUnsafePixels { source in
      bits.withUnsafeMutablePixels { target in for i in 0..<count { target[i] |= source[i] & pattern } }
    }
  }
}
