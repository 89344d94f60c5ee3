// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct FourierTests {
  /// Against the sum that defines it.
  @Test(arguments: [(1, 1), (2, 3), (8, 6), (15, 7)]) func agreesWithTheDefinition(_ width: Int, _ height: Int) throws {
    let transform = try RealFFT2D<Double>(width: width, height: height)
    let plane = try AlignedBuffer<Double>(count: width * height)
    let spectrum = try AlignedBuffer<Double>(count: transform.spectrumCount)
    var random = SeededRandom(1)
    for i in 0..<plane.count { plane[i] = random.gaussian() }
    transform.forward(plane, into: spectrum)
    for v in 0..<height {
      for u in 0..<transform.spectrumWidth {
        var (real, imaginary) = (0.0, 0.0)
        for y in 0..<height {
          for x in 0..<width {
            let phase = -2 * Double.pi * (Double(u * x) / Double(width) + Double(v * y) / Double(height))
            real += plane[y * width + x] * cos(phase)
            imaginary += plane[y * width + x] * sin(phase)
          }
        }
        let index = 2 * (v * transform.spectrumWidth + u)
        #expect(abs(spectrum[index] - real) < 1e-11 && abs(spectrum[index + 1] - imaginary) < 1e-11)
      }
    }
  }

  private func roundTrip<Scalar: FourierScalar>(_: Scalar.Type, width: Int, height: Int) throws -> [Scalar] {
    let transform = try RealFFT2D<Scalar>(width: width, height: height)
    let plane = try AlignedBuffer<Scalar>(count: width * height)
    let back = try AlignedBuffer<Scalar>(count: width * height)
    let spectrum = try AlignedBuffer<Scalar>(count: transform.spectrumCount)
    var random = SeededRandom(2)
    let values = (0..<plane.count).map { _ in Scalar(random.gaussian()) }
    for i in 0..<plane.count { plane[i] = values[i] }
    transform.forward(plane, into: spectrum)
    transform.backward(spectrum, into: back)
    return (0..<plane.count).map { back[$0] - values[$0] }
  }

  @Test func comesBack() throws {
    #expect(try roundTrip(Float.self, width: 120, height: 63).allSatisfy { abs($0) < 2e-6 })
    #expect(try roundTrip(Double.self, width: 63, height: 120).allSatisfy { abs($0) < 1e-14 })
    #expect(try roundTrip(Float.self, width: 120, height: 63) == roundTrip(Float.self, width: 120, height: 63))
  }

  @Test func threadsMayPlanTogether() async throws {
    await withTaskGroup(of: Bool.self) { group in
      for side in 20..<40 {
        group.addTask { (try? roundTrip(Float.self, width: side, height: 17).allSatisfy { abs($0) < 2e-6 }) ?? false }
      }
      for await isGood in group { #expect(isGood) }
    }
  }

  @Test func fastLengths() {
    #expect([0, 1, 2, 3, 11, 4106, 4097].map { fastLength(atLeast: $0) } == [2, 2, 2, 4, 12, 4116, 4116])
  }

  @Test func impossibleSizesAreErrors() {
    for size in [(0, 1), (1, 0), (-3, 4), (70000, 1)] {
      #expect(throws: ImagingError.self) { _ = try RealFFT2D<Float>(width: size.0, height: size.1) }
    }
    #expect(throws: ImagingError.self) { _ = try AlignedBuffer<Double>(count: .max) }
    #expect(throws: ImagingError.self) { _ = try AlignedBuffer<Double>(count: -1) }
  }
}
