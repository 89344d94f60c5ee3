// SPDX-License-Identifier: GPL-3.0-or-later
// How the noise of a difference is made white where kernel and noise vary.

package import TaskFramework

/// How the correction is applied.
package enum SpatialDecorrelationMethod: String, ConfigChoice {
  /// A small kernel for each part of the image.
  case compact
  /// Overlapping cells, each by Fourier transforms of the whole of it, as in LSST.
  case mapReduce
  /// One filter, that of the middle of the image, as the subtraction tasks of LSST have it.
  case wholeImage
}

/// What is known of the noise of the two images.
package enum NoiseModel: String, ConfigChoice {
  /// What their pixels share, and by how much their variances are wrong, is measured on the difference.
  case measured
  /// Their pixels share nothing and their variances are right, as in LSST.
  case white
}

/// How the noise of a difference is made white where kernel and noise vary; names and defaults as in LSST (differencing B7.1), where it has them.
package struct DecorrelateALKernelSpatialConfig: Config {
  package var decorrelateConfig = DecorrelateALKernelConfig()
  package var decorrelateMapReduceConfig = ImageMapReduceConfig()
  package var ignoreMaskPlanes = DecorrelateALKernelConfig.ignoredPlanes
  package var method = SpatialDecorrelationMethod.compact
  package var noiseModel = NoiseModel.measured
  package var decorrelatePsf = true
  package var cellSize = 400
  package var tolerance = 1e-6
  package var defectMaskPlanes = ["SAT", "CR", "BAD", "NO_DATA"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .config(
      "decorrelateConfig", \.decorrelateConfig, doc: "for one filter over the whole image, and for cells of mapReduce"),
    .config(
      "decorrelateMapReduceConfig", \.decorrelateMapReduceConfig,
      doc: "how the image is divided by mapReduce; compact does not need it"),
    .field(
      "ignoreMaskPlanes", \.ignoreMaskPlanes, count: 0...32, doc: "pixels that do not count for the mean variances"),
    .field("method", \.method, doc: "how the correction is applied"),
    .field("noiseModel", \.noiseModel, doc: "what is known of the noise of the two images (compact)"),
    .field("decorrelatePsf", \.decorrelatePsf, doc: "correct the PSF of the difference, too"),
    .field(
      "cellSize", \.cellSize, in: 64...8192,
      doc: "largest side of a part of the image with a kernel of its own, pixels (compact)"),
    .field(
      "tolerance", \.tolerance, in: 1e-9...0.1,
      doc: "part of the sum of its absolute values that a kernel may lose where it ends (compact)"),
    .field(
      "defectMaskPlanes", \.defectMaskPlanes, count: 0...32,
      doc: "pixels of the image that was not convolved that the filter leaves out and leaves as they are (compact)"),
  ]
}
