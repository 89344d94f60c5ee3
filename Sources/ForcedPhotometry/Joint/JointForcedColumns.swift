// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of fluxes that were solved for together.

internal import Catalogs
internal import Measurement

/// The columns `joint_PsfFlux_…`; formulas are those of ``JointForcedTask``.
struct JointForcedColumns {
  static let name = "joint_PsfFlux"

  let instFlux: Key<Double>
  let instFluxErr: Key<Double>
  let fracflux: Key<Float>
  let fracmasked: Key<Float>
  let rchisq: Key<Float>
  let npixels: Key<Int32>
  let groupSize: Key<Int32>
  let flag: Key<Bool>
  let noGoodPixels: Key<Bool>
  let edge: Key<Bool>
  let singular: Key<Bool>
  let noPsf: Key<Bool>
  let groupTooLarge: Key<Bool>

  init(addingTo schema: inout Schema) throws(CatalogError) {
    let name = Self.name
    instFlux = try schema.addField(
      name + "_instFlux", unit: "count",
      doc: "flux of a fit of the PSF, together with all neighbours")
    instFluxErr = try schema.addField(
      name + "_instFluxErr", unit: "count",
      doc: "standard error of instFlux, what the neighbours leave open included")
    fracflux = try schema.addField(
      name + "_fracflux",
      doc: "what the neighbours add to a PSF flux that ignores them, as a part of instFlux")
    fracmasked = try schema.addField(
      name + "_fracmasked",
      doc: "part of the PSF on pixels that are left out or lie beyond the image")
    rchisq = try schema.addField(
      name + "_rchisq",
      doc: "mean of residual^2/variance over the pixels used, weighted with the PSF")
    npixels = try schema.addField(name + "_npixels", doc: "number of pixels used")
    groupSize = try schema.addField(
      name + "_groupSize", doc: "number of sources that were solved for together")
    flag = try schema.addFlag(name, doc: "the flux is not to be trusted")
    noGoodPixels = try schema.addFlag(
      name, "noGoodPixels", doc: "there is no good pixel under the PSF")
    edge = try schema.addFlag(
      name, "edge", doc: "a part of the PSF lies beyond the image; the rest was fitted")
    singular = try schema.addFlag(
      name, "singular",
      doc: "another source is at the same place; each has an equal share of their flux")
    noPsf = try schema.addFlag(name, "noPsf", doc: "the PSF is undefined at the source")
    groupTooLarge = try schema.addFlag(
      name, "groupTooLarge", doc: "more sources touch one another than may be solved for together")
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
  }
}
