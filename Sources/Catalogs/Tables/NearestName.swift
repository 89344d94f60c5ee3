// SPDX-License-Identifier: GPL-3.0-or-later
// What someone may have meant.

/// The name nearest to a misspelled one, if any is near: at most a third of its letters changed, added, left out or swapped.
///
/// Case does not count. Of several equally near the first one.
package func nearestName(to name: String, among names: some Sequence<String>) -> String? {
  let wanted = Array(name.lowercased().utf8.prefix(200))
  let limit = max(1, wanted.count / 3)
  var best: (name: String, distance: Int)?
  for candidate in names {
    let other = Array(candidate.lowercased().utf8.prefix(200))
    guard abs(other.count - wanted.count) <= limit else { continue }
    let distance = editDistance(wanted, other)
    if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  return best?.name
}

/// Changes, additions, omissions and swaps of neighbours between two words (optimal string alignment).
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [Int](repeating: i + 1, count: b.count + 1)
    for j in 0..<b.count {
      let change = last[j] + (a[i] == b[j] ? 0 : 1)
      row[j + 1] = min(change, last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1) }
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}
