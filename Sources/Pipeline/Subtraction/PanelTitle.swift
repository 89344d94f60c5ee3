// SPDX-License-Identifier: GPL-3.0-or-later
// Words above the panels of a picture.

internal import Repository

/// A word in letters of five by seven dots, each two pixels wide.
struct PanelTitle {
  private let word: String

  init(_ word: String) { self.word = word }

  func draw(on picture: inout Picture, x: Int, y: Int) {
    for (place, letter) in word.enumerated() {
      guard let rows = Self.letters[letter] else { continue }
      for (row, dots) in rows.enumerated() {
        for column in 0..<5 where dots & (16 >> UInt8(column)) != 0 {
          for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            picture.set(x: x + 12 * place + 2 * column + dx, y: y + 2 * row + dy, (30, 30, 30))
          }
        }
      }
    }
  }

  /// The letters that titles are made of; each number is a row of dots, the leftmost being 16.
  private static let letters: [Character: [UInt8]] = [
    "a": [0, 0, 14, 1, 15, 17, 15], "c": [0, 0, 14, 16, 16, 17, 14], "d": [1, 1, 13, 19, 17, 17, 15],
    "e": [0, 0, 14, 17, 31, 16, 14], "f": [6, 9, 8, 28, 8, 8, 8], "i": [4, 0, 12, 4, 4, 4, 14],
    "l": [12, 4, 4, 4, 4, 4, 14], "m": [0, 0, 26, 21, 21, 21, 21], "n": [0, 0, 22, 25, 17, 17, 17],
    "p": [0, 0, 30, 17, 30, 16, 16], "r": [0, 0, 22, 25, 16, 16, 16], "s": [0, 0, 14, 16, 14, 1, 30],
    "t": [8, 8, 28, 8, 8, 9, 6],
  ]
}
