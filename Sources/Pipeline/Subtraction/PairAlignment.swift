// SPDX-License-Identifier: GPL-3.0-or-later
// A template on the science exposure's pixels.

internal import Foundation
internal import Imaging
internal import SkyGeometry

/// A template brought onto the science exposure's pixels, as far as it is not there already.
///
/// Where both have a WCS that agree to a tenth of a pixel over the common box, or where one has none, the pixels are taken to be the same; otherwise
/// the template is resampled. Either way it gets a border; what it does not cover has no data.
struct PairAlignment {
  /// How far the same sky may be apart, pixels: what the kernel takes up without harm.
  private static let tolerance = 0.1
  /// So that no edge gets into the difference.
  private static let border = 20

  let template: Exposure
  /// Whether pixels were resampled.
  let isWarped: Bool

  /// - Throws: ``IngestError`` for images that do not share a pixel, ``Imaging/ImagingError``.
  init(_ template: Exposure, onto science: Exposure, templateFile: String, scienceFile: String) throws {
    guard let own = science.wcs, let other = template.wcs,
      Self.shift(own, other, over: science.box) > Self.tolerance
    else {
      isWarped = false
      try Self.check(template, science, templateFile: templateFile, scienceFile: scienceFile)
      var result = template
      result.wcs = science.wcs
      // Without a border the frame would be the template as it is, unconvolved; what is filled in there is masked, but smooth.
      let outer = science.box.grown(by: Self.border)
      if !template.box.contains(outer) { result.maskedImage = try template.maskedImage.extended(to: outer) }
      self.template = result
      return
    }
    isWarped = true
    let box = science.box.grown(by: Self.border)
    let map = WCSPixelMap(destination: own, source: other)
    // Counts of a source stay; the kernel finds the rest of the ratio.
    let control = WarpControl(kernel: .lanczos(5))
    var result = template
    result.maskedImage = try warp(template.maskedImage, to: box, along: map, control: control)
    result.wcs = own
    if let psf = template.psf {
      result.psf = try CoaddPSF.Component(warping: psf, of: template.box, to: box, along: map, control: control).map {
        try CoaddPSF([$0], averagePosition: science.box.center)
      }
    }
    guard result.maskedImage.image.pixels.contains(where: \.isFinite) else {
      throw IngestError(file: templateFile, reason: "by its WCS it shares no sky with \(scienceFile)")
    }
    self.template = result
  }

  /// What can be told of a pair before anything is done to it.
  ///
  /// - Throws: ``IngestError`` for images whose pixels have to be the same and are not.
  static func check(_ template: Exposure, _ science: Exposure, templateFile: String, scienceFile: String) throws {
    if let own = science.wcs, let other = template.wcs, shift(own, other, over: science.box) > tolerance { return }
    guard !science.box.intersection(template.box).isEmpty else {
      throw IngestError(
        file: templateFile,
        reason: "its pixels \(template.box) have none in common with those of \(scienceFile), \(science.box)")
    }
    guard science.wcs != nil && template.wcs != nil || template.box == science.box else {
      throw IngestError(
        file: templateFile,
        reason: "it has \(template.box.width)×\(template.box.height) pixels, \(scienceFile) "
          + "\(science.box.width)×\(science.box.height), and without a WCS in both nobody knows which belong together"
      )
    }
  }

  /// The largest distance, pixels, of the same sky in both over the corners and the middle; infinite where a position has none.
  private static func shift(_ own: SkyWCS, _ other: SkyWCS, over box: Box2I) -> Double {
    guard own != other else { return 0 }
    let places = Box2D(box).corners + [box.center]
    return zip(places, other.skyToPixel(own.pixelToSky(places))).map { place, found in
      found.isFinite ? place.distance(to: found) : .infinity
    }.max() ?? .infinity
  }
}
