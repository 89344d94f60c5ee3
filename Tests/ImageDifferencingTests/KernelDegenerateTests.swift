// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels of images that have too little, or nonsense, to make one of.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct KernelDegenerateTests {
  private let region = Box2I(width: 256, height: 256)

  private func run(_ candidates: [KernelCandidate], _ change: (inout MakeKernelConfig) throws -> Void = { _ in }) throws
    -> KernelSolution
  {
    var config = MakeKernelConfig()
    try change(&config)
    let stars = SimulatedStars()
    return try MakeKernelTask(config: config).solve(
      candidates, targetFwhm: stars.fwhm.target, referenceFwhm: stars.fwhm.reference, region: region)
  }

  /// The candidate with its template's pixels changed.
  private func changed(
    _ candidate: KernelCandidate, _ body: (inout Image<Float>, inout Image<Float>) -> Void
  ) throws -> KernelCandidate {
    var template = candidate.template
    try template.update { image, _, variance in body(&image, &variance) }
    return try KernelCandidate(
      id: candidate.id, position: candidate.position, rating: candidate.rating, template: template,
      science: candidate.science)
  }

  @Test func noStars() throws {
    #expect(throws: NoKernelCandidatesError.self) { try run([]) }
    // Stars outside of the region are none.
    let candidates = try SimulatedStars().candidates(3, side: 200, flux: 9000, seed: 1)
    let elsewhere = Box2I(minX: 1000, minY: 1000, width: 50, height: 50)
    var search = KernelSearch(candidates, try SimulatedStars().basis(), region: elsewhere)
    #expect(throws: NoKernelCandidatesError.self) { try search.run() }
    #expect(search.states.allSatisfy { $0.status == .unknown })
  }

  @Test func oneStar() throws {
    let solution = try run(try SimulatedStars().candidates(1, side: 256, flux: 20_000, seed: 1))
    #expect(solution.usedCount == 1 && solution.rejectedCount == 0 && solution.fit.kernelBasis.order == 0)
    #expect(abs(solution.spatialKernelSum - 1.05) < 0.02)
    #expect(
      solution.warnings == [
        "the order of the kernel was lowered from 1 to 0; stars: 1",
        "the order of the background was lowered from 2 to 0; stars: 1",
      ])
  }

  /// One star twice is one star of twice the weight.
  @Test func starsThatAreThereTwice() throws {
    let star = try SimulatedStars().candidates(1, side: 256, flux: 20_000, seed: 1)[0]
    let (one, two) = (try run([star]), try run([star, star]))
    for (a, b) in zip(one.fit.image(at: region.center).pixels, two.fit.image(at: region.center).pixels) {
      #expect(abs(a - b) < 1e-9)
    }
    #expect(two.usedCount == 2)
  }

  @Test func pixelsWithoutValue() throws {
    let stars = try SimulatedStars().candidates(4, side: 256, flux: 20_000, seed: 7)
    let spoilt = try changed(stars[0]) { image, _ in image[image.box.minX + 20, image.box.minY + 20] = .nan }
    let solution = try run([spoilt] + stars.dropFirst())
    #expect(solution.states[0].status == .bad && solution.states[0].fit == nil && solution.usedCount == 3)
    #expect(throws: NoKernelCandidatesError.self) { try run([spoilt]) }
    #expect(throws: ImagingError.self) { try SingleKernelFit(spoilt, try SimulatedStars().basis()) }
    let infinite = try changed(stars[0]) { image, _ in image[image.box.minX + 20, image.box.minY + 20] = .infinity }
    #expect(throws: ImagingError.self) { try SingleKernelFit(infinite, try SimulatedStars().basis()) }
  }

  @Test func variancesThatAreNone() throws {
    let star = try SimulatedStars().candidates(1, side: 256, flux: 20_000, seed: 7)[0]
    for value in [Float(-30), -.infinity, .nan] {
      let spoilt = try changed(star) { _, variance in variance[variance.box.minX, variance.box.minY] = value }
      if value.isNaN {
        // One pixel without a variance is left out of the median and of what judges.
        #expect(try run([spoilt]).usedCount == 1)
      } else {
        #expect(throws: NoKernelCandidatesError.self) { try run([spoilt]) }
      }
    }
    let none = try SimulatedStars(variance: 0).candidates(1, side: 256, flux: 20_000, seed: 7)
    #expect(throws: NoKernelCandidatesError.self) { try run(none) }
  }

  @Test func stampsSmallerThanTheKernel() throws {
    for side in [1, 20, 21] {
      let small = try SimulatedStars(stampSide: side).candidates(2, side: 256, flux: 20_000, seed: 7)
      // A stamp of the kernel's size has one pixel to fit 28 unknowns to.
      if side < 21 {
        #expect(throws: ImagingError.self) { try SingleKernelFit(small[0], try SimulatedStars().basis()) }
      }
      #expect(throws: NoKernelCandidatesError.self) { try run(small) }
    }
  }

  /// An image of zeros cannot be made like anything.
  @Test func nothingInTheTemplate() throws {
    let stars = try SimulatedStars(sky: 3).candidates(3, side: 256, flux: 20_000, seed: 7).map { star in
      try changed(star) { image, _ in image = Image(box: image.box, fill: 0) }
    }
    #expect(throws: NoKernelCandidatesError.self) { try run(stars) }
    // When nobody objects, the kernel is zero and the background what is left.
    let solution = try run(stars) { config in
      for name in ["singleKernelClipping", "kernelSumClipping", "spatialKernelClipping"] {
        try config.set("kernel.AL.\(name)", to: .boolean(false))
      }
    }
    #expect(solution.spatialKernelSum == 0)
  }

  /// The same image twice: functions of finite width come as close to a single pixel as they can.
  @Test func identicalImages() throws {
    let stars = try SimulatedStars(scienceSigma: 1.7, scale: 1).candidates(5, side: 256, flux: 20_000, seed: 7).map {
      try KernelCandidate(
        id: $0.id, position: $0.position, rating: $0.rating, template: $0.template, science: $0.template)
    }
    let solution = try MakeKernelTask().solve(stars, targetFwhm: 4, referenceFwhm: 4, region: region)
    #expect(solution.functions == .alardLupton(sigmas: [0.7, 1.5, 3], degrees: [4, 2, 2], mode: .config))
    #expect(abs(solution.spatialKernelSum - 1) < 0.01 && solution.usedCount == 5)
    let kernel = solution.fit.image(at: region.center)
    #expect(kernel[0, 0] > 0.8)
  }
}
