// SPDX-License-Identifier: GPL-3.0-or-later
// How exposures are warped.

internal import Imaging
package import TaskFramework

/// How the exposures of a visit are resampled onto a patch.
package struct MakeWarpConfig: Config {
  package var warpingKernelName = "lanczos3"
  package var psfOrder = 2
  package var badMaskPlanes = ["BAD", "SAT", "EDGE", "NO_DATA", "CR", "INTRP"]
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "warpingKernelName", \.warpingKernelName, doc: "interpolation between pixels",
      requirement: "bilinear or lanczos2 to lanczos8", where: { (try? WarpingKernel(named: $0)) != nil }),
    .field(
      "psfOrder", \.psfOrder, in: 0...6,
      doc: "order of the polynomial that each detector's PSF becomes on the pixels of the patch"),
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels that do not count when the warp's noise is measured; planes that an image does not have are ignored"),
    .connections("connections", \.connections),
  ]

  var control: WarpControl {
    get throws { WarpControl(kernel: try WarpingKernel(named: warpingKernelName)) }
  }
}
