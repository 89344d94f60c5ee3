// SPDX-License-Identifier: GPL-3.0-or-later
// SEP and photutils on the same images.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Detections and apertures of SEP, PSF fluxes of photutils, on one difference with sources of both signs.
@Suite(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
struct PeerPhotometryTests {
  private struct Answer: Decodable {
    let found: [[Double]]
    let apertures: [String: [Double]]
    let flux: [Double]
    let fluxErr: [Double]
  }

  @Test func sourcesAndFluxesAreTheSame() throws {
    let box = Box2I(width: 512, height: 512)
    let sigma = 2.0
    let places = DetectionScene.randomTransients(100, in: box, flux: 1, apart: 36, margin: 34, seed: 90)
    // S/N from 8 to 150: an error is 2√π σ times the noise, 7.3 counts.
    let transients = places.enumerated().map { i, place in
      SceneSource(
        position: place.position, flux: (i % 3 == 0 ? -1 : 1) * 7.3 * 8 * pow(19, Double(i) / Double(places.count)))
    }
    let scene = try DetectionScene(box: box, stars: 0, sigma: sigma, transients: transients)
    let (result, _) = try scene.run(.difference) { config in
      config.doDeblend = false
      try config.set("measurement.plugins.base_CircularApertureFlux.radii", to: .list([.number(3), .number(12)]))
      try config.set("measurement.plugins.base_CircularApertureFlux.maxSincRadius", to: .number(0))
    }
    let sources = try #require(result.diaSources)
    let positions = try sources.positions()

    let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-peers-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let planes = scene.difference.maskedImage
    for (name, plane) in [("image", planes.image), ("variance", planes.variance)] {
      try plane.pixels.withUnsafeBytes { try Data($0).write(to: folder.appending(path: name + ".f4")) }
    }
    try positions.flatMap { [$0.x, $0.y] }.withUnsafeBytes {
      try Data($0).write(to: folder.appending(path: "positions.f8"))
    }
    try Data("{\"side\": 512, \"sigma\": \(sigma), \"psfHalf\": 16}".utf8).write(
      to: folder.appending(path: "parameters.json"))
    let answer = try JSONDecoder().decode(Answer.self, from: Peers.run("measure_sources.py", [folder.path]))

    // The same sources, and no others; SEP's peak is a pixel.
    #expect(answer.found.count == sources.rowCount && sources.rowCount == transients.count)
    for one in answer.found {
      let row = try #require(try sources.row(near: Point2D(x: one[0], y: one[1]), within: 2), "\(one)")
      #expect(try sources.flags("is_negative")[row] == (one[2] < 0))
    }
    // Exact areas: SEP sums in float32 parts.
    for radius in [3, 12] {
      let own = try sources.doubles("base_CircularApertureFlux_\(radius)_0_instFlux")
      let theirs = try #require(answer.apertures["\(radius).0"])
      for row in own.indices { #expect(abs(own[row] / theirs[row] - 1) < 1e-4, "\(radius), row \(row)") }
    }
    // photutils interpolates the PSF by a cubic spline, we by Lanczos-5: both are within 10⁻³ of a Gaussian of σ 2.
    let (flux, error) = (try sources.doubles("base_PsfFlux_instFlux"), try sources.doubles("base_PsfFlux_instFluxErr"))
    for row in flux.indices {
      #expect(abs(flux[row] - answer.flux[row]) < 0.01 * error[row] + 2e-3 * abs(flux[row]), "row \(row)")
      #expect(abs(error[row] / answer.fluxErr[row] - 1) < 0.01)
    }
  }
}
