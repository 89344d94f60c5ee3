// SPDX-License-Identifier: GPL-3.0-or-later
// How coadds are made.

package import TaskFramework

/// How warps become coadds.
package struct AssembleCoaddConfig: Config {
  package var badMaskPlanes = ["NO_DATA", "BAD", "SAT", "CR", "INTRP", "EDGE"]
  package var doClip = true
  package var sigmaClip = 4.0
  package var sigmaClipBeside = 2.5
  package var medianFraction = 0.3
  package var propagatedMaskPlanes = ["SAT"]
  package var maskPropagationThreshold = 0.1
  package var doMatchBackgrounds = true
  package var doTemplateCoadd = true
  package var doDeepCoadd = true
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels that count only where no visit has a better one; planes that a warp does not have are ignored"),
    .field("doClip", \.doClip, doc: "leave out outliers, where three visits or more are good"),
    .field(
      "sigmaClip", \.sigmaClip, in: 1...100,
      doc:
        "a pixel is an outlier when it is farther from the median than this many standard deviations and medianFraction"
    ),
    .field("sigmaClipBeside", \.sigmaClipBeside, in: 1...100, doc: "the same beside an outlier of the same visit"),
    .field(
      "medianFraction", \.medianFraction, in: 0...10,
      doc:
        "by what fraction of the median (the largest of the pixel and its neighbours) visits may differ; what their PSFs' "
        + "peaks differ by is added"),
    .field(
      "propagatedMaskPlanes", \.propagatedMaskPlanes, count: 0...32,
      doc: "planes that the coadd has where visits of enough weight were left out for them"),
    .field("maskPropagationThreshold", \.maskPropagationThreshold, in: 0...1, doc: "the weight that is enough, of 1"),
    .field(
      "doMatchBackgrounds", \.doMatchBackgrounds, doc: "add the background models that matchBackgrounds made"),
    .field("doTemplateCoadd", \.doTemplateCoadd, doc: "make the coadd of the template's visits"),
    .field("doDeepCoadd", \.doDeepCoadd, doc: "make the coadd of all visits"),
    .connections("connections", \.connections),
  ]

  package func validate() throws(ConfigProblem) {
    guard doTemplateCoadd || doDeepCoadd else {
      throw ConfigProblem(path: "doDeepCoadd", reason: "neither coadd is to be made")
    }
    guard sigmaClipBeside <= sigmaClip else {
      throw ConfigProblem(path: "sigmaClipBeside", reason: "it must be at most sigmaClip (\(sigmaClip))")
    }
  }
}
