// SPDX-License-Identifier: GPL-3.0-or-later
// Forced fluxes of photutils at the same positions of the same image.

import ForcedPhotometry
import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

/// With a PSF that both know exactly, fluxes are the same; all pixels have one variance, so that weights do not matter.
@Suite(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
struct ForcedPeerTests {
  private struct Answer: Decodable {
    let fit: [Double]
    let err: [Double]
  }

  @Test func isolatedStarsAreTheSame() throws {
    let side = 32
    var random = SeededRandom(5)
    let positions = (0..<600).map { i in
      Point2D(x: Double(i % side * 40 + 20) + random.uniform(), y: Double(i / side * 40 + 20) + random.uniform())
    }
    // S/N from 5 to 500.
    let fluxes = positions.map { _ in 5 * JointScene.errorPerNoise * 5 * pow(100, random.uniform()) }
    let scene = try scene(positions, fluxes, side: side * 40)
    let answer = try ask(scene, groupApart: 0)
    let found = try JointMeasurement(scene.exposure, positions)
    for (flux, error) in [
      (try found.doubles("instFlux"), try found.doubles("instFluxErr")),
      (try found.plain("instFlux"), try found.plain("instFluxErr")),
    ] {
      for row in flux.indices {
        #expect(abs(flux[row] - answer.fit[row]) < 1e-4 * error[row], "row \(row)")
        #expect(abs(error[row] / answer.err[row] - 1) < 1e-4, "row \(row)")
      }
    }
  }

  /// Pairs at 1.5 FWHM, which photutils fits together.
  ///
  /// It counts each pixel once for every source near it, so those of both count twice: its fluxes are nearly, its errors not those of least squares.
  @Test func pairsAreNearlyTheSame() throws {
    let pairs = try JointScene.pairs(100, apart: 1.5 * JointScene.fwhm, seed: 71)
    let scene = try scene(pairs.positions, pairs.fluxes, side: 440)
    let answer = try ask(scene, groupApart: 2 * JointScene.fwhm)
    let found = try JointMeasurement(scene.exposure, pairs.positions)
    let (flux, error) = (try found.doubles("instFlux"), try found.doubles("instFluxErr"))
    for row in flux.indices {
      #expect(abs(flux[row] - answer.fit[row]) < 0.02 * error[row], "row \(row)")
      #expect(answer.err[row] < error[row] && answer.err[row] > 0.7 * error[row], "row \(row)")
    }
  }

  private func scene(_ positions: [Point2D], _ fluxes: [Double], side: Int) throws -> JointScene {
    try JointScene(
      box: Box2I(width: side, height: side), positions: positions, fluxes: fluxes,
      psf: JointAnalyticPSF(sigma: JointScene.sigma), noise: { _, _ in 5 }, seed: 6)
  }

  private func ask(_ scene: JointScene, groupApart: Double) throws -> Answer {
    let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-peers-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let planes = scene.exposure.maskedImage
    for (name, plane) in [("image", planes.image), ("variance", planes.variance)] {
      try plane.pixels.withUnsafeBytes { try Data($0).write(to: folder.appending(path: name + ".f4")) }
    }
    let starts = scene.fluxes.map { 1.1 * $0 }
    for (name, numbers) in [("positions", scene.positions.flatMap { [$0.x, $0.y] }), ("starts", starts)] {
      try numbers.withUnsafeBytes { try Data($0).write(to: folder.appending(path: name + ".f8")) }
    }
    let parameters: [String: Double] = [
      "width": Double(planes.width), "height": Double(planes.height), "sigma": JointScene.sigma, "fitSide": 25,
      "groupApart": groupApart,
    ]
    // Whole numbers are whole in JSON as well.
    let text = parameters.sorted { $0.key < $1.key }.map { name, value in
      "\"\(name)\": " + (value == value.rounded() ? "\(Int64(value))" : "\(value)")
    }
    try Data("{\(text.joined(separator: ", "))}".utf8).write(to: folder.appending(path: "parameters.json"))
    return try JSONDecoder().decode(Answer.self, from: Peers.run("forced_fluxes.py", [folder.path]))
  }
}
