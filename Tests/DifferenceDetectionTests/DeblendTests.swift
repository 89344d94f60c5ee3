// SPDX-License-Identifier: GPL-3.0-or-later
// Blends of transients.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct DeblendTests {
  private static let box = Box2I(minX: 1000, minY: -400, width: 900, height: 900)

  /// Pairs of one sign, the second with a part of the first's flux, a distance apart.
  private func pairs(_ count: Int, flux: Double, ratio: Double, apart: Double, seed: UInt64) -> [(
    SceneSource, SceneSource
  )] {
    var random = SeededRandom(seed)
    return DetectionScene.randomTransients(count, in: Self.box, flux: flux, apart: 60, margin: 40, seed: seed).map {
      let angle = random.uniform(0...2 * .pi)
      let second = Point2D(x: $0.position.x + apart * cos(angle), y: $0.position.y + apart * sin(angle))
      return ($0, SceneSource(position: second, flux: ratio * flux))
    }
  }

  /// At 2.2 FWHM, where the filtered image has two peaks: both are found, and fluxes of the fit and of the children's own pixels are those of each, for both signs.
  @Test(arguments: [1.0, -1]) func blendedPairsAreSeparated(_ sign: Double) throws {
    let pairs = pairs(100, flux: sign * 1500, ratio: 0.6, apart: 2.2 * 2.4 * 2.355, seed: 12)
    let scene = try DetectionScene(box: Self.box, stars: 0, transients: pairs.flatMap { [$0.0, $0.1] })
    let (result, _) = try scene.run(.difference)
    let sources = try #require(result.diaSources)
    #expect(sources.rowCount == 2 * pairs.count)
    var pulls: (fit: [Double], psf: [Double], alone: [Double]) = ([], [], [])
    let blend: [Int32] = try sources.column("deblend_blendId")
    for (a, b) in pairs {
      let rows = try [a, b].map { try #require(try sources.row(near: $0.position, within: 1.5)) }
      #expect(blend[rows[0]] == blend[rows[1]] && blend[rows[0]] > 0)
      for (row, truth) in zip(rows, [a, b]) {
        #expect(try sources.flags("deblend_deblendedAsPsf")[row] && sources.flags("detect_fromBlend")[row])
        #expect(try !sources.flags("detect_isIsolated")[row] && sources.flags("detect_isPrimary")[row])
        #expect(try sources.flags("is_negative")[row] == (sign < 0))
        let error = try sources.doubles("deblend_psf_instFluxErr")[row]
        pulls.fit.append((try sources.doubles("deblend_psf_instFlux")[row] - truth.flux) / error)
        pulls.psf.append((try sources.doubles("base_PsfFlux_instFlux")[row] - truth.flux) / error)
      }
    }
    for (name, values, limit) in [("fit", pulls.fit, 0.15), ("psf", pulls.psf, 0.35)] {
      let mean = values.reduce(0, +) / Double(values.count)
      let width = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
      // 200 values know their mean to 0.07 and their scatter to 5 %; the positions are fitted, too, which fluxes of two neighbours share.
      #expect(abs(mean) < limit && width > 0.8 && width < 1.35, "\(name): \(mean) \(width)")
    }
    // What a fit of each by itself makes of them: the neighbour's light is in it.
    let (whole, _) = try scene.run(.difference) { $0.doDeblend = false }
    #expect(try #require(whole.diaSources).rowCount < 2 * pairs.count)
  }

  /// A bump of the noise on a bright source's wing is no source of its own.
  @Test func aSingleSourceStaysOne() throws {
    let transients = DetectionScene.randomTransients(60, in: Self.box, flux: 20_000, apart: 80, margin: 50, seed: 5)
    let scene = try DetectionScene(box: Self.box, stars: 0, transients: transients)
    let sources = try #require(try scene.run(.difference).result.diaSources)
    #expect(sources.rowCount == transients.count)
    #expect(try sources.column("deblend_blendId", as: Int32.self).allSatisfy { $0 == 0 })
  }

  /// What no point sources fit is one source, and says so; parts far apart are several all the same.
  @Test func whatIsNotPointLikeStaysOne() throws {
    var scene = try DetectionScene(stars: 0)
    let middle = scene.difference.box.center
    var image = scene.difference.maskedImage.image
    // A ring with knots, as a bright galaxy leaves.
    for k in 0..<24 {
      let angle = Double(k) / 24 * 2 * .pi
      addStar(
        to: &image, at: Point2D(x: middle.x + 7 * cos(angle), y: middle.y + 7 * sin(angle)), sigma: 2.4,
        flux: 900 + 300 * Double(k % 3))
    }
    scene.difference.maskedImage = try MaskedImage(
      image: image, mask: scene.difference.maskedImage.mask, variance: scene.difference.maskedImage.variance)
    let sources = try #require(try scene.run(.difference).result.diaSources)
    // Of 24 knots those that are 3.5σ apart at most.
    #expect((1...5).contains(sources.rowCount), "\(sources.rowCount)")
    #expect(try !sources.flags("deblend_deblendedAsPsf").contains(true))
  }

  @Test func limitsAreKept() throws {
    let pairs = pairs(4, flux: 1500, ratio: 0.8, apart: 8, seed: 3)
    let scene = try DetectionScene(box: Self.box, stars: 0, transients: pairs.flatMap { [$0.0, $0.1] })
    for (field, column) in [("maxFootprintArea", "deblend_parentTooBig")] {
      let (result, _) = try scene.run(.difference) { try $0.set("deblend.\(field)", to: .integer(50)) }
      let sources = try #require(result.diaSources)
      #expect(sources.rowCount == pairs.count)
      #expect(try sources.flags(column).allSatisfy { $0 } && sources.flags("deblend_skipped").allSatisfy { $0 })
    }
  }
}
