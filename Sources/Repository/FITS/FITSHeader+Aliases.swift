// SPDX-License-Identifier: GPL-3.0-or-later
// Other names of a table's columns, in a header.

extension FITSHeader {
  /// What `ALIAS` cards say, as catalogs of ours and of the LSST Science Pipelines have them: `slot_PsfFlux:base_PsfFlux`; text that is too long for a card goes on in `CONTINUE` cards.
  var aliases: [(alias: String, target: String)] {
    var texts: [String] = []
    var isOpen = false
    for card in cards {
      let isContinued = isOpen && card.hasPrefix("CONTINUE")
      isOpen = false
      guard isContinued || card.hasPrefix("ALIAS"), let part = Self.quoted(card) else { continue }
      if isContinued { texts[texts.count - 1] += part } else { texts.append(part) }
      if texts[texts.count - 1].hasSuffix("&") {
        texts[texts.count - 1].removeLast()
        isOpen = true
      }
    }
    return texts.compactMap { text in
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }
  }

  /// The text between a card's quotes, without the blanks that fill it up.
  private static func quoted(_ card: String) -> String? {
    guard let first = card.firstIndex(of: "'"), let last = card.lastIndex(of: "'"), first < last else { return nil }
    var text = card[card.index(after: first)..<last]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
