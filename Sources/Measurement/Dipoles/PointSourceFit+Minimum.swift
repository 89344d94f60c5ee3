// SPDX-License-Identifier: GPL-3.0-or-later
// The positions that fit best.

internal import Imaging
internal import SkyGeometry

/// Where a source may be.
struct PositionBounds {
  let low: Point2D
  let high: Point2D

  /// A square about a start, as far as it lies on a box of pixels.
  init(about start: Point2D, reach: Double, on box: Box2I) {
    let edges = Box2D(box)
    low = Point2D(x: max(start.x - reach, edges.minX), y: max(start.y - reach, edges.minY))
    high = Point2D(x: min(start.x + reach, edges.maxX), y: min(start.y + reach, edges.maxY))
  }

  func clamped(_ position: Point2D) -> Point2D {
    Point2D(x: max(low.x, min(high.x, position.x)), y: max(low.y, min(high.y, position.y)))
  }

  /// Whether a position is where it may go no further.
  func isOnEdge(_ position: Point2D) -> Bool {
    position.x <= low.x || position.x >= high.x || position.y <= low.y || position.y >= high.y
  }
}

extension PointSourceFit {
  /// The minimum of χ² that is reached from given positions, by Levenberg and Marquardt's steps within bounds.
  ///
  /// - Parameters:
  ///   - start: at positions within the bounds.
  ///   - tolerance: it ends when χ² becomes smaller by no more than this part of it.
  /// - Returns: the best that was found.
  func minimum(
    from start: State, within bounds: [PositionBounds], tolerance: Double, maxSteps: Int = 60
  ) -> State {
    var state = start
    var damping = 1e-4
    for _ in 0..<maxSteps {
      guard let step = step(from: state, within: bounds, damping: damping) else { break }
      let trial = state.positions.indices.map { i in bounds[i].clamped(state.positions[i] + step.move[i]) }
      let length = zip(trial, state.positions).map { $0.distance(to: $1) }.max() ?? 0
      // Steps converge fast: after one that promises so little, nothing is left.
      guard length > 1e-9, step.gain > 0.01 * tolerance * state.chi2 else { break }
      if let next = self.state(at: trial), next.chi2 < state.chi2 {
        let gain = state.chi2 - next.chi2
        state = next
        damping = max(damping / 10, 1e-9)
        if gain <= tolerance * next.chi2 { break }
      } else {
        damping *= 10
        if damping > 1e9 { break }
      }
    }
    return state
  }

  /// The state at positions that are put within their bounds.
  func start(at positions: [Point2D], within bounds: [PositionBounds]) -> State? {
    state(at: zip(positions, bounds).map { $1.clamped($0) })
  }

  /// The damped Gauss–Newton step of the positions, and how much smaller it should make χ²; positions that would leave their bounds stay.
  private func step(
    from state: State, within bounds: [PositionBounds], damping: Double
  ) -> (move: [Point2D], gain: Double)? {
    var free: [Int] = []
    for (i, position) in state.positions.enumerated() {
      let axes = [
        (position.x, bounds[i].low.x, bounds[i].high.x), (position.y, bounds[i].low.y, bounds[i].high.y),
      ]
      for (axis, (value, low, high)) in axes.enumerated() {
        let slope = state.gradient[2 * i + axis]
        if (value <= low && slope < 0) || (value >= high && slope > 0) { continue }
        free.append(2 * i + axis)
      }
    }
    let unknowns = free + Array(2 * sourceCount..<state.size)
    guard !free.isEmpty else { return nil }
    var matrix: [Double] = []
    matrix.reserveCapacity(unknowns.count * unknowns.count)
    for i in unknowns {
      for j in unknowns {
        let element = state.normal[i * state.size + j]
        matrix.append(i == j && i < 2 * sourceCount ? element * (1 + damping) : element)
      }
    }
    let right = unknowns.map { state.gradient[$0] }
    guard let solution = try? SymmetricSystem(matrix: matrix, right: right).solve() else { return nil }
    var result = [Point2D](repeating: Point2D(x: 0, y: 0), count: sourceCount)
    for (number, unknown) in free.enumerated() {
      if unknown % 2 == 0 { result[unknown / 2].x = solution.values[number] }
      if unknown % 2 == 1 { result[unknown / 2].y = solution.values[number] }
    }
    guard result.allSatisfy(\.isFinite) else { return nil }
    return (result, zip(solution.values, right).reduce(0) { $0 + $1.0 * $1.1 })
  }
}
