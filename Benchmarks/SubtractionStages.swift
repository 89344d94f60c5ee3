// SPDX-License-Identifier: GPL-3.0-or-later
// A subtraction from prepared exposures to the difference, and its parts.

import Catalogs
import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework

/// Measures the subtraction of a template with better seeing: 400 stars a megapixel, up to 1000 of them for the kernel.
struct SubtractionStages {
  let side: Int

  /// The beginnings of the operations' names.
  static let names = ["variance scale", "subtract"]

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    guard Self.names.contains(where: isWanted) else { return [] }
    returnFreedMemory()
    let before = residentMemory()
    let pair = try SubtractionPair(side: side)
    let inputBytes = 12 * (pair.science.box.area + pair.template.box.area)
    var results: [Measurement] = []
    func add(_ measurement: Measurement) {
      var result = measurement
      result.rate = result.seconds / Double(side * side) * 1e9
      result.unit = "ns/px"
      result.setMemory(before: before, inputBytes: inputBytes)
      results.append(result)
    }
    if isWanted(Self.names[0]) {
      let image = pair.science.maskedImage
      add(try measure("variance scale of one image", side: side, runs: 3) { keep(try image.varianceScale()) })
    }
    if isWanted(Self.names[1]) {
      for mode in [SubtractionMode.convolveTemplate, .convolveScience] {
        var config = AlardLuptonSubtractConfig()
        config.mode = mode
        (config.doDecorrelation, config.doScore) = (false, false)
        let task = try AlardLuptonSubtractTask(config: config)
        add(
          try measure("subtract, image, variance and mask, \(mode.rawValue)", side: side, runs: 3) {
            keep(try task.run(template: pair.template, science: pair.science, sources: pair.sources))
          })
        (config.doDecorrelation, config.doScore) = (true, true)
        let whole = try AlardLuptonSubtractTask(config: config)
        add(
          try measure("subtract, decorrelate, score, \(mode.rawValue)", side: side, runs: 3) {
            keep(try whole.run(template: pair.template, science: pair.science, sources: pair.sources))
          })
      }
    }
    return results
  }
}

/// Two exposures of the same stars, σ 2.0 and 1.6 pixels, and their catalog.
struct SubtractionPair {
  var science: Exposure
  var template: Exposure
  let sources: Catalog

  init(side: Int) throws {
    let box = Box2I(width: side, height: side)
    var state: UInt64 = 42
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    let count = max(40, side * side * 400 / 1_000_000)
    let stars = (0..<count).map { _ in
      (Point2D(x: uniform() * Double(side - 1), y: uniform() * Double(side - 1)), 300 / (0.003 + uniform()))
    }
    func exposure(_ sigma: Double, _ scale: Double, border: Int) throws -> Exposure {
      let outer = box.grown(by: border)
      var pixels = [Float](repeating: 0, count: outer.area)
      for i in pixels.indices { pixels[i] = Float(10 * (uniform() + uniform() + uniform() - 1.5) * 2) }
      for (position, flux) in stars {
        let reach = Int(6 * sigma) + 1
        guard let pixel = position.pixel else { continue }
        let norm = scale * flux / (2 * .pi * sigma * sigma)
        for y in max(outer.minY, pixel.y - reach)..<min(outer.endY, pixel.y + reach + 1) {
          for x in max(outer.minX, pixel.x - reach)..<min(outer.endX, pixel.x + reach + 1) {
            let (dx, dy) = (Double(x) - position.x, Double(y) - position.y)
            pixels[(y - outer.minY) * outer.width + x - outer.minX] +=
              Float(norm * exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)))
          }
        }
      }
      return Exposure(
        try MaskedImage(
          image: try Image(box: outer, pixels: pixels), mask: Mask(box: outer), variance: Image(box: outer, fill: 100)),
        psf: try KernelPSF(gaussianFwhm: fwhmPerSigma * sigma, averagePosition: box.center))
    }
    science = try exposure(2.0, 1, border: 0)
    template = try exposure(1.6, 0.9, border: 20)
    var schema = try Schema.minimalSource()
    let id: Key<Int64> = try schema.key("id")
    let centroid = try PointKey(adding: "base_SdssCentroid", to: &schema, doc: "centroid")
    let flux = try schema.addField("base_PsfFlux_instFlux", as: Double.self, unit: "count", doc: "flux")
    let error = try schema.addField("base_PsfFlux_instFluxErr", as: Double.self, unit: "count", doc: "its error")
    try schema.setSlot(.centroid, to: "base_SdssCentroid")
    try schema.setSlot(.psfFlux, to: "base_PsfFlux")
    var catalog = Catalog(schema, rowCount: stars.count)
    for (row, star) in stars.enumerated() {
      catalog[id, row] = Int64(row + 1)
      catalog[centroid, row] = star.0
      catalog[flux, row] = star.1
      catalog[error, row] = 71
    }
    sources = catalog
  }
}
