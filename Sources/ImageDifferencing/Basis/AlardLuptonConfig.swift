// SPDX-License-Identifier: GPL-3.0-or-later
// What Alard & Lupton's functions depend on.

package import TaskFramework

/// What Alard & Lupton's functions depend on; names and defaults are those of the LSST task (differencing A6, A19).
package struct AlardLuptonBasisConfig: Config {
  package var alardNGauss = 3
  package var alardDegGauss = [4, 2, 2]
  package var alardSigGauss = [0.7, 1.5, 3.0]
  package var alardGaussBeta = 2.0
  package var alardMinSig = 0.7
  package var alardMinSigDeconv = 0.4
  package var alardDegGaussDeconv = 3
  package var alardNGaussDeconv = 3
  package var scaleByFwhm = true
  package var kernelSizeFwhmScaling = 6.0
  package var kernelSize = 21
  package var kernelSizeMin = 21
  package var kernelSizeMax = 35

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("alardNGauss", \.alardNGauss, in: 1...8, doc: "number of Gaussians"),
    .field(
      "alardDegGauss", \.alardDegGauss, count: 1...8,
      doc: "degree of the polynomial of each Gaussian, the narrowest first",
      requirement: "from 0 to 8", eachItem: { (0...8).contains($0) }),
    .field(
      "alardSigGauss", \.alardSigGauss, count: 1...8,
      doc: "widths of the Gaussians, pixels; used when both images have PSFs of one width, or scaleByFwhm is off",
      requirement: "above 0", eachItem: { $0 > 0 && $0.isFinite }),
    .field(
      "alardGaussBeta", \.alardGaussBeta, in: 1.01...10, doc: "ratio of the width of each Gaussian to the one before"),
    .field("alardMinSig", \.alardMinSig, in: 0.25...100, doc: "smallest width, pixels"),
    .field(
      "alardMinSigDeconv", \.alardMinSigDeconv, in: 0.25...100, doc: "smallest width where a PSF gets narrower, pixels"),
    .field("alardDegGaussDeconv", \.alardDegGaussDeconv, doc: "accepted, no effect: alardDegGauss holds for all"),
    .field("alardNGaussDeconv", \.alardNGaussDeconv, doc: "accepted, no effect: alardNGauss holds for all"),
    .field("scaleByFwhm", \.scaleByFwhm, doc: "widths and size follow from the widths of the two PSFs"),
    .field(
      "kernelSizeFwhmScaling", \.kernelSizeFwhmScaling, in: 1...100,
      doc: "size of the kernel in units of the widest Gaussian"),
    .field(
      "kernelSize", \.kernelSize, doc: "size of the kernel where it does not follow from the PSFs, pixels",
      requirement: "odd, from 3 to 201", where: { (3...201).contains($0) && $0 % 2 == 1 }),
    .field("kernelSizeMin", \.kernelSizeMin, in: 3...201, doc: "smallest size that follows from the PSFs, pixels"),
    .field("kernelSizeMax", \.kernelSizeMax, in: 3...201, doc: "largest size that follows from the PSFs, pixels"),
  ]

  package func validate() throws(ConfigProblem) {
    guard alardDegGauss.count == alardNGauss else {
      throw ConfigProblem(
        path: "alardDegGauss", reason: "it has \(alardDegGauss.count) items, alardNGauss is \(alardNGauss)")
    }
    guard alardSigGauss.count == alardNGauss else {
      throw ConfigProblem(
        path: "alardSigGauss", reason: "it has \(alardSigGauss.count) items, alardNGauss is \(alardNGauss)")
    }
    guard kernelSizeMin <= kernelSizeMax else {
      throw ConfigProblem(path: "kernelSizeMin", reason: "it is above kernelSizeMax (\(kernelSizeMax))")
    }
  }
}
