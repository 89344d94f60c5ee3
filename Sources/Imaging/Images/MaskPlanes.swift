// SPDX-License-Identifier: GPL-3.0-or-later
// The names of a mask's bits.

/// Which bit of a mask has which name; at most 32.
package struct MaskPlanes: Hashable, Sendable {
  /// Name at each bit; `nil` where a bit has none.
  private var names: [String?]

  /// The planes that every image has, at their usual bits.
  package static let standard = MaskPlanes([
    "BAD", "SAT", "INTRP", "CR", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "SUSPECT", "NO_DATA", "VIGNETTED", "STREAK",
  ])

  private init(_ names: [String]) { self.names = names }

  /// Planes at given bits, as a file declares them.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a bit outside 0 to 31 or one that is named twice.
  package init(bits: [String: Int]) throws(ImagingError) {
    names = []
    for (name, bit) in bits.sorted(by: { $0.key < $1.key }) {
      guard bit >= 0, bit < 32 else { throw .invalidParameter("mask plane \(name) has bit \(bit); bits are 0 to 31") }
      while names.count <= bit { names.append(nil) }
      if let other = names[bit] {
        throw .invalidParameter("mask planes \(other) and \(name) share bit \(bit)")
      }
      names[bit] = name
    }
  }

  /// Bit of each plane.
  package var bits: [String: Int] {
    Dictionary(uniqueKeysWithValues: names.enumerated().compactMap { bit, name in name.map { ($0, bit) } })
  }

  /// The names in the order of their bits.
  package var planeNames: [String] { names.compactMap { $0 } }

  package func contains(_ name: String) -> Bool { names.contains(name) }

  /// The pattern with one plane's bit set.
  ///
  /// - Throws: ``ImagingError/unknownMaskPlane(name:known:)``.
  package func bitMask(_ name: String) throws(ImagingError) -> UInt32 {
    guard let bit = names.firstIndex(of: name) else { throw .unknownMaskPlane(name: name, known: planeNames) }
    return 1 << UInt32(bit)
  }

  /// The pattern with the bits of several planes set.
  ///
  /// - Throws: ``ImagingError/unknownMaskPlane(name:known:)``.
  package func bitMask(_ names: some Sequence<String>) throws(ImagingError) -> UInt32 {
    var result: UInt32 = 0
    for name in names { result |= try bitMask(name) }
    return result
  }

  /// The pattern of those planes that exist.
  package func bitMask(ofExisting names: some Sequence<String>) -> UInt32 {
    names.reduce(0) { pattern, name in
      self.names.firstIndex(of: name).map { pattern | 1 << UInt32($0) } ?? pattern
    }
  }

  /// Adds a plane at the lowest free bit; one that exists keeps its bit.
  ///
  /// - Returns: the pattern with its bit set.
  /// - Throws: ``ImagingError/tooManyMaskPlanes(name:)``.
  @discardableResult
  package mutating func add(_ name: String) throws(ImagingError) -> UInt32 {
    if let bit = names.firstIndex(of: name) { return 1 << UInt32(bit) }
    if let free = names.firstIndex(of: nil) {
      names[free] = name
      return 1 << UInt32(free)
    }
    guard names.count < 32 else { throw .tooManyMaskPlanes(name: name) }
    names.append(name)
    return 1 << UInt32(names.count - 1)
  }

  package static func == (a: MaskPlanes, b: MaskPlanes) -> Bool { a.bits == b.bits }
  package func hash(into hasher: inout Hasher) { hasher.combine(bits) }
}
