// SPDX-License-Identifier: GPL-3.0-or-later
// From blends to sources.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import SkyGeometry

/// A detection, and what the deblender says of it.
struct Detection {
  let footprint: Footprint
  var blend = Blend()

  /// What the deblender says of a source.
  struct Blend {
    /// Of the blend that it comes from; 0 for none.
    var parentPeakCount = 0
    var peakID: Int64 = 0
    var position = Point2D(x: .nan, y: .nan)
    var flux = Double.nan
    var fluxError = Double.nan
    /// Whether point sources fit the blend.
    var isPSF = false
    var isSkipped = false
    var hasTooManyPeaks = false
    var isTooBig = false
    var isMasked = false

    var isDeblended: Bool { parentPeakCount > 0 }
  }
}

/// Separates sources of one polarity whose footprints are one: all of them if point sources fit them, else those that lie well apart.
struct Deblender {
  let config: DeblendConfig
  let image: MaskedImage
  let psf: any PSF

  /// The sources of a footprint: itself, or its children, the strongest first.
  ///
  /// A child's footprint is heavy: each pixel of the blend goes to the children in proportion to their models there, and to none where no model has light.
  func sources(of footprint: Footprint) -> [Detection] {
    guard footprint.peaks.count > 1 else { return [Detection(footprint: footprint)] }
    var whole = Detection(footprint: footprint)
    whole.blend.hasTooManyPeaks = footprint.peaks.count > config.maxNumberOfPeaks
    whole.blend.isTooBig = footprint.area > config.maxFootprintArea
    whole.blend.isMasked = !whole.blend.isTooBig && maskedFraction(of: footprint) > config.maxMaskedFraction
    whole.blend.isSkipped = whole.blend.hasTooManyPeaks || whole.blend.isTooBig || whole.blend.isMasked
    guard !whole.blend.isSkipped else { return [whole] }
    guard let fit = BlendFit(footprint, peaks: footprint.peaks, on: image, psf: psf, config) else {
      whole.blend.isSkipped = true
      return [whole]
    }
    if fit.reducedChi2 < config.psfChisq {
      guard fit.sources.count < 2 else { return children(of: footprint, fit, isPSF: true) }
      // The other peaks are none.
      let own = Footprint(footprint.spans, peaks: fit.sources.map(\.peak), region: footprint.region)
      return [Detection(footprint: own)]
    }
    // Not point sources: what lies well apart is several sources all the same.
    let apart = separated(footprint.peaks)
    guard apart.count > 1, let rest = BlendFit(footprint, peaks: apart, on: image, psf: psf, config),
      rest.sources.count > 1
    else {
      whole.blend.isSkipped = true
      return [whole]
    }
    return children(of: footprint, rest, isPSF: false)
  }

  /// The strongest peaks that keep some distance from each other.
  private func separated(_ peaks: [Peak]) -> [Peak] {
    guard let kernel = try? psf.kernelImage(at: psf.averagePosition) else { return [] }
    let distance = config.minSeparation * adaptiveMoments(ofPSF: kernel).determinantRadius
    var result: [Peak] = []
    for peak in peaks where result.allSatisfy({ $0.position.distance(to: peak.position) >= distance }) {
      result.append(peak)
    }
    return result
  }

  private func maskedFraction(of footprint: Footprint) -> Double {
    let pattern = image.mask.planes.bitMask(ofExisting: config.maskPlanes)
    var count = 0
    for span in footprint.spans.clipped(to: image.box).spans {
      let bits = image.mask.bits.row(span.y)
      for x in span.x0...span.x1 where bits[x - image.box.minX] & pattern != 0 { count += 1 }
    }
    return Double(count) / Double(max(1, footprint.area))
  }

  /// Shares smaller than this are none.
  private static let smallestShare = 0.005

  private func children(of footprint: Footprint, _ fit: BlendFit, isPSF: Bool) -> [Detection] {
    struct Part {
      var spans: [Span] = []
      var values: [Float] = []
      var bits: [UInt32] = []
      var variances: [Float] = []
    }
    var parts = [Part](repeating: Part(), count: fit.sources.count)
    for span in footprint.spans.clipped(to: image.box).spans {
      let (values, variances, bits) = (image.image.row(span.y), image.variance.row(span.y), image.mask.bits.row(span.y))
      for x in span.x0...span.x1 {
        let models = fit.sources.map { source in
          source.stamp.box.contains(x: x, y: span.y) ? max(0, source.stamp[x, span.y]) * abs(source.flux) : 0
        }
        let total = models.reduce(0, +)
        guard total > 0 else { continue }
        for (i, model) in models.enumerated() where model > Self.smallestShare * total {
          let column = x - image.box.minX
          parts[i].spans.append(Span(y: span.y, x0: x, x1: x))
          parts[i].values.append(Float(Double(values[column]) * model / total))
          parts[i].bits.append(bits[column])
          parts[i].variances.append(variances[column])
        }
      }
    }
    return zip(fit.sources, parts).compactMap { source, part in
      let spans = SpanSet(part.spans)
      let pixels = HeavyPixels(image: part.values, mask: part.bits, variance: part.variances)
      // Pixels were appended in the order of the spans, so there is one of each.
      guard !spans.isEmpty,
        let heavy = try? Footprint(spans, peaks: [source.peak], region: footprint.region, heavy: pixels)
      else { return nil }
      var detection = Detection(footprint: heavy)
      detection.blend.parentPeakCount = footprint.peaks.count
      detection.blend.isPSF = isPSF
      detection.blend.peakID = source.peak.id
      detection.blend.position = source.position
      (detection.blend.flux, detection.blend.fluxError) = (source.flux, source.fluxError)
      return detection
    }
  }
}
