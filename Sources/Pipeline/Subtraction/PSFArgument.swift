// SPDX-License-Identifier: GPL-3.0-or-later
// A PSF as a person gives it.

package import Imaging
internal import Repository
package import SkyGeometry

/// A PSF as a person gives it: a FWHM in pixels, an image, a model of PSFEx, or an exposure that has one.
package struct PSFArgument: Hashable, Sendable {
  private let text: String

  package init(_ text: String) { self.text = text }

  /// As it was given.
  var description: String { text }
  /// The file that it names; `nil` for a FWHM.
  var file: String? { Double(text) == nil ? text : nil }

  /// - Parameter box: of the image that it is for.
  /// - Throws: ``IngestError``, ``Repository/FITSError``, and what reading throws.
  package func psf(over box: Box2I) throws -> any PSF {
    let center = box.center
    if let fwhm = Double(text) {
      return try named { () throws in try KernelPSF(gaussianFwhm: fwhm, averagePosition: center) }
    }
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46]
    if try readBeginning(of: text, count: signature.count) == signature {
      guard let psf = try ExposureReader().read(text).exposure.psf else {
        throw IngestError(file: text, reason: "the exposure has no PSF")
      }
      return psf
    }
    if text.lowercased().hasSuffix(".psf") { return try PSFExModel(psfexFile: text) }
    guard let image = try psfImage() else {
      do {
        return try PSFExModel(psfexFile: text)
      } catch FITSError.missing {
        throw IngestError(
          file: text,
          reason:
            "it is no PSF: neither an image of two axes, nor a model of PSFEx (a table PSF_DATA), nor an exposure that has one"
        )
      }
    }
    return try named { () throws in try KernelPSF(image, averagePosition: center) }
  }

  /// The PSF of a FITS exposure, or the image that it is itself; `nil` for a file without an image, as a model of PSFEx is.
  private func psfImage() throws -> Image<Double>? {
    do {
      let fits = try FITSExposure(text)
      if let psf = fits.psf { return psf }
      return fits.image.map { Double($0) }
    } catch let error {
      if case .missing = error { return nil }
      throw error
    }
  }

  private func named(_ make: () throws -> KernelPSF) throws -> KernelPSF {
    do {
      return try make()
    } catch let error as ImagingError {
      throw IngestError(file: text, reason: "it is no PSF: \(error)")
    }
  }
}
