// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels that the reference system fits a dipole to.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

extension DipoleData {
  /// For least squares without weights: the whole box of the footprint, with the difference's PSF for all (A.15.4 to A.15.7).
  ///
  /// A plane through what surrounds the footprint, and then the median, are subtracted from both images. One of them that is missing is
  /// what the other and the difference make of it.
  init(
    unweighted footprint: Footprint, _ difference: MeasurementImage, _ science: MeasurementImage?,
    _ template: MeasurementImage?, _ start: DipoleStart, _ config: DipoleFitConfig
  ) throws(DipoleFitFailure) {
    guard let kernel = try? difference.psfKernel(at: start.center) else { throw .undefinedPSF }
    let box = footprint.box
    func plane(_ values: [Double], weight: Double) -> Plane {
      let pixels = PlanePixels(
        box: box, values: values.map { $0.isFinite ? $0 : 0 }, variances: values.map { $0.isFinite ? 1 : 0 })
      return Plane(pixels: pixels, kernel: kernel, weight: weight)
    }
    let d = box.values(of: difference.image)
    guard config.relWeight > 0, science != nil || template != nil else {
      self.init(difference: plane(d, weight: 1), science: nil, template: nil)
      return
    }
    var p = science.map { box.values(of: $0.image) }
    var n = template.map { box.values(of: $0.image) }
    if config.fitBackground == 1 {
      let under = (science ?? template).flatMap { Self.plane(around: footprint, in: $0.image) }
      let underTemplate =
        config.fitSeparateNegParams ? template.flatMap { Self.plane(around: footprint, in: $0.image) } : under
      let (whole, other) = (p ?? zip(d, n ?? []).map { $0 + $1 }, n ?? zip(p ?? [], d).map { $0 - $1 })
      p = whole.subtracting(under).subtractingMedian()
      n = other.subtracting(underTemplate ?? under).subtractingMedian()
    }
    let weight = config.relWeight * config.relWeight
    self.init(
      difference: plane(d, weight: 1),
      science: plane(p ?? zip(d, n ?? []).map { $0 + $1 }, weight: weight),
      template: plane(n ?? zip(p ?? [], d).map { $0 - $1 }, weight: weight))
  }

  /// The plane through the pixels outside of a footprint, but within three of its box; over the box, row by row.
  private static func plane(around footprint: Footprint, in image: Image<Float>) -> [Double]? {
    let box = footprint.box
    let wide = box.grown(by: 3).intersection(image.box)
    let center = box.center
    var (ones, x, y, target): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    for span in SpanSet(wide).subtracting(footprint.spans).spans {
      let row = image.row(span.y)
      for column in span.x0...span.x1 {
        let value = Double(row[column - image.box.minX])
        guard value.isFinite else { continue }
        ones.append(1)
        x.append(Double(column) - center.x)
        y.append(Double(span.y) - center.y)
        target.append(value)
      }
    }
    guard target.count >= 3,
      let system = try? SymmetricSystem(columns: ones + x + y, rowCount: target.count, target: target, weight: 1),
      let plane = (try? system.solve())?.values
    else { return nil }
    var result: [Double] = []
    result.reserveCapacity(box.area)
    for v in box.minY..<box.endY {
      for u in box.minX..<box.endX {
        result.append(plane[0] + plane[1] * (Double(u) - center.x) + plane[2] * (Double(v) - center.y))
      }
    }
    return result
  }
}

extension Box2I {
  /// The pixels of an image in the box, row by row.
  ///
  /// - Precondition: the box is on the image.
  fileprivate func values(of image: Image<Float>) -> [Double] { image.cropped(to: self).pixels.map { Double($0) } }
}

extension [Double] {
  fileprivate func subtracting(_ other: [Double]?) -> [Double] {
    guard let other else { return self }
    return zip(self, other).map { $0 - $1 }
  }

  /// Less the median of those that are finite.
  fileprivate func subtractingMedian() -> [Double] {
    let sorted = filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return self }
    let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    return map { $0 - median }
  }
}
