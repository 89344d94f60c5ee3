// SPDX-License-Identifier: GPL-3.0-or-later
// The exposure that sources are measured on.

package import Catalogs
package import Imaging
package import SkyGeometry

/// The exposure that the sources of a catalog are measured on, and what their measurements share.
///
/// Used by one thread: it remembers the PSF of the last position.
package final class MeasurementImage {
  package private(set) var exposure: Exposure
  /// Which measurements the others build on, as the catalog says.
  package let slots: MeasurementSlots
  /// The sources whose positions a forced measurement takes, row by row; `nil` for one that is not forced.
  package let reference: ReferenceSources?
  private var lastKernel: (position: Point2D, kernel: Image<Double>)?
  private var lastStamp: (position: Point2D, stamp: Image<Double>)?
  private var lastMoments: (kernel: Image<Double>, moments: AdaptiveMoments)?
  private var lastHSMMoments: (kernel: Image<Double>, moments: HSMMoments?)?
  private var averageMoments: AdaptiveMoments?

  package init(_ exposure: Exposure, slots: MeasurementSlots, reference: ReferenceSources? = nil) {
    self.exposure = exposure
    self.slots = slots
    self.reference = reference
  }

  package var box: Box2I { exposure.box }
  package var image: Image<Float> { exposure.maskedImage.image }
  package var mask: Mask { exposure.maskedImage.mask }
  package var variance: Image<Float> { exposure.maskedImage.variance }

  /// Lets a closure change the pixels, in their own memory once nobody else has them.
  ///
  /// - Throws: ``Imaging/ImagingError`` when the closure leaves another box.
  func changePixels(_ body: (inout Image<Float>) -> Void) throws(ImagingError) {
    try exposure.maskedImage.updateInPlace { image, _, _ in body(&image) }
  }

  /// The PSF's image at the centre of a pixel near a position: odd sides, sum 1, the source at pixel (0, 0).
  package func psfKernel(at position: Point2D) throws(MeasurementFailure) -> Image<Double> {
    if let lastKernel, lastKernel.position == position { return lastKernel.kernel }
    guard position.isFinite, let kernel = try? exposure.psf?.kernelImage(at: position) else {
      throw .undefinedPSF
    }
    lastKernel = (position, kernel)
    return kernel
  }

  /// The PSF's image of a source at a position, in parent coordinates.
  package func psfImage(at position: Point2D) throws(MeasurementFailure) -> Image<Double> {
    if let lastStamp, lastStamp.position == position { return lastStamp.stamp }
    guard position.isFinite, let stamp = try? exposure.psf?.image(at: position) else { throw .undefinedPSF }
    lastStamp = (position, stamp)
    return stamp
  }

  /// The PSF's shape at a position: adaptive moments of its kernel image (B.3.4).
  package func psfMoments(at position: Point2D) throws(MeasurementFailure) -> AdaptiveMoments {
    let kernel = try psfKernel(at: position)
    // A PSF that is the same everywhere gives one array, which is equal to itself at a glance.
    if let lastMoments, lastMoments.kernel == kernel { return lastMoments.moments }
    let moments = adaptiveMoments(ofPSF: kernel)
    lastMoments = (kernel, moments)
    return moments
  }

  /// The PSF's moments at a position under a weight that follows it (B.9.3); `nil` when they cannot be found.
  package func hsmMomentsOfPSF(at position: Point2D) throws(MeasurementFailure) -> HSMMoments? {
    let kernel = try psfKernel(at: position)
    if let lastHSMMoments, lastHSMMoments.kernel == kernel { return lastHSMMoments.moments }
    let moments = hsmMoments(ofPSF: kernel, sigma: try psfMoments(at: position).traceRadius)
    lastHSMMoments = (kernel, moments)
    return moments
  }

  /// The PSF's shape at its average position, which stands for the whole image.
  package func averagePSFMoments() throws(MeasurementFailure) -> AdaptiveMoments {
    if let averageMoments { return averageMoments }
    guard let psf = exposure.psf, let kernel = try? psf.kernelImage(at: psf.averagePosition) else {
      throw .undefinedPSF
    }
    let moments = adaptiveMoments(ofPSF: kernel)
    averageMoments = moments
    return moments
  }
}

/// The columns of the measurements that others build on; `nil` where a slot stands for nothing.
package struct MeasurementSlots: Sendable {
  package var centroid: CentroidSlot?
  package var shape: ShapeSlot?
  package var psfShape: ShapeSlot?
  /// First moments that go with the shape; `nil` when its measurement has none.
  package var shapeCenter: PointKey?
  package var apFlux: FluxSlot?
  /// Set for sources below zero.
  package var isNegative: Key<Bool>?

  package init(_ schema: Schema) {
    centroid = try? schema.centroidSlot()
    shape = try? schema.shapeSlot(.shape)
    psfShape = try? schema.shapeSlot(.psfShape)
    shapeCenter = try? PointKey(Slot.shape.rawValue, in: schema)
    apFlux = try? schema.fluxSlot(.apFlux)
    isNegative = try? schema.key("is_negative")
  }

  func has(_ slot: Slot) -> Bool {
    switch slot {
    case .centroid: centroid != nil
    case .shape: shape != nil
    case .psfShape: psfShape != nil
    default: true
    }
  }

  package func isNegative(row: Int, of catalog: Catalog) -> Bool { isNegative.map { catalog[$0, row] } ?? false }
}
