// SPDX-License-Identifier: GPL-3.0-or-later
// How SdssCentroid measures, and its columns.

package import Catalogs
package import TaskFramework

/// `base_SdssCentroid`: the maximum of the image smoothed by the PSF (detection-measurement B.2.1).
package struct SdssCentroidConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.centroid
  package static let needsPSF = true
  package static let requiredSlots: [Slot] = []

  package var binmax = 16
  package var peakMin = -1.0
  package var wfac = 1.5
  package var doFootprintCheck = true
  package var maxDistToPeak = 1.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("binmax", \.binmax, in: 1...256, doc: "large sources are binned by up to so many pixels"),
    .field("peakMin", \.peakMin, doc: "a peak that is not above this is binned further; not checked when negative"),
    .field(positive: "wfac", \.wfac, doc: "a source is binned further when it is so many times larger than the PSF"),
    .field(
      "doFootprintCheck", \.doFootprintCheck, doc: "go back to the first peak when the centroid leaves the footprint"),
    .field(
      "maxDistToPeak", \.maxDistToPeak,
      doc: "go back to the first peak when it is farther away, pixels; not when negative"),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    try SdssCentroid(name, self, addingTo: &schema)
  }
}

/// The columns of `base_SdssCentroid`.
struct SdssCentroidKeys {
  let position: PointKey
  let error: CovarianceMatrixKey
  let flag: Key<Bool>
  let edge: Key<Bool>
  let noSecondDerivative: Key<Bool>
  let notAtMaximum: Key<Bool>
  let nearEdge: Key<Bool>
  let resetToPeak: Key<Bool>
  let badError: Key<Bool>

  init(_ name: String, addingTo schema: inout Schema) throws(CatalogError) {
    position = try PointKey(adding: name, to: &schema, doc: "maximum of the image smoothed by the PSF")
    error = try CovarianceMatrixKey(
      adding: name, ["x", "y"], units: ["pixel", "pixel"], to: &schema, withCovariances: false, doc: "centroid")
    flag = try schema.addFlag(name, doc: "the centroid is not to be trusted")
    edge = try schema.addFlag(name, "edge", doc: "too near to the image's edge to be measured at all")
    noSecondDerivative = try schema.addFlag(name, "noSecondDerivative", doc: "the smoothed image is flat")
    try schema.addField(
      name + "_flag_almostNoSecondDerivative", as: Bool.self, doc: "the smoothed image is almost flat; never set")
    notAtMaximum = try schema.addFlag(name, "notAtMaximum", doc: "the smoothed image has no extremum there")
    nearEdge = try schema.addFlag(
      name, "near_edge", doc: "so near to the image's edge that a kernel of 5×5 pixels replaced the PSF")
    resetToPeak = try schema.addFlag(name, "resetToPeak", doc: "the centroid left its source; it is the first peak now")
    badError = try schema.addFlag(name, "badError", doc: "the error is NaN")
    try schema.aliasFlag(of: .centroid, as: "badInitialCentroid", for: name)
  }
}
