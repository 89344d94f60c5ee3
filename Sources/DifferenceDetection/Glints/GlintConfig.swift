// SPDX-License-Identifier: GPL-3.0-or-later
// How trails of glints are found.

package import TaskFramework

/// How trails of glints are found; names and defaults are those of LSST's FindGlintTrailsConfig (detection-measurement A.14.3).
///
/// There is no seed: every direction is tried, and nothing is drawn at random.
package struct GlintConfig: Config {
  package var radius = 500.0
  package var minPoints = 5
  package var threshold = 15.0
  package var falseTrails = 0.01
  package var badFlags = ["ip_diffim_DipoleFit_classification", "is_negative"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "radius", \.radius, doc: "how far from its next point a point of a trail may be, pixels",
      requirement: "above 0, to 100000", where: { $0 > 0 && $0 <= 100_000 }),
    .field("min_points", \.minPoints, in: 3...1000, doc: "fewest points of a trail"),
    .field(
      "threshold", \.threshold, doc: "how far from the line a point of a trail may be, pixels",
      requirement: "above 0, to 100000", where: { $0 > 0 && $0 <= 100_000 }),
    .field(
      "false_trails", \.falseTrails, in: 1e-300...1e300,
      doc: "how many trails of points strewn at random are put up with, an image; 1e300 for whatever lies on a line"),
    .field("bad_flags", \.badFlags, count: 0...1000, doc: "sources with any of these flags are no glints"),
  ]
}
