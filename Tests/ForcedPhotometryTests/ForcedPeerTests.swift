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

  /// Stars by themselves and pairs at 1.5 FWHM, which photutils fits together.
  ///
  /// For a pair it counts each pixel once for every source near it, so those of both count twice: its fluxes are nearly, its errors not those of least squares.
  @Test func fluxesAreTheSame() throws {
    let (columns, count, pairCount) = (16, 200, 40)
    var random = SeededRandom(5)
    var positions = (0..<count + pairCount).map { i -> Point2D in
      let (x, y) = (Double(i % columns * 44 + 22), Double(i / columns * 44 + 22))
      return Point2D(x: x + random.uniform(), y: y + random.uniform())
    }
    for i in count..<count + pairCount {
      let angle = random.uniform(0...2 * .pi)
      let offset = Point2D(x: 1.5 * JointScene.fwhm * cos(angle), y: 1.5 * JointScene.fwhm * sin(angle))
      positions.append(positions[i] + offset)
    }
    // S/N from 5 to 500.
    let fluxes = positions.map { _ in 5 * JointScene.errorPerNoise * 5 * pow(100, random.uniform()) }
    let scene = try JointScene(
      box: Box2I(width: columns * 44, height: columns * 44), positions: positions, fluxes: fluxes,
      psf: JointAnalyticPSF(sigma: JointScene.sigma), noise: { _, _ in 5 }, seed: 6)
    let answer = try ask(scene, groupApart: 2 * JointScene.fwhm)
    let found = try JointMeasurement(scene.exposure, positions)
    let (flux, error) = (try found.doubles("instFlux"), try found.doubles("instFluxErr"))
    for row in 0..<count {
      #expect(abs(flux[row] - answer.fit[row]) < 1e-4 * error[row], "row \(row)")
      #expect(abs(error[row] / answer.err[row] - 1) < 1e-4, "row \(row)")
    }
    for row in count..<positions.count {
      #expect(abs(flux[row] - answer.fit[row]) < 0.02 * error[row], "row \(row)")
      #expect(answer.err[row] < error[row] && answer.err[row] > 0.7 * error[row], "row \(row)")
    }
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
