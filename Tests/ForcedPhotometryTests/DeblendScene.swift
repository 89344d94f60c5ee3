// SPDX-License-Identifier: GPL-3.0-or-later
// Families whose light is known.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport

/// A coadd with stars and galaxies in families, and what each of them shines.
struct DeblendScene {
  enum Profile: CaseIterable, Sendable { case gaussian, moffat }

  struct Source {
    var position: Point2D
    var flux: Double
    /// Of a round Gaussian galaxy, px; 0 for a star.
    var sigma = 0.0
  }

  let box: Box2I
  let fwhm: Double
  let noise: Double
  let psf: KernelPSF
  let profile: Profile
  private(set) var families: [[Source]] = []
  /// Of each family, without noise.
  private var lights: [Image<Float>] = []
  var exposure: Exposure
  private let peakOfStar: Double

  init(
    _ box: Box2I = Box2I(minX: 100, minY: -50, width: 90, height: 90),
    profile: Profile = .gaussian, fwhm: Double = 5, noise: Double = 2, seed: UInt64 = 1
  ) throws {
    (self.box, self.fwhm, self.noise, self.profile) = (box, fwhm, noise, profile)
    let half = 25
    let stamp = Image<Double>(box: Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)) {
      Self.shape(profile, Double($0), Double($1), fwhm)
    }
    psf = try KernelPSF(stamp, averagePosition: box.center)
    peakOfStar = 1 / stamp.sum
    let variance = Image(box: box, fill: Float(noise * noise))
    exposure = Exposure(
      try MaskedImage(image: noiseImage(box, sigma: noise, seed: seed), mask: Mask(box: box), variance: variance),
      psf: psf)
  }

  /// Brightness by position, 1 at the middle.
  private static func shape(_ profile: Profile, _ x: Double, _ y: Double, _ fwhm: Double) -> Double {
    let r2 = (x * x + y * y) / (fwhm * fwhm)
    switch profile {
    case .gaussian: return exp(-4 * log(2.0) * r2)
    case .moffat: return pow(1 + 4 * (pow(2, 1 / 3.0) - 1) * r2, -3)
    }
  }

  /// What a source shines on a pixel.
  func light(of source: Source, x: Int, y: Int) -> Double {
    let (dx, dy) = (Double(x) - source.position.x, Double(y) - source.position.y)
    guard source.sigma > 0 else { return source.flux * peakOfStar * Self.shape(profile, dx, dy, fwhm) }
    let variance = source.sigma * source.sigma
    return source.flux / (2 * .pi * variance) * exp(-(dx * dx + dy * dy) / (2 * variance))
  }

  /// Adds sources whose footprints are one.
  mutating func add(_ family: [Source]) throws {
    families.append(family)
    var sum = Image<Float>(box: box, fill: 0)
    for source in family {
      let reach = Int(max(30, 6 * source.sigma))
      let center = try requirePixel(source.position)
      let part = Box2I(minX: center.x - reach, minY: center.y - reach, width: 2 * reach + 1, height: 2 * reach + 1)
        .intersection(box)
      let added = Image<Float>(box: part) { Float(light(of: source, x: $0, y: $1)) }
      for y in part.minY..<part.endY { for x in part.minX..<part.endX { sum[x, y] += added[x, y] } }
      try exposure.maskedImage.update { image, _, _ throws(ImagingError) in
        for y in part.minY..<part.endY { for x in part.minX..<part.endX { image[x, y] += added[x, y] } }
      }
    }
    lights.append(sum)
  }

  private struct NoPixel: Error {}
  private func requirePixel(_ position: Point2D) throws -> Point2I {
    guard let pixel = position.pixel else { throw NoPixel() }
    return pixel
  }

  /// The schema of a band's catalog.
  static func schema(_ task: DeblendCoaddSourcesTask) throws -> Schema {
    var schema = try Schema.minimalSource()
    _ = try FamilyColumns(bands: ["r"], addingTo: &schema)
    try task.addFields(to: &schema)
    return schema
  }

  /// A row for each family, and one for each of its sources behind it.
  ///
  /// - Parameter threshold: how bright footprints are at least, in standard deviations; what is within an FWHM and a half of a peak is in any case.
  func catalog(_ task: DeblendCoaddSourcesTask, threshold: Double = 0.5, order: [Int]? = nil) throws -> Catalog {
    var catalog = Catalog(try Self.schema(task))
    let columns = try FamilyColumns(catalog.schema)
    for number in order ?? Array(families.indices) {
      let family = families[number]
      let peaks = try family.enumerated().map { i, source in
        let pixel = try requirePixel(source.position)
        return Peak(id: Int64(i + 1), position: Point2D(pixel), pixel: pixel, value: 1)
      }
      var spans: [Span] = []
      for y in box.minY..<box.endY {
        for x in box.minX..<box.endX {
          if Double(lights[number][x, y]) > threshold * noise { spans.append(Span(y: y, x0: x, x1: x)) }
        }
      }
      for peak in peaks {
        spans +=
          SpanSet(ellipseAt: Point2D(peak.pixel), moments: SIMD3(1, 1, 0), scale: 1.5 * fwhm)?.clipped(to: box).spans
          ?? []
      }
      let region = SpanSet(spans)
      let parent = catalog.addRow()
      let id = Int64(1000 * (number + 1))
      catalog[columns.id, parent] = id
      catalog[columns.childCount, parent] = family.count > 1 ? Int32(family.count) : 0
      catalog[columns.peakCount, parent] = Int32(family.count)
      catalog.setFootprint(Footprint(region, peaks: peaks, region: box), row: parent)
      guard family.count > 1 else { continue }
      for peak in peaks {
        let row = catalog.addRow()
        catalog[columns.id, row] = id + peak.id
        catalog[columns.parent, row] = id
        catalog[columns.peakX, row] = Int32(peak.pixel.x)
        catalog[columns.peakY, row] = Int32(peak.pixel.y)
        catalog.setFootprint(Footprint(region, peaks: [peak], region: box), row: row)
      }
    }
    return catalog
  }

  /// A fit of the PSF at a source's true position to the pixels of a footprint, nothing beyond them.
  func psfFlux(of footprint: Footprint?, at position: Point2D) throws -> Double {
    guard let footprint, let heavy = footprint.heavy else { return .nan }
    let stamp = try psf.image(at: position)
    var (sum, squares, next) = (0.0, stamp.pixels.reduce(0) { $0 + $1 * $1 }, 0)
    for span in footprint.spans.spans {
      for x in span.x0...span.x1 {
        if stamp.box.contains(x: x, y: span.y) { sum += stamp[x, span.y] * Double(heavy.image[next]) }
        next += 1
      }
    }
    squares = max(squares, 1e-30)
    return sum / squares
  }

  /// Standard error of the flux of a star without neighbours.
  var fluxError: Double { noise / psf.kernel.pixels.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

extension Catalog {
  func flags(_ name: String) throws -> [Bool] { try column("deblend_" + name) }

  /// The pixels of heavy footprints, summed where they are.
  func sumOfHeavy(_ rows: some Sequence<Int>, over box: Box2I) -> (sum: Image<Double>, count: Image<UInt8>) {
    var (sum, count) = (Image<Double>(box: box, fill: 0), Image<UInt8>(box: box, fill: 0))
    for row in rows {
      guard let footprint = footprint(row: row), let heavy = footprint.heavy else { continue }
      var next = 0
      for span in footprint.spans.spans {
        for x in span.x0...span.x1 {
          sum[x, span.y] += Double(heavy.image[next])
          count[x, span.y] = count[x, span.y] &+ 1
          next += 1
        }
      }
    }
    return (sum, count)
  }
}
