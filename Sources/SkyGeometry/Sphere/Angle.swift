// SPDX-License-Identifier: GPL-3.0-or-later
// An angle that knows its unit.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// An angle, held in radians; degrees and arcseconds are views of it.
package struct Angle: Hashable, Comparable, Sendable {
  package var radians: Double

  package init(radians: Double) { self.radians = radians }
  package init(degrees: Double) { radians = degrees * .pi / 180 }
  package init(arcseconds: Double) { self.init(degrees: arcseconds / 3600) }

  package static func radians(_ value: Double) -> Angle { Angle(radians: value) }
  package static func degrees(_ value: Double) -> Angle { Angle(degrees: value) }
  package static func arcseconds(_ value: Double) -> Angle { Angle(arcseconds: value) }
  package static let zero = Angle(radians: 0)

  package var degrees: Double { radians * 180 / .pi }
  package var arcseconds: Double { degrees * 3600 }
  package var isFinite: Bool { radians.isFinite }

  /// The same direction in [0, 360) degrees; NaN for an angle that is not finite.
  package var wrapped: Angle {
    guard isFinite else { return Angle(radians: .nan) }
    let turn = 2 * Double.pi
    let rest = fmod(radians, turn)
    let positive = rest < 0 ? rest + turn : rest
    // A tiny negative angle plus a turn rounds to the turn itself.
    return Angle(radians: positive < turn ? positive : 0)
  }

  /// The same direction in [-180, 180) degrees; NaN for an angle that is not finite.
  package var wrappedAroundZero: Angle {
    let w = wrapped.radians
    return Angle(radians: w >= .pi ? w - 2 * .pi : w)
  }

  package static func < (a: Angle, b: Angle) -> Bool { a.radians < b.radians }
  package static func + (a: Angle, b: Angle) -> Angle { Angle(radians: a.radians + b.radians) }
  package static func - (a: Angle, b: Angle) -> Angle { Angle(radians: a.radians - b.radians) }
  package static prefix func - (a: Angle) -> Angle { Angle(radians: -a.radians) }
  package static func * (a: Angle, factor: Double) -> Angle { Angle(radians: a.radians * factor) }
  package static func / (a: Angle, divisor: Double) -> Angle { Angle(radians: a.radians / divisor) }
}

package func sin(_ angle: Angle) -> Double { sin(angle.radians) }
package func cos(_ angle: Angle) -> Double { cos(angle.radians) }
