// SPDX-License-Identifier: GPL-3.0-or-later
// How kernels are found, with either kind of functions.

package import TaskFramework

/// What configurations of the reference system may name though nothing depends on it there either (differencing A15.4).
package struct UnusedKernelConfig: Config {
  package var useAfwBackground = false
  package var calculateKernelUncertainty = false
  package var useBicForKernelBasis = false

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("useAfwBackground", \.useAfwBackground, doc: "accepted, no effect"),
    .field("calculateKernelUncertainty", \.calculateKernelUncertainty, doc: "accepted, no effect"),
    .field("useBicForKernelBasis", \.useBicForKernelBasis, doc: "accepted, no effect"),
  ]
}

/// How kernels of Alard & Lupton's functions are found: all fields of its parts, side by side, as in LSST (differencing A19).
package struct PsfMatchConfigAL: Config {
  package var kernelBasisSet = "alard-lupton"
  package var basis = AlardLuptonBasisConfig()
  package var search = KernelSearchConfig()
  package var unused = UnusedKernelConfig()

  package init() {}

  package static let fields: [ConfigField<Self>] =
    [
      .field(
        "kernelBasisSet", \.kernelBasisSet, doc: "the kind of functions, which follows from the alternative",
        requirement: "alard-lupton; select DF for others", where: { $0 == "alard-lupton" })
    ] + ConfigField.lifted(\Self.basis) + ConfigField.lifted(\Self.search) + ConfigField.lifted(\Self.unused)

  package func validate() throws(ConfigProblem) {
    try basis.validate()
    try search.validate()
  }
}

/// How kernels of delta functions are found: all fields of its parts, side by side, as in LSST (differencing A15, A19).
///
/// What both kinds share has the values that the subtraction tasks of LSST give to the other kind.
package struct PsfMatchConfigDF: Config {
  package var kernelBasisSet = "delta-function"
  package var basis = DeltaFunctionBasisConfig()
  package var search = KernelSearchConfig()
  package var regularization = KernelRegularizationConfig()
  package var unused = UnusedKernelConfig()

  package init() {
    search.maxConditionNumber = 5e6
    search.usePcaForSpatialKernel = true
  }

  package static let fields: [ConfigField<Self>] =
    [
      .field(
        "kernelBasisSet", \.kernelBasisSet, doc: "the kind of functions, which follows from the alternative",
        requirement: "delta-function; select AL for others", where: { $0 == "delta-function" })
    ] + ConfigField.lifted(\Self.basis) + ConfigField.lifted(\Self.search) + ConfigField.lifted(\Self.regularization)
    + ConfigField.lifted(\Self.unused)

  package func validate() throws(ConfigProblem) {
    try search.validate()
    try regularization.validate()
  }
}
