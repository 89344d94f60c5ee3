// SPDX-License-Identifier: GPL-3.0-or-later
// What kernels of delta functions depend on.

package import TaskFramework

/// What kernels of delta functions depend on: their size, which does not follow from the PSFs (differencing A15.1, A19).
package struct DeltaFunctionBasisConfig: Config {
  package var kernelSize = 21
  package var scaleByFwhm = true
  package var kernelSizeFwhmScaling = 6.0
  package var kernelSizeMin = 21
  package var kernelSizeMax = 35

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "kernelSize", \.kernelSize, doc: "size of the kernel, pixels; each of its pixels is an unknown",
      requirement: "odd, from 3 to 35", where: { (3...35).contains($0) && $0 % 2 == 1 }),
    .field("scaleByFwhm", \.scaleByFwhm, doc: "accepted, no effect: the size is kernelSize"),
    .field("kernelSizeFwhmScaling", \.kernelSizeFwhmScaling, doc: "accepted, no effect: the size is kernelSize"),
    .field("kernelSizeMin", \.kernelSizeMin, doc: "accepted, no effect: the size is kernelSize"),
    .field("kernelSizeMax", \.kernelSizeMax, doc: "accepted, no effect: the size is kernelSize"),
  ]
}
