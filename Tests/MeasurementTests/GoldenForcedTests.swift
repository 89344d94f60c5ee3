// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes of the reference system that are those of another formula.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TestSupport
import Testing

/// Case F of `shared/golden`: what of the reference's numbers is a formula with its defect, and how near ours are.
@Suite(
  .enabled(
    if: GoldenFile.isAvailable("F_forced_exact.fits"), "needs shared/golden and the Python environment of `make test`"))
struct GoldenForcedTests {
  private func column(_ radius: Double) -> String {
    "base_CircularApertureFlux_" + String(radius).replacingOccurrences(of: ".", with: "_") + "_instFlux"
  }

  /// Radii up to 10: the reference's weights do not move as one.
  ///
  /// It leaves a rim of the table where it was, 5 pixels wide where the table comes from and 4 where it goes to, of tables with half-sides of 7 (radius 3), 15 and 31. We
  /// move all of it.
  @Test(arguments: GoldenForcedCase.names)
  func smallAperturesHaveARim(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let (image, variance) = (measured.exposure.maskedImage.image, measured.exposure.maskedImage.variance)
    for (radius, limit) in [(3.0, 0.15), (4.5, 4e-3), (6, 4e-3), (9, 4e-4)] {
      let weights = SincAperture(radius: radius).weights
      let table = weights.cropped(to: weights.box.grown(by: -5))
      let (own, theirs) = (try measured.own(column(radius)), try measured.theirs(column(radius)))
      let theirErrors = try measured.theirs(column(radius) + "Err")
      for (row, position) in measured.positions.enumerated() {
        #expect(own[row].isNaN == theirs[row].isNaN)
        // Positions are float32 there.
        let center = Point2D(x: Double(Float(position.x)), y: Double(Float(position.y)))
        let pixel = try #require(center.pixel)
        guard !theirs[row].isNaN, image.box.contains(table.box.shifted(x: pixel.x, y: pixel.y)) else { continue }
        let rimmed = withRim(table, moved: center - Point2D(pixel)).moved(
          toX: table.box.minX + pixel.x, y: table.box.minY + pixel.y)
        var (flux, square) = (0.0, 0.0)
        for y in rimmed.box.minY..<rimmed.box.endY {
          for x in rimmed.box.minX..<rimmed.box.endX {
            flux += rimmed[x, y] * Double(image[x, y])
            square += rimmed[x, y] * rimmed[x, y] * Double(variance[x, y])
          }
        }
        // Its weights are float32.
        #expect(abs(theirs[row] / flux - 1) < 3e-6, "radius \(radius), row \(row): \(theirs[row]) \(flux)")
        #expect(abs(theirErrors[row] / square.squareRoot() - 1) < 3e-6)
        #expect(abs(own[row] / theirs[row] - 1) < limit, "radius \(radius), row \(row): \(own[row]) \(theirs[row])")
      }
    }
  }

  private func withRim(_ table: Image<Double>, moved by: Point2D) -> Image<Double> {
    let moved = table.shifted(x: by.x, y: by.y)
    func keeps(_ index: Int, _ side: Int, _ shift: Double) -> Bool {
      let (low, high) = shift > 0 ? (5, 4) : (4, 5)
      return index >= low && index < side - high
    }
    return Image(box: table.box) { x, y in
      let isInside =
        keeps(x - table.box.minX, table.width, by.x) && keeps(y - table.box.minY, table.height, by.y)
      return isInside ? moved[x, y] : table[x, y]
    }
  }

  /// Radii above 10: the reference's pixels are whole.
  ///
  /// It sums those whose centres are in the circle. We take the area that each has in it.
  @Test(arguments: GoldenForcedCase.names)
  func largeAperturesAreWholePixels(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let (image, variance) = (measured.exposure.maskedImage.image, measured.exposure.maskedImage.variance)
    for radius in [12.0, 17, 25, 35, 50, 70] {
      let (own, theirs) = (try measured.own(column(radius)), try measured.theirs(column(radius)))
      let (ownErrors, theirErrors) = (
        try measured.own(column(radius) + "Err"), try measured.theirs(column(radius) + "Err")
      )
      for (row, position) in measured.positions.enumerated() where !theirs[row].isNaN {
        let circle = try #require(SpanSet(ellipseAt: position, moments: SIMD3(1, 1, 0), scale: radius))
        var (flux, square, edge) = (0.0, 0.0, 0.0)
        for span in circle.spans {
          for x in span.x0...span.x1 {
            let value = Double(image[x, span.y])
            flux += value
            square += Double(variance[x, span.y])
          }
        }
        for span in circle.dilated(by: 1).subtracting(circle.eroded(by: 1)).clipped(to: image.box).spans {
          for x in span.x0...span.x1 { edge += Double(image[x, span.y]) * Double(image[x, span.y]) }
        }
        #expect(abs(theirs[row] - flux) < 1e-9 * max(abs(flux), 1e4), "radius \(radius), row \(row)")
        #expect(abs(theirErrors[row] / square.squareRoot() - 1) < 1e-9)
        // Of pixels on the edge up to half is counted or not, of neighbours often alike: a few times the root of the sum of their squares.
        #expect(abs(own[row] - theirs[row]) < 3 * edge.squareRoot(), "radius \(radius), row \(row)")
        #expect(abs(ownErrors[row] / theirErrors[row] - 1) < 0.5 / radius)
      }
    }
  }

  /// The clipped mean of a ring about the source: of the same pixels, but where one lies between the circles of the Gaussian's width and those of the width that we measure.
  @Test(arguments: GoldenForcedCase.names)
  func levelsAboutTheSources(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let (own, theirs) = (
      try measured.own("base_LocalBackground_instFlux"), try measured.theirs("base_LocalBackground_instFlux")
    )
    let (scatter, theirScatter) = (
      try measured.own("base_LocalBackground_instFluxErr"), try measured.theirs("base_LocalBackground_instFluxErr")
    )
    func sigma(_ values: (String) throws -> [Double]) throws -> Double {
      let moments = try ["xx", "yy", "xy"].map { try values("base_SdssShape_psf_" + $0)[0] }
      return SecondMoments(xx: moments[0], yy: moments[1], xy: moments[2]).determinantRadius
    }
    let widths = (own: try sigma(measured.own), theirs: try sigma(measured.theirs))
    func ring(_ position: Point2D, _ sigma: Double) -> SpanSet {
      func circle(_ factor: Double) -> SpanSet {
        SpanSet(ellipseAt: position, moments: SIMD3(1, 1, 0), scale: factor * sigma) ?? .empty
      }
      return circle(15).subtracting(circle(7)).clipped(to: measured.exposure.box)
    }
    var sameCount = 0
    for (row, position) in measured.positions.enumerated() {
      let (a, b) = (ring(position, widths.own), ring(position, widths.theirs))
      let others = a.subtracting(b).area + b.subtracting(a).area
      if others == 0 {
        sameCount += 1
        #expect(abs(own[row] - theirs[row]) < 1e-11, "row \(row): \(own[row]) \(theirs[row])")
        #expect(abs(scatter[row] - theirScatter[row]) < 1e-11)
      } else {
        // Each by 3σ at the most, and what clipping makes of it.
        let limit = 6 * theirScatter[row] * Double(others) / Double(b.area)
        #expect(abs(own[row] - theirs[row]) < limit, "row \(row): \(own[row]) \(theirs[row])")
        #expect(abs(scatter[row] - theirScatter[row]) < limit)
      }
    }
    #expect(sameCount > 120, "\(sameCount)")
  }

  /// The reference adds the variances of the interpolated pixels as if they were independent; ours is the nearest pixel's.
  @Test(arguments: GoldenForcedCase.names)
  func errorsOfPeakFluxes(_ name: String) throws {
    let measured = try GoldenForcedCase.named(name)
    let theirs = try measured.theirs("base_PeakLikelihoodFlux_instFluxErr")
    let (variance, kernel) = (measured.exposure.maskedImage.variance, LanczosKernel(order: 4))
    for (row, position) in measured.positions.enumerated() where !theirs[row].isNaN {
      let psf = try #require(try measured.exposure.psf?.kernelImage(at: position))
      let area = 1 / psf.pixels.reduce(0) { $0 + $1 * $1 }
      let low = Point2D(x: position.x.rounded(.down), y: position.y.rounded(.down))
      let (across, up) = (kernel.taps(at: position.x - low.x), kernel.taps(at: position.y - low.y))
      var sum = 0.0
      for j in 0..<8 {
        for i in 0..<8 {
          let weight = across[i] * up[j]
          sum += weight * weight * Double(variance[Int(low.x) - 3 + i, Int(low.y) - 3 + j])
        }
      }
      #expect(abs(theirs[row] / (area * sum.squareRoot()) - 1) < 1e-6, "row \(row)")
    }
  }
}
