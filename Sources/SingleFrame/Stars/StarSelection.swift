// SPDX-License-Identifier: GPL-3.0-or-later
// Stars among the sources of an image.

internal import Imaging
package import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The stars among the sources of an image: those of the size that the most of them have.
///
/// **Model.** Of the good, isolated sources of enough signal, the 200 of the highest, windows of `sizeWindow` in the logarithm of size are looked at: the one of the smallest size that holds at
/// least three sources and a third as many as the fullest one (galaxies may be more than stars, but none is smaller). Its median, or with 15 sources and more a plane in position through those within it and half a window beside, is the stars' size;
/// their width is 1.4826 times the median distance from it, but at least 1 %. Stars are within `nSigmaClip` widths, the brightest `maxStars` of them.
///
/// With fewer than `minIsolated` isolated sources the others count as well: in a crowded field no star is alone.
package struct StarSelection: Hashable, Sendable {
  /// Rows of the stars, the highest signal to noise first.
  package let stars: [Int]
  /// Median size, px; `nil` without stars.
  package let size: Double?
  /// Scatter of ln size.
  package let width: Double

  package init(
    _ sources: [StarMeasurement], over box: Box2I, _ config: StarSelectionConfig = .init(), minIsolated: Int = 8
  ) {
    func usable(_ isolatedOnly: Bool) -> [Int] {
      sources.indices.filter { i in
        let source = sources[i]
        return source.isGood && (source.isIsolated || !isolatedOnly) && source.signalToNoise >= config.signalToNoiseMin
          && source.size >= config.widthMin && source.size <= config.widthMax && source.position.isFinite
      }
    }
    var candidates = usable(true)
    if candidates.count < minIsolated { candidates = usable(false) }
    let logs = sources.map { log($0.size) }
    // The sizes of the faintest are the most uncertain, and in a crowd the least their own.
    let brightest = candidates.sorted { (sources[$0].signalToNoise, $1) > (sources[$1].signalToNoise, $0) }.prefix(200)
    guard let start = Self.mode(brightest.map { logs[$0] }, window: config.sizeWindow) else {
      (stars, size, width) = ([], nil, 0)
      return
    }
    let near = candidates.filter { abs(logs[$0] - start) <= config.sizeWindow }
    let plane = Self.plane(near.map { sources[$0].position }, near.map { logs[$0] }, over: box)
    func distance(_ i: Int) -> Double { logs[i] - (plane?(sources[i].position) ?? start) }
    let width = max(0.01, 1.482602218505602 * Self.median(near.map { abs(distance($0)) }))
    let chosen = candidates.filter { abs(distance($0)) <= min(config.nSigmaClip * width, 1.5 * config.sizeWindow) }
    stars = Array(
      chosen.sorted { (sources[$0].signalToNoise, $1) > (sources[$1].signalToNoise, $0) }.prefix(config.maxStars))
    size = chosen.isEmpty ? nil : exp(Self.median(chosen.map { logs[$0] }))
    self.width = width
  }

  /// Median of the values in the first window that holds three and a third as many as the fullest; in the fullest when none holds three.
  private static func mode(_ values: [Double], window: Double) -> Double? {
    let sorted = values.sorted()
    var (windows, end): ([Range<Int>], Int) = ([], 0)
    for start in sorted.indices {
      while end < sorted.count, sorted[end] <= sorted[start] + window { end += 1 }
      windows.append(start..<end)
    }
    guard let most = windows.map(\.count).max() else { return nil }
    let enough = min(most, max(3, (most + 2) / 3))
    guard let first = windows.firstIndex(where: { $0.count >= enough }) else { return nil }
    // From there up to where fewer begin to be in the window: the top of this heap.
    var best = windows[first]
    for window in windows[first...] where window.lowerBound <= windows[first].upperBound && window.count > best.count {
      best = window
    }
    return median(Array(sorted[best]))
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// A plane through values, by two rounds of least squares; `nil` with too few of them.
  private static func plane(_ positions: [Point2D], _ values: [Double], over box: Box2I) -> SpatialFunction? {
    guard positions.count >= 15, !box.isEmpty else { return nil }
    let basis = SpatialBasis(.chebyshev(Box2D(box)), order: 1)
    var kept = Array(values.indices)
    var result: SpatialFunction?
    for _ in 0..<3 {
      var system = SymmetricSystem(size: 3)
      for i in kept {
        let terms = basis.terms(at: positions[i])
        for a in 0..<3 {
          system.addRight(terms[a] * values[i], row: a)
          for b in a..<3 { system.add(terms[a] * terms[b], row: a, column: b) }
        }
      }
      guard let solution = try? system.solve(), solution.nullity == 0,
        let fit = try? SpatialFunction(basis, coefficients: solution.values)
      else { return result }
      result = fit
      let rest = values.indices.map { abs(values[$0] - fit(positions[$0])) }
      let limit = 3 * 1.4826 * median(kept.map { rest[$0] })
      kept = values.indices.filter { rest[$0] <= limit }
      guard kept.count >= 10 else { return result }
    }
    return result
  }
}
