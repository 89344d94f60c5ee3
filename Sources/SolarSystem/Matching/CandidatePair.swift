// SPDX-License-Identifier: GPL-3.0-or-later
// An object and a source that may be it.

/// An object and a source that may be it.
package struct CandidatePair: Hashable, Sendable {
  /// Rows of objects and sources.
  package let object: Int
  package let source: Int
  /// The length of the chord between both, radians.
  package let separation: Double
  /// What it costs to take them for the same, against leaving the object alone; never above 0.
  package var cost: Double

  package init(object: Int, source: Int, separation: Double, cost: Double = 0) {
    self.object = object
    self.source = source
    self.separation = separation
    self.cost = cost
  }
}
