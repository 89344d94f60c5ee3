// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels in files.

package import HDF5
package import Imaging

extension Kernel: DatasetContent {
  package static let formatName = "skydiff kernel"
  package static let formatVersion = 1

  package func write(to root: HDF5Group) throws {
    let dataset = try write(to: root, "kernel")
    try dataset.setAttribute(
      "model",
      "K(x, y) = sum_i phi_i(x, y) kernel[i], phi = 1, x, y, x2, xy, y2, ...; out(p) = sum_d K[d] in(p + d): not flipped"
    )
  }

  package static func read(from root: HDF5Group) throws -> Kernel { try Kernel(reading: try root.dataset("kernel")) }
}

extension MatchingKernel: DatasetContent {
  package static let formatName = "skydiff matching kernel"
  package static let formatVersion = 1

  package func write(to root: HDF5Group) throws {
    try root.setAttribute("convolved_exposure", convolved.rawValue)
    try root.setAttribute("model", "convolved exposure (x) K(x, y) + background(x, y) = the other exposure")
    try kernel.write(to: root)
    try background?.write(to: root, "background")
  }

  package static func read(from root: HDF5Group) throws -> MatchingKernel {
    let name = try root.string("convolved_exposure")
    guard let convolved = Convolved(rawValue: name) else {
      let all = Convolved.allCases.map(\.rawValue).joined(separator: " or ")
      throw FormatError(file: root.file, object: "convolved_exposure", reason: "\(name) is not \(all)")
    }
    return MatchingKernel(
      try Kernel.read(from: root),
      background: root.contains("background") ? try SpatialFunction(reading: try root.dataset("background")) : nil,
      convolved: convolved)
  }
}
