// SPDX-License-Identifier: GPL-3.0-or-later
// Designations of minor planets, as people write them and as tables have them.

/// A designation of a minor planet in the packed form of the Minor Planet Center (framework B.9).
///
/// `2015 MQ204` is packed as `K15MK4Q`, `(203289)` as `K3289`, `2040 P-L` as `PLS2040`.
package struct PackedDesignation: Hashable, Sendable, CustomStringConvertible {
  /// 5 characters for a number, 7 for a provisional designation, 8 with a prefix, as comets have it.
  package let description: String

  /// Packs a readable designation: a number, a provisional one, or one of the early surveys.
  ///
  /// - Throws: ``SolarSystemError/invalidDesignation(_:reason:)``.
  package init(packing text: String) throws(SolarSystemError) {
    guard let packed = Self.number(text) ?? Self.provisional(text) ?? Self.survey(text) else {
      throw .invalidDesignation(
        text, reason: "it is neither a number up to \(Self.largestNumber), nor like \"2015 MQ204\" or \"2040 P-L\"")
    }
    description = packed
  }

  /// Text as a table has it: packed already, unless there is a space in it.
  ///
  /// - Throws: ``SolarSystemError/invalidDesignation(_:reason:)``.
  package init(_ text: String) throws(SolarSystemError) {
    self = text.contains(" ") ? try PackedDesignation(packing: text) : PackedDesignation(packed: text)
  }

  private init(packed: String) { description = packed }

  /// The designation of an ID.
  ///
  /// - Throws: ``SolarSystemError/invalidDesignation(_:reason:)`` for an ID that is not positive.
  package init(ssObjectID id: Int64) throws(SolarSystemError) {
    guard id > 0 else { throw .invalidDesignation("\(id)", reason: "IDs of objects are positive") }
    let bytes = (0..<8).reversed().map { UInt8(truncatingIfNeeded: id >> ($0 * 8)) }.filter { $0 != 0 }
    description = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }

  /// The bytes of the packed designation as a number, the first one highest: 21164728253101137 for `K15MK4Q`.
  ///
  /// - Throws: ``SolarSystemError/invalidDesignation(_:reason:)`` unless it has 7 or 8 characters of Latin-1; those of numbers have 5 and no ID.
  package func ssObjectID() throws(SolarSystemError) -> Int64 {
    let scalars = description.unicodeScalars
    guard scalars.count == 7 || scalars.count == 8 else {
      throw .invalidDesignation(
        description, reason: "it has \(scalars.count) characters, and only 7 or 8 make an ID; give a column ssObjectId")
    }
    var id: UInt64 = 0
    for scalar in scalars {
      guard scalar.value > 0, scalar.value < 256 else {
        throw .invalidDesignation(description, reason: "a packed designation has letters, digits, ~ and _ alone")
      }
      id = id << 8 | UInt64(scalar.value)
    }
    guard let signed = Int64(exactly: id) else {
      throw .invalidDesignation(description, reason: "its first character makes an ID of more than 63 bits")
    }
    return signed
  }

  /// As people write it; `nil` for a form that ``init(packing:)`` does not make.
  package var readable: String? {
    guard let text = unpacked, (try? PackedDesignation(packing: text))?.description == description else { return nil }
    return text
  }

  // MARK: - Packing

  private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  private static let (firstTilde, largestNumber) = (620_000, 15_396_335)

  private static func number(_ text: String) -> String? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text), number > 0,
      number <= largestNumber
    else { return nil }
    if number >= firstTilde {
      var (rest, packed) = (number - firstTilde, "")
      for _ in 0..<4 {
        packed = String(digits[rest % 62]) + packed
        rest /= 62
      }
      return "~" + packed
    }
    return number < 100_000
      ? padded(number, to: 5) : String(digits[number / 10_000]) + padded(number % 10_000, to: 4)
  }

  private static func provisional(_ text: String) -> String? {
    let scalars = Array(text.unicodeScalars).map { Character($0) }
    guard scalars.count >= 7, scalars[4] == " ", let year = Int(String(scalars[0..<4])), (1000...6199).contains(year),
      isHalfMonth(scalars[5]), isOrder(scalars[6])
    else { return nil }
    var cycle = 0
    if scalars.count > 7 {
      let text = String(scalars[7...])
      guard text.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(text), (1...619).contains(value),
        "\(value)" == text
      else { return nil }
      cycle = value
    }
    return String(digits[year / 100]) + padded(year % 100, to: 2) + String(scalars[5])
      + String(digits[cycle / 10]) + "\(cycle % 10)" + String(scalars[6])
  }

  private static func survey(_ text: String) -> String? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, let name = Self.surveyNames.first(where: { $0.readable == parts[1] })?.packed,
      parts[0].utf8.count == 4, parts[0].utf8.allSatisfy({ (48...57).contains($0) })
    else { return nil }
    return "\(name)\(parts[0])"
  }

  private static let surveyNames: [(readable: String, packed: String)] = [
    ("P-L", "PLS"), ("T-1", "T1S"), ("T-2", "T2S"), ("T-3", "T3S"),
  ]

  /// Half-months are A to Y, without I.
  private static func isHalfMonth(_ letter: Character) -> Bool { isOrder(letter) && letter != "Z" }
  private static func isOrder(_ letter: Character) -> Bool { ("A"..."Z").contains(letter) && letter != "I" }

  private static func padded(_ number: Int, to length: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, length - text.count)) + text
  }

  // MARK: - Unpacking

  private var unpacked: String? {
    let characters = Array(description)
    func value(_ i: Int) -> Int? { Self.digits.firstIndex(of: characters[i]) }
    func decimal(_ range: Range<Int>) -> Int? { Int(String(characters[range])) }
    switch characters.count {
    case 5:
      if characters[0] == "~" {
        var number = 0
        for i in 1..<5 {
          guard let digit = value(i) else { return nil }
          number = number * 62 + digit
        }
        return "\(number + Self.firstTilde)"
      }
      guard let first = value(0), let rest = decimal(1..<5) else { return nil }
      return "\(first * 10_000 + rest)"
    case 7:
      if let survey = Self.surveyNames.first(where: { description.hasPrefix($0.packed) }) {
        return String(characters[3...]) + " " + survey.readable
      }
      guard let century = value(0), let year = decimal(1..<3), let tens = value(4), let ones = decimal(5..<6) else {
        return nil
      }
      let cycle = tens * 10 + ones
      return Self.padded(century * 100 + year, to: 4) + " \(characters[3])\(characters[6])"
        + (cycle == 0 ? "" : "\(cycle)")
    default: return nil
    }
  }
}
