// SPDX-License-Identifier: GPL-3.0-or-later
// A line of glints.

package import SkyGeometry

/// A line of glints, `y = slope x + intercept`, fitted by the distances from it.
package struct GlintTrail: Hashable, Sendable {
  /// Infinite for a vertical trail.
  package let slope: Double
  /// Not finite for a vertical trail, px.
  package let intercept: Double
  /// Of the slope, from the scatter about the line; infinite for a vertical trail.
  package let stderr: Double
  /// From the first point to the last, px.
  package let length: Double
  /// From the x axis toward the y axis, above −90 and up to 90 degrees.
  package let angle: Double
  /// Which points are in the trail: their places in the list that was searched, ascending.
  package let members: [Int]
  /// A point on the line.
  package let center: Point2D
}

/// The points that lie on trails, and the trails.
package struct GlintTrails: Hashable, Sendable {
  /// The least likely to be chance first.
  package let trails: [GlintTrail]
  /// Whether each point is in a trail.
  package let isInTrail: [Bool]
}
