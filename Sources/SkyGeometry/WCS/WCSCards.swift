// SPDX-License-Identifier: GPL-3.0-or-later
// The FITS header cards that make a world coordinate system.

/// The keywords of a FITS header that define the celestial coordinates of image axes 1 and 2, and nothing else.
///
/// A header is untrusted, and WCSLIB's parser allocates as the header says and overruns its buffers on damaged text. So nothing of
/// the header reaches it as it stands: known keywords of axes 1 and 2 are read here, checked, and written anew. Further axes
/// of a cube are left out.
package struct WCSCards: Hashable, Sendable {
  private enum Value: Hashable, Sendable {
    case number(Double)
    case text(String)
  }

  private struct Entry: Hashable, Sendable {
    var keyword: String
    var value: Value
  }

  /// In the order of the header.
  private var entries: [Entry] = []

  /// A system without any keyword.
  init() {}

  /// Picks the cards of a header that matter, whatever else it holds; of several with one keyword the last counts.
  ///
  /// - Throws: ``WCSError/unsupportedDistortion(keyword:)`` for look-up tables and other distortions that would be ignored,
  ///   ``WCSError/invalidHeader(reason:)`` for a value that its keyword cannot have.
  package init(selectingFrom header: some Sequence<String>) throws(WCSError) {
    for card in header {
      let keyword = Self.keyword(of: card)
      if WCSKeyword.isForeignDistortion(keyword) { throw .unsupportedDistortion(keyword: keyword) }
      guard let kind = WCSKeyword(keyword) else { continue }
      let field = Self.value(of: card)
      let value: Value? =
        switch kind {
        case .number(let range): Self.number(field).flatMap { range.contains($0) ? .number($0) : nil }
        case .integer(let range):
          Self.number(field).flatMap { range.contains($0) && $0 == $0.rounded() ? .number($0) : nil }
        case .text(let isAllowed): isAllowed(field) ? .text(field) : nil
        }
      guard let value else {
        throw .invalidHeader(reason: "\(keyword) cannot be \"\(field)\"; it must be \(kind.requirement)")
      }
      store(keyword, value)
    }
    try checkPolynomialOrders()
    adoptScampConvention()
  }

  /// The value of a keyword as a number; `nil` when it is absent or text.
  package func number(_ keyword: String) -> Double? {
    guard case .number(let value) = entries.first(where: { $0.keyword == keyword })?.value else { return nil }
    return value
  }

  /// The value of a keyword as text; `nil` when it is absent or a number.
  package func text(_ keyword: String) -> String? {
    guard case .text(let value) = entries.first(where: { $0.keyword == keyword })?.value else { return nil }
    return value
  }

  /// Replaces a number, or adds it.
  mutating func set(_ keyword: String, _ value: Double) { store(keyword, .number(value)) }

  /// Replaces a text, or adds it.
  mutating func set(_ keyword: String, _ value: String) { store(keyword, .text(value)) }

  private mutating func store(_ keyword: String, _ value: Value) {
    if let index = entries.firstIndex(where: { $0.keyword == keyword }) {
      entries[index].value = value
    } else {
      entries.append(Entry(keyword: keyword, value: value))
    }
  }

  /// The cards as a FITS header holds them, of 80 characters each; numbers keep every bit.
  package var cards: [String] {
    entries.map { entry in
      let value =
        switch entry.value {
        case .number(let number):
          // Orders were checked to be whole and small; WCSLIB refuses them with a decimal point.
          entry.keyword.hasSuffix("_ORDER") ? "\(Int(number))" : "\(number)".uppercased()
        case .text(let text): "'" + text.padding(to: 8) + "'"
        }
      let padding = String(repeating: " ", count: value.hasPrefix("'") ? 0 : max(0, 20 - value.count))
      return (entry.keyword.padding(to: 8) + "= " + padding + value).padding(to: 80)
    }
  }

  package static func keyword(of card: String) -> String {
    String(card.prefix(8).reversed().drop { $0 == " " }.reversed())
  }

  /// What stands behind `=`, without quotes, comment and trailing blanks.
  private static func value(of card: String) -> String {
    guard card.dropFirst(8).first == "=" else { return "" }
    let field = card.dropFirst(9).drop { $0 == " " }
    let value = field.first == "'" ? field.dropFirst().prefix { $0 != "'" } : field.prefix { $0 != "/" && $0 != " " }
    return String(value.reversed().drop { $0 == " " }.reversed())
  }

  private static func number(_ field: String) -> Double? {
    // FITS allows Fortran's D for the exponent.
    Double(String(field.map { $0 == "D" || $0 == "d" ? "E" : $0 })).flatMap { $0.isFinite ? $0 : nil }
  }

  /// The coefficients of SIP may not go beyond the order that is declared for them.
  private func checkPolynomialOrders() throws(WCSError) {
    for entry in entries {
      let parts = entry.keyword.split(separator: "_")
      guard parts.count == 3, let p = Int(parts[1]), let q = Int(parts[2]) else { continue }
      guard let order = number("\(parts[0])_ORDER") else { throw .missingKeyword("\(parts[0])_ORDER") }
      guard Double(p + q) <= order else {
        throw .invalidHeader(reason: "\(entry.keyword) is beyond \(parts[0])_ORDER = \(order)")
      }
    }
  }

  /// SCAMP before 2014 and its followers write the polynomial of TPV under the name TAN, where it has no meaning.
  private mutating func adoptScampConvention() {
    guard let first = text("CTYPE1"), let second = text("CTYPE2"), first.hasSuffix("-TAN"), second.hasSuffix("-TAN"),
      entries.contains(where: { $0.keyword.hasPrefix("PV2_") })
    else { return }
    set("CTYPE1", first.dropLast(3) + "TPV")
    set("CTYPE2", second.dropLast(3) + "TPV")
  }
}

extension String {
  fileprivate func padding(to length: Int) -> String {
    count >= length ? self : self + String(repeating: " ", count: length - count)
  }
}
