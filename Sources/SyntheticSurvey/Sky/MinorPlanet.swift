// SPDX-License-Identifier: GPL-3.0-or-later
// Objects of the solar system and their names.

/// An object of the solar system: its path, its brightness and its name.
struct MinorPlanet: Sendable {
  let trajectory: Trajectory
  /// V magnitude, the same at all times.
  let magnitude: Double
  let designation: Designation
}

/// A provisional designation of the Minor Planet Center.
///
/// Those of a survey are in the first half of January 2099, which no real object has yet.
struct Designation: Hashable, Sendable {
  /// From 0 to 15,499, what two letters and a packed number can tell apart.
  let number: Int

  private static let letters = Array("ABCDEFGHJKLMNOPQRSTUVWXYZ")
  private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

  private var letter: Character { Self.letters[number % 25] }
  private var cycle: Int { number / 25 }

  /// As people write it: `2099 AB12`.
  var unpacked: String { "2099 A\(letter)" + (cycle == 0 ? "" : "\(cycle)") }

  /// As tables have it: `K99A12B`.
  var packed: String {
    let tens = Self.digits[min(61, cycle / 10)]
    return "K99A\(tens)\(cycle % 10)\(letter)"
  }

  /// The bytes of the packed designation, the first one highest (framework B.9).
  var ssObjectID: Int64 { packed.utf8.reduce(0) { $0 << 8 | Int64($1) } }
}
