// SPDX-License-Identifier: GPL-3.0-or-later
// The noise of a template, next to its variance.

import ImageDifferencing
import Imaging
import SkyGeometry
import SyntheticSurvey
import Testing

@Suite struct TemplateNoiseTests {
  /// Of the noise without sky.
  static let noise = Result {
    try GetTemplateTests.survey.get().coadds { simulated in
      var noise = simulated.exposure.maskedImage.image
      for y in noise.box.minY..<noise.box.endY {
        let row = simulated.noiseFree.row(y)
        noise.withMutableRow(y) { out in for i in row.indices { out[i] -= row[i] } }
      }
      return noise
    }
  }

  /// Where on the tracts the pixels of a template are.
  private enum Place: CaseIterable { case inside, patchBorder, overlap }

  private func places(_ survey: TemplateSurvey, _ box: Box2I) throws -> [Place] {
    let wcs = try #require(survey.science.wcs)
    let positions = (box.minY..<box.endY).flatMap { y in
      (box.minX..<box.endX).map { Point2D(x: Double($0), y: Double(y)) }
    }
    let sky = wcs.pixelToSky(positions)
    let tracts = try (0..<survey.skyMap.tractCount).map { try survey.skyMap.tract($0) }
    let pixels = tracts.map { $0.wcs.skyToPixel(sky) }
    return positions.indices.map { i in
      let inside = tracts.indices.filter { Box2D(tracts[$0].box).contains(pixels[$0][i]) }
      guard inside.count == 1 else { return .overlap }
      let p = pixels[inside[0]][i]
      let isNear = [p.x, p.y].contains { abs(($0 + 0.5).remainder(dividingBy: 150)) < 3 }
      return isNear ? .patchBorder : .inside
    }
  }

  /// Mean square of the noise in its standard deviations, by place.
  private func meanSquares(_ survey: TemplateSurvey, _ coadds: [TemplateSurvey.PatchCoadd]) throws -> [Place: (
    Double, Int
  )] {
    let image = try survey.template(coadds).maskedImage
    var sums: [Place: (Double, Int)] = [:]
    for (i, place) in try places(survey, image.box).enumerated() where image.image.pixels[i].isFinite {
      let square = Double(image.image.pixels[i] * image.image.pixels[i] / image.variance.pixels[i])
      sums[place, default: (0, 0)].0 += square
      sums[place, default: (0, 0)].1 += 1
    }
    return sums.mapValues { ($0.0 / Double($0.1), $0.1) }
  }

  /// What Lanczos-3 at a random place makes of the mean square of noise that neighbouring pixels share, where the variance is computed as if
  /// they shared none.
  private func expectedMeanSquare(_ coadds: [TemplateSurvey.PatchCoadd]) -> Double {
    var (sums, counts) = ([Double](repeating: 0, count: 121), [Double](repeating: 0, count: 121))
    for coadd in coadds {
      let box = coadd.patch.innerBox
      let image = coadd.exposure.maskedImage.cropped(to: box)
      let pulls = zip(image.image.pixels, image.variance.pixels).map { Double($0 / $1.squareRoot()) }
      for k in 0..<121 {
        let (dx, dy) = (k % 11 - 5, k / 11 - 5)
        for y in max(0, -dy)..<min(box.height, box.height - dy) {
          for x in max(0, -dx)..<min(box.width, box.width - dx) {
            let product = pulls[y * box.width + x] * pulls[(y + dy) * box.width + x + dx]
            if product.isFinite {
              sums[k] += product
              counts[k] += 1
            }
          }
        }
      }
    }
    let shared = zip(sums, counts).map { $0 / $1 }
    var total = 0.0
    for phase in 0..<64 {
      let across = LanczosKernel(order: 3).taps(at: (Double(phase / 8) + 0.5) / 8)
      let along = LanczosKernel(order: 3).taps(at: (Double(phase % 8) + 0.5) / 8)
      /// Σ of products of taps that are so many pixels apart.
      func lags(_ taps: [Double]) -> [Double] {
        (-5...5).map { lag in
          taps.indices.reduce(0) { $0 + (taps.indices.contains($1 + lag) ? taps[$1] * taps[$1 + lag] : 0) }
        }
      }
      let (a, b) = (lags(along), lags(across))
      let all = (0..<121).reduce(0) { $0 + a[$1 % 11] * b[$1 / 11] * shared[$1] }
      total += all / (a[5] * b[5])
    }
    return total / 64
  }

  @Test func theVarianceIsThatOfTheNoise() throws {
    let survey = try GetTemplateTests.survey.get()
    let coadds = try Self.noise.get()
    let found = try meanSquares(survey, coadds)
    let expected = expectedMeanSquare(coadds)
    let (inside, border) = (try #require(found[.inside]), try #require(found[.patchBorder]))
    let overlap = try #require(found[.overlap])
    #expect(inside.1 > 80_000 && border.1 > 3_000 && overlap.1 > 30_000)
    // A mean square of n independent pixels scatters by √(2 / n), of 147,000 and of 16,000 by 0.4 % and 1.1 %.
    #expect(abs(inside.0 / expected - 1) < 0.05, "\(inside.0), \(expected)")
    #expect(abs(border.0 / expected - 1) < 0.05, "\(border.0), \(expected)")
    // The tracts' coadds are resamplings of the same visits half a pixel apart, so that a little noise averages out after all.
    #expect(overlap.0 < 1.02 * inside.0 && overlap.0 > 0.92 * inside.0, "\(overlap.0), \(inside.0)")
  }
}
