// SPDX-License-Identifier: GPL-3.0-or-later
// A case of shared/golden as the task gets it.

import Catalogs
import Foundation
import ImageDifferencing
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// A case of `shared/golden` as the task gets it: exposures with PSFs, the catalog of all stars at their true places, and what is true.
struct GoldenPair {
  var science: Exposure
  var template: Exposure
  let sources: Catalog
  let truth: Truth

  struct Truth: Decodable {
    struct Parameters: Decodable {
      /// Standard deviations of the PSFs, pixels.
      let scienceSigma: Double
      let templateSigma: Double
      let zp: Double

      enum CodingKeys: String, CodingKey {
        case scienceSigma = "sig_s"
        case templateSigma = "sig_t"
        case zp
      }
    }
    struct Stars: Decodable {
      let x: [Double]
      let y: [Double]
      let flux: [Double]
      let err: [Double]
    }
    struct Transients: Decodable {
      let x: [Double]
      let y: [Double]
      let flux: [Double]
    }
    let par: Parameters
    let stars: Stars
    let transients: Transients
  }

  private struct Meta: Decodable {
    let metadata: [String: Value]
    struct Value: Decodable {
      let number: Double?
      init(from decoder: any Decoder) throws { number = try? decoder.singleValueContainer().decode(Double.self) }
    }
  }

  /// - Parameters:
  ///   - name: the letter of the case.
  ///   - run: whose factors the variance planes are multiplied by: the reference's own, from 0.74 times the interquartile range, so that what follows is
  ///     compared with equal weights.
  init(_ name: String, scaledAsIn run: String, task: String = "alardLuptonSubtract") throws {
    let text = try String(contentsOf: SharedData.url("golden/\(run)_meta.json"), encoding: .utf8)
      .replacing("NaN", with: "null")
    let meta = try JSONDecoder().decode(Meta.self, from: Data(text.utf8)).metadata
    truth = try JSONDecoder().decode(
      Truth.self, from: try Data(contentsOf: SharedData.url("golden/\(name)_truth.json")))
    func exposure(_ file: String, _ sigma: Double, _ key: String) throws -> Exposure {
      let fits = try FITSExposure(SharedData.url("golden/\(name)_\(file).fits").path)
      let factor = Float(try #require(meta["\(task).\(key)"]?.number))
      return Exposure(
        try MaskedImage(
          image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance).map { $0 * factor }),
        psf: try SubtractionScene.psf(sigma, fits.image.box.center), wcs: fits.wcs, photoCalib: try PhotoCalib(mean: 1))
    }
    science = try exposure("science", truth.par.scienceSigma, "scaleScienceVarianceFactor")
    template = try exposure("template", truth.par.templateSigma, "scaleTemplateVarianceFactor")
    template.wcs = science.wcs
    var schema = try Schema.minimalSource()
    let id: Key<Int64> = try schema.key("id")
    let centroid = try PointKey(adding: "truth", to: &schema, doc: "position")
    let flux = try schema.addField("truth_instFlux", as: Double.self, unit: "count", doc: "flux")
    let error = try schema.addField("truth_instFluxErr", as: Double.self, unit: "count", doc: "its error")
    try schema.setSlot(.centroid, to: "truth")
    try schema.setSlot(.psfFlux, to: "truth")
    var catalog = Catalog(schema, rowCount: truth.stars.x.count)
    for row in truth.stars.x.indices {
      catalog[id, row] = Int64(row + 1)
      catalog[centroid, row] = Point2D(x: truth.stars.x[row], y: truth.stars.y[row])
      catalog[flux, row] = truth.stars.flux[row]
      catalog[error, row] = truth.stars.err[row]
    }
    sources = catalog
  }

  /// Case N: bad pixels of the science image and those without data of the template have no value.
  ///
  /// - Returns: how many.
  mutating func losePixels() throws -> Int {
    func lose(_ exposure: inout Exposure, _ plane: String) throws -> Int {
      let pattern = try exposure.maskedImage.mask.planes.bitMask(plane)
      try exposure.maskedImage.update { image, mask, _ throws(ImagingError) in
        var pixels = image.pixels
        for i in pixels.indices where mask.bits.pixels[i] & pattern != 0 { pixels[i] = .nan }
        image = try Image(box: image.box, pixels: pixels)
      }
      return exposure.maskedImage.mask.count(pattern)
    }
    return try lose(&science, "BAD") + lose(&template, "NO_DATA")
  }

  /// As the reference ran it: nothing is filled, and CR of the template is forgotten.
  static var config: AlardLuptonSubtractConfig {
    var config = AlardLuptonSubtractConfig()
    config.doScaleVariance = false
    config.doFillMaskedPixels = false
    (config.doDecorrelation, config.doScore) = (false, false)
    config.masks.renameTemplateMask = ["SAT", "INJECTED", "INJECTED_CORE"]
    return config
  }

  /// The task as the reference ran it.
  func run(
    _ change: (inout AlardLuptonSubtractConfig) -> Void = { _ in }
  ) throws -> (task: AlardLuptonSubtractTask, result: SubtractionResult) {
    var config = Self.config
    change(&config)
    let task = try AlardLuptonSubtractTask(config: config)
    return (task, try task.run(template: template, science: science, sources: sources))
  }
}
