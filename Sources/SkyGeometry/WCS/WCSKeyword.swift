// SPDX-License-Identifier: GPL-3.0-or-later
// What the keywords of a world coordinate system may hold.

/// What a keyword of a celestial system may hold.
enum WCSKeyword {
  case number(ClosedRange<Double>)
  case integer(ClosedRange<Double>)
  case text((String) -> Bool)

  /// - Returns: `nil` for keywords that say nothing about the celestial coordinates of axes 1 and 2.
  init?(_ keyword: String) {
    switch keyword {
    case "CTYPE1", "CTYPE2": self = .text { Self.isAxisType($0) }
    case "CUNIT1", "CUNIT2":
      self = .text { $0.utf8.count <= 8 && $0.utf8.allSatisfy { ($0 | 32) >= 97 && ($0 | 32) <= 122 } }
    case "RADESYS", "RADECSYS":
      self = .text { $0.utf8.count <= 8 && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") } }
    case "A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER": self = .integer(0...9)
    default:
      let parts = keyword.split(separator: "_", omittingEmptySubsequences: false)
      if keyword.hasPrefix("WAT1_") || keyword.hasPrefix("WAT2_"), parts.count == 2, Self.isDigits(parts[1], 3...3) {
        self = .text { $0.count <= 68 && $0.utf8.allSatisfy { $0 >= 32 && $0 < 127 } }
      } else if Self.isNumeric(keyword, parts) {
        // Beyond this no product of two such numbers is finite.
        self = .number(-1e150...1e150)
      } else {
        return nil
      }
    }
  }

  private static let plainNumbers: Set<String> = [
    "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CDELT1", "CDELT2", "CROTA1", "CROTA2", "LONPOLE", "LATPOLE", "EQUINOX",
    "EPOCH", "A_DMAX", "B_DMAX",
  ]

  /// Plain numbers, matrix elements `CD1_2`, parameters `PV1_11`, SIP coefficients `AP_2_1`.
  private static func isNumeric(_ keyword: String, _ parts: [Substring]) -> Bool {
    if plainNumbers.contains(keyword) { return true }
    switch (parts.count, parts[0]) {
    case (2, "CD1"), (2, "CD2"), (2, "PC1"), (2, "PC2"): return parts[1] == "1" || parts[1] == "2"
    case (2, "PV1"), (2, "PV2"): return isDigits(parts[1], 1...2)
    case (3, "A"), (3, "B"), (3, "AP"), (3, "BP"): return isDigits(parts[1], 1...1) && isDigits(parts[2], 1...1)
    default: return false
    }
  }

  private static func isDigits(_ text: Substring, _ length: ClosedRange<Int>) -> Bool {
    length.contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
  }

  var requirement: String {
    switch self {
    case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
    case .integer(let range): "a whole number from \(Int(range.lowerBound)) to \(Int(range.upperBound))"
    case .text: "text of the form that FITS prescribes for it, with a projection that FITS knows"
    }
  }

  /// The projections of FITS WCS Paper II and the conventions that WCSLIB reads.
  static let projections: Set<String> = [
    "AZP", "SZP", "TAN", "STG", "SIN", "ARC", "ZPN", "ZEA", "AIR", "CYP", "CEA", "CAR", "MER", "COP", "COE", "COD",
    "COO",
    "SFL", "PAR", "MOL", "AIT", "BON", "PCO", "TSC", "CSC", "QSC", "HPX", "XPH", "TPV", "TNX", "ZPX",
  ]

  /// Four characters for the axis, three for the projection, blanks filled with hyphens; or an axis that is not celestial.
  private static func isAxisType(_ text: String) -> Bool {
    func isName(_ name: Substring) -> Bool { !name.isEmpty && name.utf8.allSatisfy { $0 >= 65 && $0 <= 90 } }

    if text.utf8.count <= 8, isName(text[...]) { return true }
    guard text.utf8.count == 8 || (text.utf8.count == 12 && text.hasSuffix("-SIP")) else { return false }
    let axis = text.prefix { $0 != "-" }
    guard axis.utf8.count <= 4, isName(axis), text.prefix(5).dropFirst(axis.count).allSatisfy({ $0 == "-" }) else {
      return false
    }
    return projections.contains(String(text.dropFirst(5).prefix(3)))
  }

  /// Distortions that would change positions and that this does not apply.
  static func isForeignDistortion(_ keyword: String) -> Bool {
    ["CPDIS", "CQDIS", "D2IMDIS"].contains { keyword.hasPrefix($0) }
  }
}
