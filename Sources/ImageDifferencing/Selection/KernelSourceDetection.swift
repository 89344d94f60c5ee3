// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel sources from the science image itself.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import SkyGeometry
internal import TaskFramework

/// An image on which no star was found that a kernel could be measured with (category RuntimeError).
package struct NoKernelSourcesError: CategorizedError, Hashable, CustomStringConvertible {
  package let detected: Int

  package var category: String { "RuntimeError" }
  package var description: String {
    detected == 0
      ? "no source was detected on the science image, so there is no star to measure a kernel with"
      : "none of the \(detected) sources detected on the science image is clear of masked pixels and edges in both images"
  }
}

/// Kernel sources from the science image itself, for want of a catalog (differencing A14.1).
///
/// **Steps.** A smooth background is subtracted (order-6 Chebyshev surface through cells of 128 pixels, or the median where that fails), sources
/// above 10 σ are detected after smoothing with a Gaussian of the PSF's width, and measured. Those that keep a stamp's distance from
/// edges, saturated pixels and missing data in both images are returned.
enum KernelSourceDetection {
  /// The detection as the kernel wants it.
  static func makeDetectionField() -> ConfigurableField {
    var field = SourceDetectionTask.makeField("finds stars where the catalog has too few")
    try? field.update(SourceDetectionConfig.self) {
      $0.thresholdValue = 10
      $0.excludeMaskPlanes = ["EDGE"]
      $0.doTempLocalBackground = false
    }
    return field
  }

  /// The measurements that tell a star.
  static func makeMeasurementField() -> ConfigurableField {
    SingleFrameMeasurementTask.makeField("measures the stars that were found")
  }

  /// - Parameters:
  ///   - exposure: with its PSF.
  ///   - template: mask of the template over the exposure's box.
  ///   - side: of the kernel, pixels.
  /// - Throws: ``NoKernelSourcesError``, ``Measurement/DetectionError``, ``Measurement/MeasurementError``,
  ///   ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  static func sources(
    of exposure: Exposure, template: Mask, side: Int, _ detection: SourceDetectionTask,
    _ measurement: SingleFrameMeasurementTask
  ) throws -> [KernelSource] {
    var image = exposure
    let level = try background(of: exposure.maskedImage)
    try image.maskedImage.add(level, times: -1)
    var schema = try Schema.minimalSource()
    try detection.addFields(to: &schema)
    try measurement.addFields(to: &schema)
    var ids = IDFactory()
    var catalog = try detection.run(&image, schema: schema, ids: &ids).sources
    let detected = catalog.rowCount
    guard detected > 0 else { throw NoKernelSourcesError(detected: 0) }
    let bad = ["NO_DATA", "EDGE", "SAT", "SAT_TEMPLATE"]
    let (own, other) = (exposure.maskedImage.mask, template)
    let (first, second) = (own.planes.bitMask(ofExisting: bad), other.planes.bitMask(ofExisting: bad))
    catalog = catalog.filter { row in
      guard let peak = catalog.footprint(row: row)?.peaks.first,
        let box = Box2I(centeredAt: peak.position, side: 2 * side + 1), own.box.contains(box)
      else { return false }
      return own.isClear(of: first, in: box) && other.isClear(of: second, in: box)
    }
    guard !catalog.isEmpty else { throw NoKernelSourcesError(detected: detected) }
    try measurement.run(&catalog, on: image)
    return try KernelSource.all(of: catalog).map(\.source)
  }

  private static func background(of image: MaskedImage) throws(ImagingError) -> Image<Float> {
    let bad = image.mask.planes.bitMask(ofExisting: ["BAD", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "NO_DATA"])
    let control = StatisticsControl(andMask: bad)
    if let cells = try? Background(
      of: image.image, mask: image.mask, .init(covering: image.box, binSize: 128, statistics: control)),
      let surface = try? ChebyshevApproximation(cells, order: 6).image(), surface.pixels.allSatisfy(\.isFinite)
    {
      return surface.moved(toX: image.box.minX, y: image.box.minY)
    }
    let median = try PixelStatistics(of: image.image, mask: image.mask, control: control, .quartiles).median
    return Image(box: image.box, fill: median.isFinite ? Float(median) : 0)
  }
}

extension MakeKernelTask {
  /// Stars of the science image, for want of a catalog.
  ///
  /// - Throws: as ``KernelSourceDetection``.
  func detectSources(on exposure: Exposure, excluding template: Mask, side: Int) throws -> [KernelSource] {
    try KernelSourceDetection.sources(
      of: exposure, template: template, side: side, selectDetection, selectMeasurement)
  }
}
