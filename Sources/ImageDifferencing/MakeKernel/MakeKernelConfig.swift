// SPDX-License-Identifier: GPL-3.0-or-later
// How the kernel that matches two images is found.

internal import Measurement
package import TaskFramework

/// How the kernel that matches two images is found; names and defaults as the subtraction tasks of LSST set them (differencing A19).
package struct MakeKernelConfig: Config {
  package var kernel = MakeKernelConfig.kernels.makeField("functions that kernels are made of", default: "AL")
  package var fwhmExposureGrid = 10
  package var fwhmExposureBuffer = 0.05
  package var selectDetection = KernelSourceDetection.makeDetectionField()
  package var selectMeasurement = KernelSourceDetection.makeMeasurementField()

  package init() {}

  package static let kernels: ConfigRegistry = {
    var registry = ConfigRegistry()
    registry.register("AL", PsfMatchConfigAL.self, doc: "Gaussians times polynomials")
    registry.register("DF", PsfMatchConfigDF.self, doc: "delta functions")
    return registry
  }()

  package static let fields: [ConfigField<Self>] = [
    .registry("kernel", \.kernel),
    .field(
      "fwhmExposureGrid", \.fwhmExposureGrid, in: 1...1000,
      doc: "positions along a side at which a PSF is measured that has no average position"),
    .field(
      "fwhmExposureBuffer", \.fwhmExposureBuffer, in: 0...0.49,
      doc: "part of the image at each side that these positions leave out"),
    .subtask("selectDetection", \.selectDetection),
    .subtask("selectMeasurement", \.selectMeasurement),
  ]
}
