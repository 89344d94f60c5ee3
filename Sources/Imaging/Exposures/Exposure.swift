// SPDX-License-Identifier: GPL-3.0-or-later
// An image with everything that is known about it.

package import SkyGeometry

/// Which filter an exposure was taken through.
package struct FilterLabel: Hashable, Sendable {
  /// `g`, `r`, …: what coadds combine.
  package var band: String?
  /// The name of the piece of glass, such as `g DECam SDSS c0001 4720.0 1520.0`.
  package var physicalFilter: String?

  package init(band: String? = nil, physicalFilter: String? = nil) {
    self.band = band
    self.physicalFilter = physicalFilter
  }
}

/// Which detector took an exposure.
package struct Detector: Hashable, Sendable {
  package var id: Int
  package var name: String
  /// The pixels of the detector.
  package var box: Box2I
  /// Electrons a count, averaged over the amplifiers; `nil` when unknown.
  package var gain: Double?
  /// Read noise in electrons; `nil` when unknown.
  package var readNoise: Double?
  /// Counts at which pixels saturate; `nil` when unknown.
  package var saturation: Double?

  package init(
    id: Int, name: String, box: Box2I, gain: Double? = nil, readNoise: Double? = nil, saturation: Double? = nil
  ) {
    self.id = id
    self.name = name
    self.box = box
    self.gain = gain
    self.readNoise = readNoise
    self.saturation = saturation
  }
}

/// A masked image with its calibrations.
package struct Exposure: Sendable {
  package var maskedImage: MaskedImage
  package var psf: (any PSF)?
  package var wcs: SkyWCS?
  package var photoCalib: PhotoCalib?
  package var visitInfo: VisitInfo?
  package var filter: FilterLabel?
  package var detector: Detector?
  package var apCorrMap: ApCorrMap?

  package init(
    _ maskedImage: MaskedImage, psf: (any PSF)? = nil, wcs: SkyWCS? = nil, photoCalib: PhotoCalib? = nil,
    visitInfo: VisitInfo? = nil, filter: FilterLabel? = nil, detector: Detector? = nil, apCorrMap: ApCorrMap? = nil
  ) {
    self.maskedImage = maskedImage
    self.psf = psf
    self.wcs = wcs
    self.photoCalib = photoCalib
    self.visitInfo = visitInfo
    self.filter = filter
    self.detector = detector
    self.apCorrMap = apCorrMap
  }

  package var box: Box2I { maskedImage.box }

  /// The part of the exposure in a box; positions keep their coordinates, so every calibration stays valid.
  package func cropped(to part: Box2I) -> Exposure {
    var result = self
    result.maskedImage = maskedImage.cropped(to: part)
    return result
  }
}
