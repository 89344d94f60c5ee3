// SPDX-License-Identifier: GPL-3.0-or-later
// How listed sources are measured.

internal import Catalogs
internal import ForcedPhotometry
package import Measurement
package import TaskFramework

/// How listed sources are measured on an exposure: the settings of a forced measurement under their own names, and what a list asks for beside it.
package struct FileForcedConfig: Config {
  package var measurement = ForcedMeasurementConfig()
  package var footprintScale = 3.0
  package var doJoint = true
  package var joint = JointForcedTask.makeField("solves for the fluxes of neighbours together")
  package var doApCorr = true
  package var applyApCorr = ApplyApCorrTask.makeField("corrects fluxes to those of a large aperture")
  package var limitSigma = 5.0
  package var keepColumns = ["*"]

  package init() {
    // Each of these exists.
    try? measurement.plugins.select([
      "base_TransformedCentroid", "base_PsfFlux", "base_CircularApertureFlux", "base_LocalBackground",
      "base_PixelFlags",
    ])
    // Wide circles hold more of the neighbours than of a source, and take as long as all the rest.
    try? measurement.plugins.update("base_CircularApertureFlux", CircularApertureFluxConfig.self) {
      $0.radii = [3, 4.5, 6, 9, 12, 17, 25]
    }
    // A list says nothing of how far its sources reach, nor whether it has all that there are.
    measurement.doReplaceWithNoise = false
    measurement.copyColumns = []
    try? applyApCorr.update(ApplyApCorrConfig.self) { $0.proxies = ["joint_PsfFlux:base_PsfFlux"] }
  }

  package static let fields: [ConfigField<Self>] =
    // The list's own columns are kept by their names.
    ConfigField.lifted(\Self.measurement).filter { $0.name != "copyColumns" } + [
      .field(
        positive: "footprintScale", \.footprintScale,
        doc: "a source's footprint is the ellipse of the PSF's second moments times this"),
      .field("doJoint", \.doJoint, doc: "solve for the PSF fluxes of neighbours together, too"),
      .subtask("joint", \.joint),
      .field("doApCorr", \.doApCorr, doc: "correct fluxes where the exposure has aperture corrections"),
      .subtask("applyApCorr", \.applyApCorr),
      .field(
        "limitSigma", \.limitSigma, in: 0...100,
        doc: "standard errors of the flux whose magnitude is the limit; no limit for 0"),
      .field(
        "keepColumns", \.keepColumns, count: 0...1000, doc: "columns of the list to keep; * for all",
        requirement: "a name of a column, or *", eachItem: { $0 == "*" || Field.isName($0) }),
    ]

  package func validate() throws(ConfigProblem) { try measurement.validate() }
}
