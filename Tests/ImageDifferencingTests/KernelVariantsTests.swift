// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel of whole images with one option changed at a time, against the reference system.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct KernelVariantsTests {
  /// The options of V_A_variants_meta.json and V_B_variants_meta.json.
  private static let variants: [(name: String, options: [(path: String, value: ConfigValue)])] = [
    ("order0", [("spatialKernelOrder", .integer(0)), ("spatialBgOrder", .integer(0))]),
    ("order2", [("spatialKernelOrder", .integer(2))]),
    ("polynomial", [("spatialModelType", .string("polynomial"))]),
    ("pca", [("usePcaForSpatialKernel", .boolean(true))]),
    ("nobg", [("fitForBackground", .boolean(false))]),
    (
      "nocliprej",
      [
        ("singleKernelClipping", .boolean(false)), ("kernelSumClipping", .boolean(false)),
        ("spatialKernelClipping", .boolean(false)),
      ]
    ),
    ("constvar", [("constantVarianceWeighting", .boolean(true))]),
    ("noscalevar", []),
    ("iterate", [("iterateSingleKernel", .boolean(true))]),
    ("cell64", [("sizeCellX", .integer(64)), ("sizeCellY", .integer(64))]),
  ]

  @Test(.enabled(if: GoldenFile.isAvailable("V_A_variants.h5"), "needs shared/golden and the Python environment"))
  func variantsOfCaseA() throws { try check(.a) }

  @Test(.enabled(if: GoldenFile.isAvailable("V_B_variants.h5"), "needs shared/golden and the Python environment"))
  func variantsOfCaseB() throws { try check(.b) }

  private func check(_ name: GoldenKernelCase.Name) throws {
    let golden = try GoldenFile("V_\(name.rawValue)_variants.h5")
    defer { golden.remove() }
    let (scaled, plain) = (try GoldenKernelCase(name), try GoldenKernelCase(name, scalesVariance: false))
    for (variant, options) in Self.variants {
      var config = MakeKernelConfig()
      for (path, value) in options { try config.set("kernel.AL.\(path)", to: value) }
      try config.validateAll()
      try check(
        "\(name.rawValue) \(variant)", variant == "noscalevar" ? plain : scaled, config, golden, prefix: "\(variant)_")
    }
  }

  /// The whole of case B: kernels and difference.
  @Test(.enabled(if: GoldenFile.isAvailable("B_T_dec.h5"), "needs shared/golden and the Python environment"))
  func caseB() throws {
    let golden = try GoldenFile("B_T_dec.h5")
    defer { golden.remove() }
    let solution = try check("B", try GoldenKernelCase(.b), MakeKernelConfig(), golden, prefix: "")
    // B_T_dec_meta.json: makeKernel.spatialKernelSum, spatialConditionNum.
    #expect(abs(solution.spatialKernelSum - 1.0493404848236403) < 1e-8)
    #expect(abs(solution.spatialConditionNum / 11813292.269179663 - 1) < 1e-5)
    #expect(
      solution.functions
        == .alardLupton(
          sigmas: solution.functions.sigmas, degrees: [4, 2, 2], mode: .convolution) && solution.kernelSide == 21)
    #expect(abs((solution.functions.sigmas.last ?? 0) - 3.098386676965933) < 1e-12)
  }

  @discardableResult
  private func check(
    _ name: String, _ scene: GoldenKernelCase, _ config: MakeKernelConfig, _ golden: GoldenFile, prefix: String
  ) throws -> KernelSolution {
    let candidates = try scene.candidates(golden, "\(prefix)candidates")
    let task = try MakeKernelTask(config: config)
    let solution = try task.solve(
      candidates, targetFwhm: GoldenKernelCase.targetFwhm, referenceFwhm: GoldenKernelCase.referenceFwhm,
      region: scene.science.box)

    // 0 bad, 1 good, 2 never used.
    let status = try golden["\(prefix)candidates.status"].doubles
    let sums = try golden["\(prefix)candidates.ksum"].doubles
    for (row, state) in solution.states.enumerated() {
      // Theirs also calls bad a star that moved up for the last fit and never got a kernel of its own; nobody judged it.
      let isJudged = status[row] == 1 || (status[row] == 0 && sums[row].isFinite)
      let expected: KernelSearch.Status = !isJudged ? .unknown : status[row] == 0 ? .bad : .good
      #expect(state.status == expected, "\(name): candidate \(row)")
      if let fit = state.fit, sums[row].isFinite {
        #expect(abs(fit.kernelSum - sums[row]) < 1e-6, "\(name): sum of candidate \(row)")
      }
    }
    // Normal equations of condition 10⁷: kernels agree to some 10⁻⁷ of their peak, as do differences of the pixels' float32.
    let (grid, images) = (
      try golden["\(prefix)kernel_grid_xy"].doubles, try golden["\(prefix)kernel_grid_images"].planes()
    )
    var worst = 0.0
    for (k, image) in images.enumerated() {
      let own = solution.fit.image(at: Point2D(x: grid[2 * k], y: grid[2 * k + 1]))
      let peak = image.pixels.map(abs).max() ?? 1
      for (a, b) in zip(own.pixels, image.pixels) { worst = max(worst, abs(a - b) / peak) }
    }
    #expect(worst < 1e-6, "\(name): kernels")
    let background = solution.fit.background
    if let places = try? golden["\(prefix)bg_grid_xy"].doubles, let values = try? golden["\(prefix)bg_grid"].doubles,
      let background
    {
      for (j, py) in places.enumerated() {
        for (i, px) in places.enumerated() {
          let own = background(Point2D(x: px, y: py))
          #expect(abs(own - values[j * places.count + i]) < 1e-4, "\(name): background")
        }
      }
    }
    return solution
  }
}

extension KernelSolution.Functions {
  fileprivate var sigmas: [Double] {
    if case .alardLupton(let sigmas, _, _) = self { sigmas } else { [] }
  }
}
