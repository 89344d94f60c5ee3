// SPDX-License-Identifier: GPL-3.0-or-later
// What may be switched on.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// The newer steps as options of the tasks (detection-measurement A.14, E.1.13).
@Suite struct DetectionOptionTests {
  private static let box = Box2I(minX: 500, minY: 300, width: 600, height: 600)

  private func scene(_ change: (inout Image<Float>) throws -> Void) throws -> DetectionScene {
    let transients = DetectionScene.randomTransients(12, in: Self.box, flux: 400, apart: 60, margin: 60, seed: 8)
    var scene = try DetectionScene(box: Self.box, stars: 0, transients: transients)
    let planes = scene.difference.maskedImage
    var image = planes.image
    try change(&image)
    scene.difference.maskedImage = try MaskedImage(image: image, mask: planes.mask, variance: planes.variance)
    return scene
  }

  /// On a sky that is several times the noise transients are found once it is subtracted; the difference that is returned keeps it.
  @Test(arguments: DetectionScene.Way.allCases)
  func transientsOnABackgroundAreFound(_ way: DetectionScene.Way) throws {
    let scene = try scene { image in
      for y in Self.box.minY..<Self.box.endY {
        image.withMutableRow(y) { row in
          for i in row.indices { row[i] += Float(3 + 2 * sin(Double(i) / 200) + 1.5 * cos(Double(y) / 250)) }
        }
      }
    }
    let (plain, _) = try scene.run(way)
    let (result, _) = try scene.run(way) { $0.doSubtractBackground = true }
    let sources = try #require(result.diaSources)
    for transient in scene.transients {
      let row = try #require(try sources.row(near: transient.position))
      #expect(abs(try sources.doubles("base_PsfFlux_instFlux")[row] - transient.flux) < 50)
    }
    // A few more at the image's edges, beyond which there is nothing to fit.
    #expect(sources.rowCount <= scene.transients.count + 4)
    #expect(plain.diaSources?.rowCount != sources.rowCount)
    let background = try #require(result.differenceBackground)
    let middle = (x: Self.box.minX + 300, y: Self.box.minY + 300)
    let expected = 3 + 2 * sin(300.0 / 200) + 1.5 * cos(Double(middle.y) / 250)
    #expect(abs(Double(background[middle.x, middle.y]) - expected) < 0.5)
    #expect(result.subtractedMeasuredExposure.maskedImage.image == scene.difference.maskedImage.image)
  }

  @Test func cosmicRaysAreMarked() throws {
    let hits = [(530, 320), (700, 777), (1010, 500)]
    let scene = try scene { image in for (x, y) in hits { image[x, y] += 600 } }
    let (result, task) = try scene.run(.difference) { $0.doFindCosmicRays = true }
    #expect(try task.metadata.integer("cosmic_ray_count") == hits.count)
    let mask = result.subtractedMeasuredExposure.maskedImage.mask
    let bit = try mask.planes.bitMask("CR")
    #expect(mask.count(bit) == hits.count && hits.allSatisfy { mask[$0.0, $0.1] & bit != 0 })
    let sources = try #require(result.diaSources)
    let flagged = try sources.flags("base_PixelFlags_flag_crCenter")
    for (x, y) in hits {
      if let row = try sources.row(near: Point2D(x: Double(x), y: Double(y)), within: 2) { #expect(flagged[row]) }
    }
    for transient in scene.transients {
      let row = try #require(try sources.row(near: transient.position))
      #expect(!flagged[row])
    }
  }

  @Test func streaksAreMarked() throws {
    let scene = try scene { image in
      for y in Self.box.minY..<Self.box.endY {
        image.withMutableRow(y) { row in
          for i in row.indices {
            let distance = Double(i) * 0.6 - Double(y - Self.box.minY) * 0.8 + 120
            row[i] += Float(1.5 * exp(-distance * distance / (2 * 2.4 * 2.4)))
          }
        }
      }
    }
    let (result, task) = try scene.run(.difference) { $0.doMaskStreaks = true }
    #expect(result.maskedStreaks.count == 1)
    #expect(try task.metadata.integer("nStreaks") == 1)
    let mask = result.subtractedMeasuredExposure.maskedImage.mask
    let bit = try mask.planes.bitMask("STREAK")
    // Along the line.
    for i in stride(from: 0, to: 600, by: 50) {
      let y = Self.box.minY + Int((Double(i) * 0.6 + 120) / 0.8)
      guard y < Self.box.endY else { continue }
      #expect(mask[Self.box.minX + i, y] & bit != 0, "\(i)")
    }
    let (plain, _) = try scene.run(.difference)
    #expect(plain.maskedStreaks.isEmpty)
  }

  @Test func glintsAreFlagged() throws {
    let line = (0..<9).map {
      SceneSource(position: Point2D(x: 560 + 42 * Double($0), y: 420 + 27 * Double($0)), flux: 500)
    }
    let scene = try DetectionScene(box: Self.box, stars: 0, transients: line)
    let (result, task) = try scene.run(.difference) { $0.doFindGlints = true }
    let sources = try #require(result.diaSources)
    #expect(try sources.flags("glint_trail").filter { $0 }.count == line.count)
    #expect(result.glints.count == 1)
    #expect(try task.metadata.integer("nGlintTrails") == 1)
    #expect(try #require(try scene.run(.difference).result.diaSources).flags("glint_trail").allSatisfy { !$0 })
  }

  /// Pictures hold the pixels about each source, NaN beyond the image.
  @Test func cutoutsAreThePixels() throws {
    let edge = SceneSource(position: Point2D(x: 512.2, y: 500.6), flux: 900)
    var scene = try DetectionScene(box: Self.box, stars: 5, transients: [edge])
    let planes = scene.difference.maskedImage
    scene.difference.maskedImage = try MaskedImage(image: planes.image, mask: planes.mask, variance: planes.variance)
    let (result, _) = try scene.run(.difference) { config in
      (config.cutoutSize, config.badMaskPlanes) = (31, [])
      config.badSourceFlags = []
    }
    let sources = try #require(result.diaSources)
    let row = try #require(try sources.row(near: edge.position))
    let cutouts = try #require(result.cutouts)
    #expect(cutouts.difference.count == sources.rowCount && cutouts.difference.side == 31)
    for (image, pixels) in [
      (scene.difference, cutouts.difference.pixels), (scene.science, cutouts.science.pixels),
      (scene.template, cutouts.template.pixels),
    ] {
      for j in 0..<31 {
        for i in 0..<31 {
          let (x, y) = (512 - 15 + i, 501 - 15 + j)
          let value = pixels[(row * 31 + j) * 31 + i]
          if Self.box.contains(x: x, y: y) {
            #expect(value == image.maskedImage.image[x, y])
          } else {
            #expect(value.isNaN)
          }
        }
      }
    }
    let (none, _) = try scene.run(.difference) { $0.cutoutSize = 0 }
    #expect(none.cutouts == nil)
  }

  /// Aperture corrections of the difference, where it has them.
  @Test func fluxesAreCorrected() throws {
    var scene = try scene { _ in }
    let (plain, _) = try scene.run(.difference)
    var map = ApCorrMap()
    map["base_PsfFlux_instFlux"] = try SpatialFunction(
      SpatialBasis(.chebyshev(Box2D(Self.box)), order: 0), coefficients: [1.25])
    scene.difference.apCorrMap = map
    let (corrected, _) = try scene.run(.difference)
    let (a, b) = (try #require(plain.diaSources), try #require(corrected.diaSources))
    for column in ["base_PsfFlux_instFlux", "base_PsfFlux_instFluxErr"] {
      for (before, after) in zip(try a.doubles(column), try b.doubles(column)) {
        #expect(abs(after / before - 1.25) < 1e-12)
      }
    }
    #expect(try b.doubles("base_PsfFlux_apCorr").allSatisfy { $0 == 1.25 })
    #expect(try b.doubles("ip_diffim_forced_PsfFlux_instFlux") == a.doubles("ip_diffim_forced_PsfFlux_instFlux"))
    // The map knows no Gaussian flux.
    #expect(try b.flags("base_GaussianFlux_flag_apCorr").allSatisfy { $0 })
    #expect(try b.doubles("base_GaussianFlux_instFlux") == a.doubles("base_GaussianFlux_instFlux"))
  }
}
