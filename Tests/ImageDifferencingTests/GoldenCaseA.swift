// SPDX-License-Identifier: GPL-3.0-or-later
// Golden case A: its images as the reference system had them when it sought the kernel.

import Foundation
import ImageDifferencing
import Imaging
import Repository
import SkyGeometry
import TestSupport
import Testing

/// Golden case A: its images as the reference system had them when it sought the kernel, and its candidates.
struct GoldenCaseA {
  let golden: GoldenFile
  let template: MaskedImage
  let science: MaskedImage
  let basis: KernelBasis
  let candidates: [KernelCandidate]

  init(_ golden: GoldenFile) throws {
    self.golden = golden
    func image(_ name: String, factor: Double) throws -> MaskedImage {
      let fits = try FITSExposure(SharedData.url("golden/\(name)").path)
      let scale = Float(factor)
      return try MaskedImage(
        image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance).map { $0 * scale })
    }
    // A_T_nodec_meta.json: scaleTemplateVarianceFactor, scaleScienceVarianceFactor, templatePsfSize, sciencePsfSize.
    let template = try image("A_template.fits", factor: 1.0935861154096487)
    let science = try image("A_science.fits", factor: 1.1100333825544797)
    let basis = try AlardLuptonBasis(targetFwhm: 4.003194076552614, referenceFwhm: 5.416086103571183).basis
    let (x, y) = (try golden["candidates.x"].doubles, try golden["candidates.y"].doubles)
    let rating = try golden["candidates.rating"].doubles
    candidates = try x.indices.map { row in
      let position = Point2D(x: x[row], y: y[row])
      let box = try #require(Box2I(centeredAt: position, side: 2 * basis.side + 1))
      return try KernelCandidate(
        id: Int64(row), position: position, rating: rating[row], template: template.cropped(to: box),
        science: science.cropped(to: box))
    }
    (self.template, self.science, self.basis) = (template, science, basis)
  }
}
