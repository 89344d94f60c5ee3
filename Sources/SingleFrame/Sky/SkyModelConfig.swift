// SPDX-License-Identifier: GPL-3.0-or-later
// How the sky is measured.

package import TaskFramework

/// How the sky is measured; names as in LSST's SubtractBackgroundConfig where there is such a field.
package struct SkyModelConfig: Config {
  package var binSize = 128
  package var numSigmaDetect = 2.5
  package var numSigmaWings = 2.0
  package var numIter = 3
  package var minMeshFraction = 0.25
  package var minPolynomialFraction = 0.02
  package var approxOrder = 2
  package var badMaskPlanes = ["BAD", "SAT", "CR", "NO_DATA", "INTRP"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "binSize", \.binSize, in: 16...4096, doc: "side of a cell of the mesh where the field is not crowded, pixels"),
    .field(
      "numSigmaDetect", \.numSigmaDetect, in: 1...10,
      doc: "blocks that differ from the sky by so many standard deviations, up or down, are no sky"),
    .field("numSigmaWings", \.numSigmaWings, in: 1...10, doc: "the same for means of 4×4 blocks: the wings of stars"),
    .field("numIter", \.numIter, in: 1...20, doc: "rounds of telling sky from sources"),
    .field(
      "minMeshFraction", \.minMeshFraction, in: 0...1,
      doc: "fraction of sky among the good pixels below which a polynomial takes the place of the mesh"),
    .field(
      "minPolynomialFraction", \.minPolynomialFraction, in: 0...1,
      doc: "fraction of sky among the good pixels below which the sky is taken to be the same everywhere"),
    .field("approxOrder", \.approxOrder, in: 0...6, doc: "order of the polynomial"),
    .field("badMaskPlanes", \.badMaskPlanes, count: 0...32, doc: "pixels with these planes do not count"),
  ]
}
