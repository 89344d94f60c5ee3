// SPDX-License-Identifier: GPL-3.0-or-later
// The keywords of a FITS header.

internal import Foundation
internal import SkyGeometry
package import TaskFramework

/// The keywords of a header that say something about the data, in order.
package struct FITSHeader: Sendable {
  /// All cards, 80 characters each, as the file has them.
  package let cards: [String]
  private let values: [String: MetadataScalar]
  /// In the order of the cards.
  package let keywords: [String]

  /// - Parameter cards: of the HDU, or of several: a later card of a keyword counts.
  package init(cards: [String]) {
    self.cards = cards
    var values: [String: MetadataScalar] = [:]
    var keywords: [String] = []
    for card in cards {
      guard let (keyword, value) = Self.parse(card) else { continue }
      if values[keyword] == nil { keywords.append(keyword) }
      values[keyword] = value
    }
    self.values = values
    self.keywords = keywords
  }

  package subscript(keyword: String) -> MetadataScalar? { values[keyword] }

  package func number(_ keyword: String) -> Double? {
    switch values[keyword] {
    case .float(let value): value.isFinite ? value : nil
    case .integer(let value): Double(value)
    default: nil
    }
  }

  package func integer(_ keyword: String) -> Int64? {
    switch values[keyword] {
    case .integer(let value): value
    case .float(let value): Int64(exactly: value)
    // Some headers keep numbers as text.
    case .string(let text): Int64(text.trimmingCharacters(in: .whitespaces))
    default: nil
    }
  }

  package func text(_ keyword: String) -> String? {
    if case .string(let value) = values[keyword] { value.isEmpty ? nil : value } else { nil }
  }

  /// A keyword and its value; `nil` for comments, blanks and cards without a value.
  private static func parse(_ card: String) -> (String, MetadataScalar)? {
    var keyword = WCSCards.keyword(of: card)
    var field = card.dropFirst(8)
    if keyword == "HIERARCH" {
      guard let equals = card.firstIndex(of: "=") else { return nil }
      keyword = card[card.index(card.startIndex, offsetBy: 8)..<equals].trimmingCharacters(in: .whitespaces)
      field = card[equals...]
    }
    guard field.first == "=", !keyword.isEmpty else { return nil }
    let text = field.dropFirst().drop { $0 == " " }
    guard let first = text.first, first != "/" else { return nil }
    if first == "'" { return (keyword, .string(quoted(text.dropFirst()))) }
    let word = String(text.prefix { $0 != "/" && $0 != " " })
    if word == "T" || word == "F" { return (keyword, .boolean(word == "T")) }
    if let whole = Int64(word) { return (keyword, .integer(whole)) }
    // FITS allows Fortran's D for the exponent.
    let number = String(word.map { $0 == "D" || $0 == "d" ? "E" : $0 })
    guard number.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }), let value = Double(number)
    else { return nil }
    return (keyword, .float(value))
  }

  /// Text up to the closing quote; two quotes are one, blanks at the end do not count.
  private static func quoted(_ text: Substring) -> String {
    var result = ""
    var rest = text
    while let character = rest.popFirst() {
      if character == "'" {
        guard rest.first == "'" else { break }
        rest.removeFirst()
      }
      result.append(character)
    }
    return String(result.reversed().drop { $0 == " " }.reversed())
  }

  /// Keywords that describe the file or the pixel grid, not the data: they are written anew.
  private static func isStructural(_ keyword: String) -> Bool {
    let exact: Set<String> = [
      "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "BSCALE", "BZERO", "BLANK", "EXTNAME",
      "EXTVER", "EXTTYPE", "INHERIT", "CHECKSUM", "DATASUM", "LONGSTRN", "CONTINUE", "END", "COMMENT", "HISTORY",
      "AR_HDU", "WCSAXES", "TFIELDS", "THEAP", "ZIMAGE", "ZBITPIX", "ZNAXIS", "ZCMPTYPE", "ZQUANTIZ", "ZDITHER0",
      "ZEXTEND", "ZSIMPLE", "ZBLANK", "ZHECKSUM", "ZDATASUM", "ZPCOUNT", "ZGCOUNT", "ZTENSION",
    ]
    let prefixes = ["NAXIS", "ZNAXIS", "ZTILE", "ZNAME", "ZVAL", "MP_", "TTYPE", "TFORM", "LTV", "LTM"]
    return exact.contains(keyword) || prefixes.contains { keyword.hasPrefix($0) }
      || (keyword.hasSuffix("A") && ["CTYPE", "CUNIT", "CRPIX", "CRVAL"].contains { keyword.hasPrefix($0) })
  }

  /// What is worth keeping beside the image: all but the structure and the coordinates, which have places of their own.
  package var metadata: TaskMetadata {
    let celestial = (try? WCSCards(selectingFrom: cards))?.cards ?? []
    let own = Set(celestial.map { WCSCards.keyword(of: $0) })
    var metadata = TaskMetadata()
    for keyword in keywords where !Self.isStructural(keyword) && !own.contains(keyword) {
      // A name that is there twice, or holds what no name may, is left out.
      if let value = values[keyword] { try? metadata.put(keyword, .scalar(value)) }
    }
    return metadata
  }
}
