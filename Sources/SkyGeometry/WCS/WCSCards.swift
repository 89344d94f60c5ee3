// SPDX-License-Identifier: GPL-3.0-or-later
// The FITS header cards that make a world coordinate system.

/// The cards of a FITS header that define the celestial coordinates of image axes 1 and 2, and nothing else.
///
/// A header is untrusted and WCSLIB's parser allocates as the header says, so only known keywords reach it: the primary
/// description of axes 1 and 2. Further axes of a cube are left out.
package struct WCSCards: Hashable, Sendable {
  /// Cards of at most 80 characters, in the order of the header; the last of several with one keyword counts.
  package private(set) var cards: [String]

  /// Picks the cards of a header that matter, whatever else it holds.
  ///
  /// - Throws: ``WCSError/unsupportedDistortion(keyword:)`` for look-up tables and other distortions that would be ignored,
  ///   ``WCSError/invalidHeader(reason:)`` for more cards than any system has.
  package init(selectingFrom header: some Sequence<String>) throws(WCSError) {
    var latest: [String: Int] = [:]
    cards = []
    for card in header {
      let keyword = Self.keyword(of: card)
      if Self.isForeignDistortion(keyword) { throw .unsupportedDistortion(keyword: keyword) }
      guard Self.isCelestial(keyword) else { continue }
      let printable = String(
        card.unicodeScalars.prefix(80).map { $0.value >= 32 && $0.value < 127 ? Character($0) : " " })
      if let index = latest[keyword] {
        cards[index] = printable
      } else {
        latest[keyword] = cards.count
        cards.append(printable)
      }
      guard cards.count <= 2000 else { throw .invalidHeader(reason: "more than 2000 WCS cards") }
    }
    adoptScampConvention()
  }

  /// The value of a keyword as a number; `nil` when it is absent or not a number.
  package func number(_ keyword: String) -> Double? {
    text(keyword).flatMap { Double($0.replacing("D", with: "E").replacing("d", with: "E")) }
  }

  /// The value of a keyword without quotes, comment and trailing blanks; `nil` when it is absent.
  package func text(_ keyword: String) -> String? {
    guard let card = cards.first(where: { Self.keyword(of: $0) == keyword }), card.count > 10 else { return nil }
    let field = card.dropFirst(10).drop { $0 == " " }
    let value =
      field.first == "'"
      ? field.dropFirst().prefix { $0 != "'" } : field.prefix { $0 != "/" && $0 != " " }
    return String(value.reversed().drop { $0 == " " }.reversed())
  }

  /// Replaces a card, or adds one.
  package mutating func set(_ keyword: String, _ value: Double) {
    replace(keyword, with: Self.card(keyword, "\(value)"))
  }

  /// Replaces a card, or adds one.
  package mutating func set(_ keyword: String, _ value: String) {
    let quoted = "'" + value.padding(to: 8) + "'"
    replace(keyword, with: Self.card(keyword, quoted))
  }

  private mutating func replace(_ keyword: String, with card: String) {
    if let index = cards.firstIndex(where: { Self.keyword(of: $0) == keyword }) {
      cards[index] = card
    } else {
      cards.append(card)
    }
  }

  /// The cards as one block of 80-character records, as a FITS header holds them.
  package var block: String { cards.map { $0.padding(to: 80) }.joined() }

  private static func card(_ keyword: String, _ value: String) -> String {
    let padding = String(repeating: " ", count: max(0, 20 - value.count))
    return keyword.padding(to: 8) + "= " + (value.hasPrefix("'") ? value : padding + value)
  }

  package static func keyword(of card: String) -> String {
    String(card.prefix(8).reversed().drop { $0 == " " }.reversed())
  }

  /// SCAMP before 2014 and its followers write the polynomial of TPV under the name TAN, where it has no meaning.
  private mutating func adoptScampConvention() {
    guard text("CTYPE1")?.hasSuffix("-TAN") == true, text("CTYPE2")?.hasSuffix("-TAN") == true,
      cards.contains(where: { $0.hasPrefix("PV2_") })
    else { return }
    for axis in ["CTYPE1", "CTYPE2"] {
      guard let type = text(axis) else { continue }
      set(axis, String(type.dropLast(3)) + "TPV")
    }
  }

  private static func isForeignDistortion(_ keyword: String) -> Bool {
    ["CPDIS", "CQDIS", "D2IMDIS"].contains { keyword.hasPrefix($0) }
  }

  private static func isCelestial(_ keyword: String) -> Bool {
    let plain: Set<String> = [
      "LONPOLE", "LATPOLE", "RADESYS", "RADECSYS", "EQUINOX", "EPOCH", "A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER",
      "A_DMAX", "B_DMAX",
    ]
    if plain.contains(keyword) { return true }
    let axis = /(CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA)[12]/
    let matrix = /(CD|PC)[12]_[12]/
    let parameter = /PV[12]_\d{1,2}/
    let sip = /(A|B|AP|BP)_\d_\d/
    let irafText = /WAT[12]_\d{3}/
    return keyword.wholeMatch(of: axis) != nil || keyword.wholeMatch(of: matrix) != nil
      || keyword.wholeMatch(of: parameter) != nil || keyword.wholeMatch(of: sip) != nil
      || keyword.wholeMatch(of: irafText) != nil
  }
}

extension String {
  fileprivate func padding(to length: Int) -> String {
    count >= length ? String(prefix(length)) : self + String(repeating: " ", count: length - count)
  }
}
