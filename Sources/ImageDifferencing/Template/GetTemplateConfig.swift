// SPDX-License-Identifier: GPL-3.0-or-later
// How templates are made.

internal import Imaging
package import TaskFramework

/// How coadds become the template of an exposure; names and defaults as LSST's, where it has them.
package struct GetTemplateConfig: Config {
  package var templateBorderSize = 20
  package var warpingKernelName = "lanczos3"
  package var psfOrder = 2
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "templateBorderSize", \.templateBorderSize, in: 0...1000,
      doc: "pixels by which the template reaches beyond the exposure on each side"),
    .field(
      "warpingKernelName", \.warpingKernelName, doc: "interpolation between pixels",
      requirement: "bilinear or lanczos2 to lanczos8", where: { (try? WarpingKernel(named: $0)) != nil }),
    .field(
      "psfOrder", \.psfOrder, in: 0...6,
      doc: "order of the polynomials that the coadds' PSFs become on the pixels of the exposure"),
    .connections("connections", \.connections),
  ]

  var control: WarpControl {
    get throws { WarpControl(kernel: try WarpingKernel(named: warpingKernelName)) }
  }
}
