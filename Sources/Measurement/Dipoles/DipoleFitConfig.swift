// SPDX-License-Identifier: GPL-3.0-or-later
// How dipoles are fitted.

package import TaskFramework

/// How dipoles are fitted and told from other sources; names and defaults as in the reference (detection-measurement A.15.1), but for
/// the last three.
package struct DipoleFitConfig: Config {
  /// What the fit counts as a good one.
  package enum Weighting: String, ConfigChoice {
    /// Each pixel by its variance.
    case variance
    /// As the reference does: all pixels of an image alike.
    case unweighted = "none"
  }

  package var fitAllDiaSources = false
  package var maxSeparation = 5.0
  package var relWeight = 0.5
  package var tolerance = 1e-7
  package var fitBackground = 1
  package var fitSeparateNegParams = false
  package var minSn = 7.071_067_811_865_475_5
  package var maxFluxRatio = 0.65
  package var maxFootprintArea = 1200
  package var weighting = Weighting.variance
  package var badMaskPlanes = ["BAD", "SAT", "NO_DATA"]
  package var footprintGrowth = 5

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("fitAllDiaSources", \.fitAllDiaSources, doc: "fit all sources, not only those with peaks of both signs"),
    .field(
      positive: "maxSeparation", \.maxSeparation,
      doc: "how far each lobe may be from its peak along each axis, in standard deviations of the PSF"),
    .field(
      "relWeight", \.relWeight, in: 0...100,
      doc: "weight of science image and template beside the difference; χ² takes its square, and 0 leaves them out"),
    .field(
      "tolerance", \.tolerance, in: 1e-15...1e-2,
      doc: "the fit ends when a step makes χ² smaller by no more than this part"),
    .field(
      "fitBackground", \.fitBackground, in: 0...2,
      doc: "0: none; 1: a plane under the science image and one under the template; 2: under the difference, too"),
    .field(
      "fitSeparateNegParams", \.fitSeparateNegParams, doc: "the lobes have fluxes of their own; else they share one"),
    .field("minSn", \.minSn, in: 0...1e9, doc: "a dipole's signal-to-noise ratio is above this"),
    .field("maxFluxRatio", \.maxFluxRatio, in: 0.5...1, doc: "each lobe of a dipole has less than this share of both"),
    .field(
      "maxFootprintArea", \.maxFootprintArea, in: -1_000_000_000...1_000_000_000,
      doc: "larger footprints are not fitted, pixels; no limit when it is 0 or less"),
    .field(
      "weighting", \.weighting,
      doc: "variance: pixels count by their variance; none: the reference's least squares without weights"),
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels with these planes are left out; those that an image lacks are ignored"),
    .field(
      "footprintGrowth", \.footprintGrowth, in: 0...100,
      doc: "how far beyond its footprint a source is fitted, pixels; not under weighting none, which takes the box"),
  ]
}
