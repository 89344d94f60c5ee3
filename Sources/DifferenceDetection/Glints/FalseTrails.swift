// SPDX-License-Identifier: GPL-3.0-or-later
// How many trails chance makes.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// How many lines as good as one would be found among points that are strewn at random.
///
/// **Model.** Any two points define a line; each of the others is within a distance of it by chance, with the probability that is the
/// strip's share of the area. Times the number of pairs and of choices of the points this is the expected number of such lines
/// (Desolneux, Moisan and Morel 2000, IJCV 40, 7; Moisan and Stival 2004, IJCV 57, 201).
struct FalseTrails {
  /// The logarithm of the number of pairs of points, and of how many numbers of points are tried.
  private let tests: Double
  private let neighbourCount: Int
  /// The share of the area in a strip, a pixel of distance from its middle.
  private let share: Double

  /// Positions of sources are hardly better than this, px: a smaller distance from the line says nothing.
  private static let smallestDistance = 0.5

  /// - Parameters:
  ///   - pointCount: in the whole image.
  ///   - neighbourCount: of those within `radius` of `center`.
  ///   - bounds: of all points.
  init(pointCount: Int, neighbourCount: Int, radius: Double, center: Point2D, bounds: Box2D) {
    // How much of the circle along each axis is where points are.
    func part(_ position: Double, _ low: Double, _ high: Double) -> Double {
      min(max((min(position + radius, high) - max(position - radius, low)) / (2 * radius), 0.1), 1)
    }
    let (partX, partY) = (part(center.x, bounds.minX, bounds.maxX), part(center.y, bounds.minY, bounds.maxY))
    share = 4 * radius * max(partX, partY) / (.pi * radius * radius * partX * partY)
    let m = Double(neighbourCount)
    tests = log10(max(0.5 * Double(pointCount) * m, 1)) + log10(max(m, 1))
    self.neighbourCount = neighbourCount
  }

  /// The decimal logarithm of the number.
  ///
  /// - Parameter count: how many points are within `distance` of a line that was fitted to them; 2 and fewer always are.
  func logNumber(count: Int, within distance: Double) -> Double {
    let free = count - 2
    guard free > 0, free < neighbourCount else { return .infinity }
    // A line that is fitted lies closer to its points than one through two of them.
    let used = max(distance, Self.smallestDistance) * (Double(count) / Double(free)).squareRoot()
    var choices = 0.0
    for i in 0..<free { choices += log10(Double(neighbourCount - 1 - i) / Double(i + 1)) }
    return tests + choices + Double(free) * log10(min(share * used, 1))
  }
}
