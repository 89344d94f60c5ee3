// SPDX-License-Identifier: GPL-3.0-or-later
// How the noise of a difference is made white.

package import TaskFramework

/// How the noise of a difference is made white with one filter for the whole image; names and defaults as in LSST (differencing B1.8).
package struct DecorrelateALKernelConfig: Config {
  package var ignoreMaskPlanes = DecorrelateALKernelConfig.ignoredPlanes
  package var completeVarPlanePropagation = false
  package var decorrelatePsf = true

  package init() {}

  static let ignoredPlanes = ["INTRP", "EDGE", "DETECTED", "SAT", "CR", "BAD", "NO_DATA", "DETECTED_NEGATIVE"]

  package static let fields: [ConfigField<Self>] = [
    .field(
      "ignoreMaskPlanes", \.ignoreMaskPlanes, count: 0...32, doc: "pixels that do not count for the mean variances"),
    .field(
      "completeVarPlanePropagation", \.completeVarPlanePropagation,
      doc: "convolve the variance planes with the squares of the filters, instead of scaling them"),
    .field("decorrelatePsf", \.decorrelatePsf, doc: "correct the PSF of the difference, too"),
  ]
}
