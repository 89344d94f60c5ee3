// SPDX-License-Identifier: GPL-3.0-or-later
// Stars at known places, alone and close together, and what is measured of them.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport

/// A Gaussian PSF that knows its value at every position, without interpolation; undefined right of a limit.
struct JointAnalyticPSF: PSF {
  let sigma: Double
  var half = 12
  var limit = Double.infinity
  var averagePosition: Point2D { Point2D(x: 0, y: 0) }

  func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
    try image(at: Point2D(x: 0, y: 0), definedAt: position)
  }

  func image(at position: Point2D) throws(ImagingError) -> Image<Double> {
    try image(at: position, definedAt: position)
  }

  private func image(at position: Point2D, definedAt place: Point2D) throws(ImagingError) -> Image<Double> {
    guard place.x < limit, let pixel = position.pixel else { throw .outOfRange("there is no PSF") }
    let box = Box2I(minX: pixel.x - half, minY: pixel.y - half, width: 2 * half + 1, height: 2 * half + 1)
    let norm = 1 / (2 * .pi * sigma * sigma)
    return Image(box: box) { x, y in
      let (dx, dy) = (Double(x) - position.x, Double(y) - position.y)
      return norm * exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
    }
  }
}

/// Stars of a PSF on white noise.
struct JointScene {
  static let sigma = 2.0
  static let fwhm = sigma * fwhmPerSigma

  var exposure: Exposure
  let positions: [Point2D]
  let fluxes: [Double]

  /// - Parameter noise: standard deviation at a pixel; 0 for none.
  init(
    box: Box2I, positions: [Point2D], fluxes: [Double], psf: any PSF, noise: (Int, Int) -> Double, seed: UInt64
  ) throws {
    var random = SeededRandom(seed)
    var image = Image<Double>(box: box) { x, y in noise(x, y) == 0 ? 0 : noise(x, y) * random.gaussian() }
    for (position, flux) in zip(positions, fluxes) {
      let stamp = try psf.image(at: position)
      let common = stamp.box.intersection(box)
      for y in common.minY..<common.endY {
        for x in common.minX..<common.endX { image[x, y] += flux * stamp[x, y] }
      }
    }
    exposure = Exposure(
      try MaskedImage(
        image: image.map { Float($0) }, mask: Mask(box: box),
        variance: Image(box: box) { x, y in Float(noise(x, y) * noise(x, y)) }),
      psf: psf)
    self.positions = positions
    self.fluxes = fluxes
  }

  /// The error of the flux of a star alone, in units of the noise of a pixel.
  static let errorPerNoise = 2 * Double.pi.squareRoot() * sigma

  /// Pairs of stars, each pair alone: at a distance in any direction, with a signal-to-noise ratio of the fainter from 30 to 300 and up to ten times as much of
  /// the other.
  static func pairs(_ count: Int, apart: Double, noise: Double = 5, seed: UInt64) throws -> JointScene {
    let spacing = 44
    let columns = max(1, Int(Double(count).squareRoot().rounded(.up)))
    var random = SeededRandom(seed)
    var (positions, fluxes) = ([Point2D](), [Double]())
    for i in 0..<count {
      let center = Point2D(
        x: Double(i % columns * spacing + spacing / 2) + random.uniform(-0.5...0.5),
        y: Double(i / columns * spacing + spacing / 2) + random.uniform(-0.5...0.5))
      let angle = random.uniform(0...2 * .pi)
      let half = Point2D(x: apart / 2 * cos(angle), y: apart / 2 * sin(angle))
      let flux = noise * errorPerNoise * 30 * pow(10, random.uniform())
      positions += [center - half, center + half]
      fluxes += [flux, flux * pow(10, random.uniform())]
    }
    return try JointScene(
      box: Box2I(width: columns * spacing, height: columns * spacing), positions: positions, fluxes: fluxes,
      psf: try gaussian(), noise: { _, _ in noise }, seed: seed &+ 1)
  }

  /// Stars anywhere in a square, with a signal-to-noise ratio from 30 to 3000 if they were alone.
  static func crowd(
    _ count: Int, side: Int, noise: @escaping (Int, Int) -> Double = { _, _ in 5 }, seed: UInt64
  ) throws -> JointScene {
    var random = SeededRandom(seed)
    let positions = (0..<count).map { _ in
      Point2D(x: random.uniform(0...Double(side - 1)), y: random.uniform(0...Double(side - 1)))
    }
    let fluxes = (0..<count).map { _ in 5 * errorPerNoise * 30 * pow(100, random.uniform()) }
    return try JointScene(
      box: Box2I(minX: -20, minY: -20, width: side + 40, height: side + 40), positions: positions, fluxes: fluxes,
      psf: try gaussian(), noise: noise, seed: seed &+ 1)
  }

  static func gaussian(sigma: Double = sigma, half: Int = 12) throws -> KernelPSF {
    let box = Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)
    return try KernelPSF(
      Image<Double>(box: box) { x, y in exp(-Double(x * x + y * y) / (2 * sigma * sigma)) },
      averagePosition: Point2D(x: 0, y: 0))
  }
}

/// What was measured at given positions: `base_PsfFlux` by itself and all together.
struct JointMeasurement {
  let catalog: Catalog
  let covariance: FluxCovariance
  let metadata: TaskMetadata

  init(
    _ exposure: Exposure, _ positions: [Point2D], _ config: JointForcedConfig = JointForcedConfig(),
    plainMaskPlanes: [String] = [], isIncluded: (Int) -> Bool = { _ in true }
  ) throws {
    var schema = try Schema.minimalSource()
    let centroid = try PointKey(adding: "truth", to: &schema, doc: "position")
    try schema.addField("truth_flag", as: Bool.self, doc: "not to be trusted")
    var plain = SingleFrameMeasurementConfig()
    try plain.plugins.select(["base_PsfFlux"])
    try plain.plugins.update("base_PsfFlux", PsfFluxConfig.self) { $0.badMaskPlanes = plainMaskPlanes }
    (plain.slots.centroid, plain.slots.shape, plain.slots.psfShape) = ("truth", nil, nil)
    let measurement = try SingleFrameMeasurementTask(config: plain)
    try measurement.addFields(to: &schema)
    let joint = try JointForcedTask(config: config)
    try joint.addFields(to: &schema)
    var catalog = Catalog(schema, rowCount: positions.count)
    for (row, position) in positions.enumerated() { catalog[centroid, row] = position }
    try measurement.run(&catalog, on: exposure)
    covariance = try joint.run(&catalog, on: exposure, isIncluded: isIncluded)
    self.catalog = catalog
    metadata = joint.metadata
  }

  func doubles(_ column: String) throws -> [Double] { try catalog.column("joint_PsfFlux_" + column) }
  func floats(_ column: String) throws -> [Double] {
    try catalog.column("joint_PsfFlux_" + column, as: Float.self).map { Double($0) }
  }
  func counts(_ column: String) throws -> [Int32] { try catalog.column("joint_PsfFlux_" + column) }
  func flags(_ column: String = "flag") throws -> [Bool] { try catalog.column("joint_PsfFlux_" + column) }
  func plain(_ column: String) throws -> [Double] { try catalog.column("base_PsfFlux_" + column) }

  /// (measured − true)/error.
  func pulls(_ truth: [Double]) throws -> [Double] {
    let (fluxes, errors) = (try doubles("instFlux"), try doubles("instFluxErr"))
    return truth.indices.map { (fluxes[$0] - truth[$0]) / errors[$0] }
  }

  func plainPulls(_ truth: [Double]) throws -> [Double] {
    let (fluxes, errors) = (try plain("instFlux"), try plain("instFluxErr"))
    return truth.indices.map { (fluxes[$0] - truth[$0]) / errors[$0] }
  }
}

/// The same by matrices with an element for each pair of sources.
struct JointDenseSolution {
  let fluxes: [Double]
  /// Row by row.
  let covariance: [Double]

  /// - Parameter variance: of all pixels; `nil` for that of the image, which takes longer.
  init?(_ exposure: Exposure, _ positions: [Point2D], variance: Double? = nil) throws {
    let count = positions.count
    let planes = exposure.maskedImage
    let stamps = try positions.map { position in
      try exposure.psf?.image(at: position) ?? Image(box: planes.box, fill: 0)
    }
    var (normal, noise) = ([Double](repeating: 0, count: count * count), [Double](repeating: 0, count: count * count))
    var right = [Double](repeating: 0, count: count)
    for i in 0..<count {
      let own = stamps[i].box.intersection(planes.box)
      for y in own.minY..<own.endY {
        for x in own.minX..<own.endX { right[i] += stamps[i][x, y] * Double(planes.image[x, y]) }
      }
      for j in i..<count {
        let common = own.intersection(stamps[j].box)
        guard !common.isEmpty else { continue }
        var (sum, noiseSum) = (0.0, 0.0)
        let first = stamps[i]
        let second = stamps[j]
        for y in common.minY..<common.endY {
          let a = first.row(y)
          let b = second.row(y)
          let v = planes.variance.row(y)
          for x in common.minX..<common.endX {
            let product = a[x - first.box.minX] * b[x - second.box.minX]
            sum += product
            noiseSum += product * Double(v[x - planes.box.minX])
          }
        }
        for place in Set([i * count + j, j * count + i]) { (normal[place], noise[place]) = (sum, noiseSum) }
      }
    }
    let system = try SymmetricSystem(matrix: normal, right: right)
    fluxes = try system.solve().values
    guard let inverse = system.inverse() else { return nil }
    covariance =
      variance.map { variance in inverse.map { variance * $0 } }
      ?? Self.product(Self.product(inverse, noise, count), inverse, count)
  }

  private static func product(_ a: [Double], _ b: [Double], _ size: Int) -> [Double] {
    var result = [Double](repeating: 0, count: size * size)
    for i in 0..<size {
      for k in 0..<size where a[i * size + k] != 0 {
        for j in 0..<size { result[i * size + j] += a[i * size + k] * b[k * size + j] }
      }
    }
    return result
  }
}

/// Mean and standard deviation.
func jointSpread(_ values: [Double]) -> (mean: Double, deviation: Double) {
  let mean = values.reduce(0, +) / Double(values.count)
  let sum = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  return (mean, (sum / Double(values.count - 1)).squareRoot())
}
