// SPDX-License-Identifier: GPL-3.0-or-later
// PSF models in a file.

internal import HDF5
internal import Imaging
internal import SkyGeometry

/// Writes a PSF model into a group.
///
/// - Throws: ``FormatError`` for a kind of model that has no form in a file.
func writePSF(_ psf: any PSF, to group: HDF5Group) throws {
  switch psf {
  case let psf as KernelPSF:
    try group.setAttribute("model", "kernel")
    try group.setAttribute("average_position", [psf.averagePosition.x, psf.averagePosition.y])
    _ = try Image.write([psf.kernel], to: group, "image")
  case let psf as PolynomialPSF:
    try group.setAttribute("model", "polynomial")
    try group.setAttribute("average_position", [psf.averagePosition.x, psf.averagePosition.y])
    _ = try psf.model.write(to: group, "basis_images")
  case let psf as PSFExModel:
    try group.setAttribute("model", "psfex")
    try group.setAttribute("degree", psf.degree)
    try group.setAttribute("zero", [psf.zero.x, psf.zero.y])
    try group.setAttribute("scale", [psf.scale.x, psf.scale.y])
    try group.setAttribute("sampling", psf.sampling)
    if let fwhm = psf.fwhm { try group.setAttribute("fwhm", fwhm) }
    _ = try Image.write(psf.components, to: group, "components")
  case let psf as CoaddPSF: try psf.write(to: group)
  default:
    throw FormatError(
      file: group.file, object: group.path, reason: "a PSF of type \(type(of: psf)) has no form in a file")
  }
}

/// - Throws: ``HDF5Error``, ``FormatError``, ``ImagingError``.
func readPSF(_ group: HDF5Group) throws -> any PSF {
  func point(_ name: String) throws -> Point2D {
    let numbers = try group.doubles(name, count: 2)
    guard numbers.allSatisfy({ $0.isFinite }) else {
      throw FormatError(file: group.file, object: "\(group.path)@\(name)", reason: "\(numbers) is no position")
    }
    return Point2D(x: numbers[0], y: numbers[1])
  }

  switch try group.string("model") {
  case "kernel":
    return try KernelPSF(
      normalized: try Image.read(try group.dataset("image"), count: 1)[0],
      averagePosition: try point("average_position"))
  case "polynomial":
    return try PolynomialPSF(
      try Kernel(reading: try group.dataset("basis_images")), averagePosition: try point("average_position"))
  case "psfex":
    let degree = try group.integer("degree", in: 0...20)
    return try PSFExModel(
      components: try Image.read(try group.dataset("components"), count: SpatialBasis.termCount(order: degree)),
      degree: degree, zero: try point("zero"), scale: try point("scale"), sampling: try group.double("sampling"),
      fwhm: try group.hasAttribute("fwhm") ? group.double("fwhm") : nil)
  case "coadd": return try CoaddPSF(reading: group, averagePosition: try point("average_position"))
  case let model:
    throw FormatError(
      file: group.file, object: "\(group.path)@model", reason: "\(model) is not kernel, polynomial, psfex or coadd")
  }
}
