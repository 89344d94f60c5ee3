// SPDX-License-Identifier: GPL-3.0-or-later
// A golden case as the reference system had it when it sought the kernel, with any of the golden files that hold candidates of it.

import Foundation
import ImageDifferencing
import Imaging
import Repository
import SkyGeometry
import TestSupport
import Testing

/// A golden case as the reference system had it when it sought the kernel.
struct GoldenKernelCase {
  /// Of a case: factors of the variances and widths of the PSFs, from the run's metadata.
  enum Name: String {
    case a = "A"
    case b = "B"

    // A_T_nodec_meta.json, B_T_dec_meta.json: scaleTemplateVarianceFactor, scaleScienceVarianceFactor.
    var varianceFactors: (template: Double, science: Double) {
      switch self {
      case .a: (1.0935861154096487, 1.1100333825544797)
      case .b: (1.0929601245358087, 1.1061386510379987)
      }
    }
  }

  // templatePsfSize and sciencePsfSize of both.
  static let targetFwhm = 4.003194076552614
  static let referenceFwhm = 5.416086103571183

  let template: MaskedImage
  let science: MaskedImage

  init(_ name: Name, scalesVariance: Bool = true) throws {
    func image(_ part: String, factor: Double) throws -> MaskedImage {
      let fits = try FITSExposure(SharedData.url("golden/\(name.rawValue)_\(part).fits").path)
      let scale = Float(scalesVariance ? factor : 1)
      return try MaskedImage(
        image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance).map { $0 * scale })
    }
    template = try image("template", factor: name.varianceFactors.template)
    science = try image("science", factor: name.varianceFactors.science)
  }

  /// The candidates of a table, in its order.
  func candidates(_ golden: GoldenFile, _ table: String, stampSide: Int = 43) throws -> [KernelCandidate] {
    let (x, y) = (try golden["\(table).x"].doubles, try golden["\(table).y"].doubles)
    let rating = try golden["\(table).rating"].doubles
    return try x.indices.map { row in
      let position = Point2D(x: x[row], y: y[row])
      let box = try #require(Box2I(centeredAt: position, side: stampSide))
      return try KernelCandidate(
        id: Int64(row), position: position, rating: rating[row], template: template.cropped(to: box),
        science: science.cropped(to: box))
    }
  }
}
