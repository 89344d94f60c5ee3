// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import SkyGeometry
import TestSupport
import Testing

private struct Case: Decodable {
  let name: String
  let cards: [String]
  let pixels: [[Double]]
  let sky: [[Double]]
}

@Suite struct WCSAgainstAstropyTests {
  @Test(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
  func everyProjectionAgreesAndInverts() throws {
    let cases = try JSONDecoder().decode([Case].self, from: Peers.run("astropy_wcs.py"))
    #expect(cases.count == 19)
    for sample in cases {
      let wcs = try SkyWCS(header: sample.cards)
      let pixels = sample.pixels.map { Point2D(x: $0[0], y: $0[1]) }
      let sky = wcs.pixelToSky(pixels)
      let expected = sample.sky.map { SpherePoint(raDegrees: $0[0], decDegrees: $0[1]) }
      let worst = zip(sky, expected).map { $0.separation(from: $1).degrees }.max() ?? .nan
      #expect(worst < 1e-9, "\(sample.name): \(worst) deg from astropy")
      let back = wcs.skyToPixel(sky)
      let inversion = zip(back, pixels).map { $0.distance(to: $1) }.max() ?? .nan
      // Airy's projection has no closed inverse, and WCSLIB's iteration ends a little early.
      #expect(inversion < (sample.name == "AIR" ? 1e-5 : 1e-6), "\(sample.name): comes back \(inversion) px away")
    }
  }
}
