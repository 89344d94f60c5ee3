// SPDX-License-Identifier: GPL-3.0-or-later
// Subtraction of what is no pair of images of stars.

import Catalogs
import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct DegenerateTests {
  /// What is handed to the task.
  struct Inputs {
    var template: Exposure
    var science: Exposure
    var sources: Catalog
    var config: AlardLuptonSubtractConfig
    /// A kernel that is known already.
    var kernel: MatchingKernel?
  }

  private static let scenes = Result {
    (
      science: try SubtractionScene { ($0.width, $0.height, $0.count, $0.flux) = (180, 180, 16, 2000) },
      template: try SubtractionScene {
        ($0.width, $0.height, $0.count, $0.flux) = (180, 180, 16, 2000)
        ($0.sigma, $0.noiseSeed, $0.border) = (2.0, 7, 20)
      }
    )
  }

  private func inputs(_ mode: SubtractionMode = .convolveTemplate) throws -> Inputs {
    let scenes = try Self.scenes.get()
    var config = AlardLuptonSubtractConfig()
    config.mode = mode
    config.candidates.restrictKernelEdgeSources = false
    return Inputs(
      template: scenes.template.exposure, science: scenes.science.exposure, sources: scenes.science.sources,
      config: config)
  }

  /// What comes of it: `result`, or the category of the error.
  private func outcome(_ inputs: Inputs) throws -> (name: String, result: SubtractionResult?) {
    let task = try AlardLuptonSubtractTask(config: inputs.config)
    do {
      let result =
        if let kernel = inputs.kernel {
          try task.run(template: inputs.template, science: inputs.science, sources: inputs.sources, kernel: kernel)
        } else {
          try task.run(template: inputs.template, science: inputs.science, sources: inputs.sources)
        }
      return ("result", result)
    } catch let error as any CategorizedError {
      return (error.category, nil)
    } catch let error as ImagingError {
      return (error.category, nil)
    }
  }

  private func outcome(
    _ mode: SubtractionMode = .convolveTemplate, _ change: (inout Inputs) throws -> Void
  ) throws -> String {
    var inputs = try inputs(mode)
    try change(&inputs)
    return try outcome(inputs).name
  }

  private static let modes: [SubtractionMode] = [.convolveTemplate, .convolveScience, .auto]

  // MARK: - Sources

  @Test(arguments: modes) func fewOrNoSources(mode: SubtractionMode) throws {
    #expect(try outcome(mode) { $0.sources = Catalog($0.sources.schema) } == "InsufficientKernelSourcesError")
    #expect(
      try outcome(mode) { $0.sources = $0.sources.selecting([0]) } == "InsufficientKernelSourcesError")
    // One star is enough where one is asked for.
    #expect(
      try outcome(mode) { inputs in
        inputs.config.candidates.minKernelSources = 1
        let kept = (0..<inputs.sources.rowCount).first { row in
          guard let peak = inputs.sources.footprint(row: row)?.peaks.first?.pixel else { return false }
          return inputs.science.box.grown(by: -24).contains(peak)
        }
        inputs.sources = inputs.sources.selecting([try #require(kept)])
      } == "result")
    // Nothing but noise, and no catalog either.
    #expect(
      try outcome(mode) { inputs in
        try inputs.science.maskedImage.update { image, _, _ in image = noiseImage(image.box, seed: 3) }
        inputs.sources = Catalog(inputs.sources.schema)
        inputs.config.allowKernelSourceDetection = true
      } == "RuntimeError")
  }

  /// A catalog of which nothing can be used, though every row is there.
  @Test func sourcesThatSayNothing() throws {
    /// The catalog with other positions and fluxes.
    func changed(
      _ catalog: Catalog, position: (Point2D) -> Point2D = { $0 }, flux: (Double) -> Double = { $0 }
    ) throws -> Catalog {
      var result = catalog
      let (centroid, psfFlux) = (try catalog.schema.centroidSlot(), try catalog.schema.fluxSlot(.psfFlux))
      for row in 0..<catalog.rowCount {
        result[centroid.position.x, row] = position(catalog[centroid.position, row]).x
        result[centroid.position.y, row] = position(catalog[centroid.position, row]).y
        result[psfFlux.instFlux, row] = flux(catalog[psfFlux.instFlux, row])
      }
      return result
    }
    for bad in [Double.nan, .infinity, -.infinity, 1e300, -1e300, 1e9, -5, 9.3e18, -9.3e18] {
      let name = try outcome {
        $0.sources = try changed($0.sources, position: { Point2D(x: bad, y: $0.y) })
      }
      #expect(name == "InsufficientKernelSourcesError", "\(bad)")
    }
    for factor in [-1, 0, .nan, .infinity, 1e-30] {
      let name = try outcome { $0.sources = try changed($0.sources, flux: { $0 * factor }) }
      #expect(name == "InsufficientKernelSourcesError", "\(factor)")
    }
    // Without slots nobody knows which columns are meant.
    #expect(try outcome { $0.sources = Catalog(try Schema.minimalSource()) } == "LookupError")
  }

  // MARK: - Pixels

  private func setPixels(_ exposure: inout Exposure, _ value: Float) throws {
    try exposure.maskedImage.update { image, _, _ in image = Image(box: image.box, fill: value) }
  }

  private func setVariance(_ exposure: inout Exposure, _ value: Float) throws {
    try exposure.maskedImage.update { _, _, variance in variance = Image(box: variance.box, fill: value) }
  }

  private func setMask(_ exposure: inout Exposure, _ plane: String) throws {
    try exposure.maskedImage.update { _, mask, _ throws(ImagingError) in try mask.set(plane, in: mask.box) }
  }

  /// Of an image that is nowhere a number, or nothing, nobody makes a kernel.
  @Test(arguments: modes) func imagesThatAreNothing(mode: SubtractionMode) throws {
    for value: Float in [.nan, .infinity, -.infinity, 0, .greatestFiniteMagnitude] {
      #expect(try outcome(mode) { try setPixels(&$0.science, value) } == "NoKernelCandidatesError", "\(value)")
      #expect(try outcome(mode) { try setPixels(&$0.template, value) } == "NoKernelCandidatesError", "\(value)")
    }
    // A constant is matched by any other image times 0: nothing can be said against it but that the kernel has no sum.
    for value: Float in [5, -1e30, 1e30] {
      let names = [
        try outcome(mode) { try setPixels(&$0.science, value) },
        try outcome(mode) { try setPixels(&$0.template, value) },
      ]
      #expect(names.allSatisfy { ["result", "NoKernelCandidatesError", "RuntimeError"].contains($0) }, "\(names)")
    }
  }

  @Test(arguments: modes) func variancesThatMeanNothing(mode: SubtractionMode) throws {
    func names(_ value: Float) throws -> [String] {
      [
        try outcome(mode) { try setVariance(&$0.science, value) },
        try outcome(mode) { try setVariance(&$0.template, value) },
        try outcome(mode) {
          try setVariance(&$0.template, value)
          try setVariance(&$0.science, value)
        },
      ]
    }
    let none = "NoKernelCandidatesError"
    for value: Float in [.infinity, .nan, -1] { #expect(try names(value) == [none, none, none], "\(value)") }
    // A star is judged by both variances, so that of one image can do; where the kernel sharpens, more than the template's counts.
    #expect(try names(0) == (mode == .convolveScience ? ["result", "result", none] : [none, "result", none]))
    #expect(try names(1e-38) == [String](repeating: "ExceedsMaxVarianceScaleError", count: 3))
    #expect(try names(1e38) == ["result", "result", "result"])
  }

  @Test(arguments: modes) func allMasked(mode: SubtractionMode) throws {
    func names(_ plane: String) throws -> [String] {
      [try outcome(mode) { try setMask(&$0.science, plane) }, try outcome(mode) { try setMask(&$0.template, plane) }]
    }
    let few = "InsufficientKernelSourcesError"
    #expect(try names("NO_DATA") == ["NoWorkFound", "NoWorkFound"])
    #expect(try names("BAD") == [few, few])
    // The template's plane has another name by then, which is not among excludeMaskPlanes.
    #expect(try names("SAT") == [few, few])
    #expect(try names("EDGE") == [few, "result"])
    #expect(try names("DETECTED") == ["result", "result"])
    #expect(try names("INTRP") == ["result", "result"])
    // An image of which every pixel is filled is 0.
    let none = "NoKernelCandidatesError"
    #expect(try names("CR") == (mode == .convolveScience ? [none, "result"] : ["result", none]))
  }

  @Test(arguments: modes) func scales(mode: SubtractionMode) throws {
    func names(_ factor: Float) throws -> [String] {
      func scaled(_ exposure: inout Exposure) throws {
        try exposure.maskedImage.update { image, _, variance in
          image = image.map { $0 * factor }
          variance = variance.map { $0 * abs(factor) * abs(factor) }
        }
      }
      return [
        try outcome(mode) { try scaled(&$0.science) }, try outcome(mode) { try scaled(&$0.template) },
        try outcome(mode) {
          try scaled(&$0.science)
          try scaled(&$0.template)
        },
      ]
    }
    // Negative images: only a negative kernel matches them, and fluxes have no scale.
    let negative = "NoKernelCandidatesError"
    #expect(try names(-1) == [negative, negative, "result"])
    // Squares of these are no float32.
    for factor: Float in [1e-30, 1e25, 1e30, 1e36] {
      #expect(try names(factor) == [String](repeating: "NoKernelCandidatesError", count: 3), "\(factor)")
    }
  }

  // MARK: - Sizes

  /// A pair of stars cut out of nothing: of a size that no kernel fits into.
  private func small(_ width: Int, _ height: Int, border: Int) throws -> Inputs {
    var result = try inputs()
    let inner = result.science.box
    let part = Box2I(minX: inner.minX + 60, minY: inner.minY + 60, width: width, height: height)
    result.science = result.science.cropped(to: part)
    result.template = result.template.cropped(to: part.grown(by: border))
    return result
  }

  @Test func anEmptyImageIsNoPair() throws {
    for border in [0, 20] { #expect(try outcome(try small(0, 0, border: border)).name == "AssertionError") }
  }

  @Test(arguments: [(1, 1), (1, 10), (10, 1), (10, 10), (30, 30)])
  func imagesSmallerThanTheKernel(width: Int, height: Int) throws {
    let kernel = try testMatchingKernel(side: 31)
    for border in [0, 20] {
      for mode in Self.modes {
        var inputs = try small(width, height, border: border)
        inputs.config.mode = mode
        #expect(try outcome(inputs).name == "InsufficientKernelSourcesError")
        inputs.config.allowKernelSourceDetection = true
        // A box of which a side is smaller than the detection's kernel is too small for it; otherwise nothing is clear of the edges.
        let name = try outcome(inputs).name
        #expect(name == (width < 30 ? "LengthError" : "RuntimeError"), "\(border) \(mode)")
      }
      var inputs = try small(width, height, border: border)
      inputs.kernel = MatchingKernel(kernel, convolved: .science)
      #expect(try outcome(inputs).name == "InvalidParameterError")
      inputs.kernel = MatchingKernel(kernel, convolved: .template)
      #expect(try outcome(inputs).name == (border == 0 ? "InvalidParameterError" : "result"))
    }
  }

  private func testMatchingKernel(side: Int) throws -> Kernel {
    let image = Image<Double>(box: Box2I(width: side, height: side)) { x, y in
      let (u, v) = (Double(x - side / 2), Double(y - side / 2))
      return exp(-(u * u + v * v) / 3) / (3 * .pi)
    }
    return try Kernel(image)
  }

  /// Pairs of a few pixels with anything in them: always the same outcome, never a trap.
  @Test func nothingTraps() throws {
    var outcomes: [String: Int] = [:]
    for seed in 0..<300 {
      let inputs = try fuzzed(UInt64(seed))
      let (first, second) = (try outcome(inputs), try outcome(inputs))
      #expect(first.name == second.name, "\(seed)")
      outcomes[first.name, default: 0] += 1
      if let a = first.result, let b = second.result {
        let (one, two) = (a.difference.maskedImage, b.difference.maskedImage)
        #expect(one.image.pixels.map(\.bitPattern) == two.image.pixels.map(\.bitPattern), "\(seed)")
        #expect(one.variance.pixels.map(\.bitPattern) == two.variance.pixels.map(\.bitPattern), "\(seed)")
        #expect(one.mask == two.mask, "\(seed)")
        #expect(one.box == inputs.science.box)
      }
    }
    // Enough of them get to the end, and others to all kinds of errors.
    #expect(outcomes["result", default: 0] >= 25 && outcomes.count >= 5, "\(outcomes)")
  }

  private func fuzzed(_ seed: UInt64) throws -> Inputs {
    var random = SeededRandom(0xDEAD + seed)
    func chance(_ p: Double) -> Bool { random.uniform() < p }
    func pick<T>(_ values: [T]) -> T { values[Int(random.next() % UInt64(values.count))] }
    let sizes = [1, 2, 3, 7, 12, 25, 40, 64]
    let inner = Box2I(
      minX: pick([0, -7, 1000]), minY: pick([0, 13, -2000]), width: pick(sizes), height: pick(sizes))
    let junk: [Float] = [
      .nan, .infinity, -.infinity, 0, 1e30, -1e30, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 65_535,
    ]
    func exposure(_ box: Box2I, sigma: Double) throws -> Exposure {
      var image = noiseImage(box, sigma: pick([0, 1, 10]), seed: random.next())
      for _ in 0..<pick([0, 1, 4]) {
        addStar(
          to: &image,
          at: Point2D(
            x: random.uniform(Double(box.minX)...Double(box.maxX)),
            y: random.uniform(Double(box.minY)...Double(box.maxY))),
          sigma: sigma, flux: 5000)
      }
      var (mask, variance) = (Mask(box: box), image.map { 1 + abs($0) / 2 })
      let names = mask.planes.planeNames
      let (badPixels, badVariances, badBits) = (
        pick([0, 0, 0.01, 0.3]), pick([0, 0, 0.01, 0.3]), pick([0, 0, 0.01, 0.3])
      )
      for y in box.minY..<box.endY {
        for x in box.minX..<box.endX {
          if chance(badPixels) { image[x, y] = pick(junk) }
          if chance(badVariances) { variance[x, y] = pick(junk) }
          if chance(badBits) { mask[x, y] |= try mask.planes.bitMask(pick(names)) }
        }
      }
      var result = Exposure(
        try MaskedImage(image: image, mask: mask, variance: variance), psf: try SubtractionScene.psf(sigma, box.center),
        wcs: try SubtractionScene.wcs(), photoCalib: try PhotoCalib(mean: 1), filter: FilterLabel(band: "g"))
      if chance(0.03) { result.psf = nil }
      return result
    }
    let science = try exposure(inner, sigma: pick([0.8, 1.5, 3]))
    let template = try exposure(inner.grown(by: pick([0, 2, 20])), sigma: pick([0.8, 1.5, 3]))
    var inputs = try inputs(pick(Self.modes))
    let schema = inputs.sources.schema
    let (centroid, flux) = (try schema.centroidSlot(), try schema.fluxSlot(.psfFlux))
    var sources = Catalog(schema)
    for _ in 0..<pick([0, 1, 3, 8]) {
      let row = sources.addRow()
      let wild: [Double] = [.nan, .infinity, 1e300, -1e9]
      sources[centroid.position.x, row] =
        chance(0.1) ? pick(wild) : random.uniform(Double(inner.minX)...Double(inner.maxX))
      sources[centroid.position.y, row] =
        chance(0.1) ? pick(wild) : random.uniform(Double(inner.minY)...Double(inner.maxY))
      sources[flux.instFlux, row] = chance(0.1) ? pick(wild) : 5000
      sources[flux.instFluxErr, row] = chance(0.1) ? pick(wild) : 100
    }
    (inputs.science, inputs.template, inputs.sources) = (science, template, sources)
    inputs.config.candidates.minKernelSources = 1
    inputs.config.sourceSelector.doUnresolved = false
    inputs.config.sourceSelector.doRequirePrimary = false
    inputs.config.candidates.excludeMaskPlanes = pick([[], ["NO_DATA", "SAT"]])
    inputs.config.doFillMaskedPixels = chance(0.7)
    inputs.config.doScaleVariance = chance(0.4)
    inputs.config.doSubtractBackground = chance(0.5)
    inputs.config.allowKernelSourceDetection = chance(0.3)
    let kind = pick(["AL", "AL", "DF"])
    try inputs.config.set("makeKernel.kernel.name", to: .string(kind))
    try inputs.config.set("makeKernel.kernel.AL.scaleByFwhm", to: .boolean(false))
    for name in ["AL", "DF"] {
      try inputs.config.set("makeKernel.kernel.\(name).kernelSize", to: .integer(pick([3, 5, 9])))
    }
    if chance(0.3) {
      inputs.kernel = MatchingKernel(
        try testMatchingKernel(side: pick([1, 3, 9])), convolved: pick([.template, .science]))
    }
    return inputs
  }
}
