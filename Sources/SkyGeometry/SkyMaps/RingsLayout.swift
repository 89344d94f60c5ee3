// SPDX-License-Identifier: GPL-3.0-or-later
// Tracts in rings of constant declination.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The whole sky in rings of constant declination with a cap at each pole (framework D.2).
package struct RingsLayout: Hashable, Sendable {
  /// How tracts are numbered.
  package enum Numbering: Int, Hashable, Sendable {
    /// The numbers of maps made before the numbering was mended: the first tract of ring 0 has two numbers and the first
    /// of the last ring none; a position in it finds the northern cap. Only to read old identifiers.
    case version0 = 0
    case version1 = 1
  }

  package var numRings: Int
  package var raStart: Angle
  package var numbering: Numbering

  package init(numRings: Int, raStart: Angle = .zero, numbering: Numbering = .version1) {
    self.numRings = numRings
    self.raStart = raStart
    self.numbering = numbering
  }

  /// The height of a ring.
  package var ringSize: Double { .pi / Double(numRings + 1) }

  func decMin(ring: Int) -> Double { ringSize * (Double(ring) + 0.5) - .pi / 2 }

  /// The number of tracts in a ring.
  func count(ring: Int) -> Int {
    let low = abs(decMin(ring: ring))
    let high = abs(decMin(ring: ring) + ringSize)
    return Int(2 * .pi * cos(min(low, high)) / ringSize) + 1
  }

  /// All tracts, caps included.
  var tractCount: Int { 2 + (0..<numRings).reduce(0) { $0 + count(ring: $1) } }

  /// The place of a tract number: ring and place in it, or a cap.
  enum Place: Hashable {
    case southCap, northCap
    case ring(Int, Int)
  }

  /// - Precondition: `id` is a tract of the map.
  func place(of id: Int) -> Place {
    if id == 0 { return .southCap }
    if id == tractCount - 1 { return .northCap }
    var rest = id - 1
    for ring in 0..<numRings {
      let n = count(ring: ring)
      let isHere = numbering == .version1 ? rest < n : rest <= n
      if isHere { return .ring(ring, rest) }
      rest -= n
    }
    preconditionFailure("tract \(id) is not in the map")
  }

  /// The tract whose inner region holds a position.
  func findTract(_ position: SpherePoint) -> Int {
    let first = decMin(ring: 0)
    let dec = position.dec.radians
    if dec < first { return 0 }
    if dec > -first { return tractCount - 1 }
    // Exactly on the upper edge of the last ring the quotient is the number of rings.
    let ring = min(numRings - 1, Int((dec - first) / ringSize))
    let n = count(ring: ring)
    let turn = (position.ra - raStart).wrapped.radians
    let nearest = Int(turn / (2 * .pi / Double(n)) + 0.5)
    let k = nearest == n ? 0 : nearest
    let below = (0..<ring).reduce(0) { $0 + count(ring: $1) }
    if numbering == .version0, k == 0, ring != 0 { return 1 + below + n }
    return 1 + below + k
  }

  func center(of place: Place) -> SpherePoint {
    switch place {
    case .southCap: SpherePoint(ra: .zero, dec: .radians(-.pi / 2))
    case .northCap: SpherePoint(ra: .zero, dec: .radians(.pi / 2))
    case .ring(let ring, let k):
      SpherePoint(
        ra: Angle(radians: raStart.radians + 2 * .pi * Double(k) / Double(count(ring: ring))).wrapped,
        dec: .radians(ringSize * Double(ring + 1) - .pi / 2))
    }
  }

  func innerRegion(of place: Place) -> TractInfo.InnerRegion {
    let first = decMin(ring: 0)
    switch place {
    case .southCap: return .cap(decLimit: .radians(first), isNorth: false)
    case .northCap: return .cap(decLimit: .radians(-first), isNorth: true)
    case .ring(let ring, _):
      let halfWidth = Double.pi / Double(count(ring: ring))
      return .cell(
        raCenter: center(of: place).ra, raHalfWidth: .radians(halfWidth), decMin: .radians(decMin(ring: ring)),
        decMax: .radians(decMin(ring: ring) + ringSize))
    }
  }

  /// The tracts whose centres lie within a distance of a position.
  func tracts(within distance: Angle, of position: SpherePoint) -> [Int] {
    let target = position.unitVector
    let limit = cos(min(distance.radians, .pi))
    func isNear(_ place: Place) -> Bool { (center(of: place).unitVector * target).sum() >= limit }

    var found: [Int] = []
    if isNear(.southCap) { found.append(0) }
    var firstID = 1
    for ring in 0..<numRings {
      let n = count(ring: ring)
      let ringDec = center(of: .ring(ring, 0)).dec.radians
      if abs(ringDec - position.dec.radians) <= distance.radians {
        for k in 0..<n where isNear(.ring(ring, k)) {
          found.append(numbering == .version0 && k == 0 && ring != 0 ? firstID + n : firstID + k)
        }
      }
      firstID += n
    }
    // Under the old numbering the first tract of the last ring shares the number of the cap.
    if isNear(.northCap), !found.contains(firstID) { found.append(firstID) }
    return found.sorted()
  }
}
