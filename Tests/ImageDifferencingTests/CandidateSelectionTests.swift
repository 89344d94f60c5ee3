// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources become kernel candidates.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TestSupport
import Testing

@Suite struct CandidateSelectionTests {
  private func source(_ id: Int64, _ x: Double, _ y: Double, flux: Double = 1000, error: Double = 10) -> KernelSource {
    KernelSource(id: id, position: Point2D(x: x, y: y), flux: flux, fluxError: error)
  }

  @Test func catalogsDecideFirst() {
    let config = SourceSelectorConfig()
    #expect(source(1, 0, 0).isSelected(config))
    for (flux, error) in [(100.0, 10.0), (5000, 10), (-1000, 10), (.nan, 10), (1000, 0), (1000, .nan)] {
      #expect(!source(1, 0, 0, flux: flux, error: error).isSelected(config), "\(flux) ± \(error)")
    }
    var other = source(1, 0, 0)
    other.extendedness = 0.1
    #expect(!other.isSelected(config))
    other.extendedness = 0.05
    #expect(other.isSelected(config))
    other.extendedness = .nan
    #expect(!other.isSelected(config))
    other.extendedness = nil
    other.isIsolated = false
    #expect(!other.isSelected(config))
    other.isIsolated = true
    other.isPrimary = false
    #expect(!other.isSelected(config))
  }

  @Test func stampsAreWholeAndClean() throws {
    let box = Box2I(minX: 100, minY: 50, width: 200, height: 200)
    var (template, science) = (MaskedImage(box: box.grown(by: 10)), MaskedImage(box: box))
    try science.update { _, mask, _ throws(ImagingError) in
      try mask.set("SAT", in: Box2I(minX: 240, minY: 150, width: 1, height: 1))
    }
    try template.update { _, mask, _ throws(ImagingError) in
      try mask.set("NO_DATA", in: Box2I(minX: 160, minY: 200, width: 1, height: 1))
    }
    let sources = [
      source(1, 200, 100), source(2, 150, 100), source(3, 230, 140), source(4, 160, 190), source(5, .nan, 100),
      source(6, 1e300, 100), source(7, 129, 150),
    ]
    var selection = CandidateSelection()
    selection.minKernelSources = 1
    // 2·15 + 1 pixels; 15 more at the edge.
    let all = try selection.candidates(sources, convolved: template, reference: science, side: 15)
    #expect(all.map(\.id) == [1, 2])
    #expect(all[0].template.box == Box2I(minX: 185, minY: 85, width: 31, height: 31))
    #expect(all[0].science.box == all[0].template.box && all[0].rating == 1000)
    selection.restrictKernelEdgeSources = false
    #expect(
      try selection.candidates(sources, convolved: template, reference: science, side: 15).map(\.id) == [1, 2, 7])
    selection.minKernelSources = 4
    let error = #expect(throws: InsufficientKernelSourcesError.self) {
      try selection.candidates(sources, convolved: template, reference: science, side: 15)
    }
    #expect(error?.nSources == 3 && error?.nRequired == 4)
  }

  @Test func theBestStayInTheirOrder() throws {
    let box = Box2I(width: 400, height: 400)
    let image = MaskedImage(box: box)
    let sources = (0..<20).map { source(Int64($0), 100 + 10 * Double($0), 200, flux: 1000 + Double($0 * 7 % 20)) }
    var selection = CandidateSelection()
    selection.maxKernelSources = 5
    let found = try selection.candidates(sources, convolved: image, reference: image, side: 11)
    let best = sources.sorted { $0.flux > $1.flux }.prefix(5).map(\.id).sorted()
    #expect(found.map(\.id) == best)
  }

  @Test(.enabled(if: GoldenFile.isAvailable("A_T_nodec.h5"), "needs shared/golden and the Python environment"))
  func theSourcesAreTheReferences() throws {
    struct Truth: Decodable {
      struct Stars: Decodable {
        var x: [Double]
        var y: [Double]
        var flux: [Double]
        var err: [Double]
      }
      var stars: Stars
    }
    let golden = try GoldenFile("A_T_nodec.h5")
    defer { golden.remove() }
    let scene = try GoldenCaseA(golden)
    let stars = try JSONDecoder().decode(Truth.self, from: Data(contentsOf: SharedData.url("golden/A_truth.json")))
      .stars
    let sources = stars.x.indices.map {
      KernelSource(
        id: Int64($0 + 1), position: Point2D(x: stars.x[$0], y: stars.y[$0]), flux: stars.flux[$0],
        fluxError: stars.err[$0])
    }.filter { $0.isSelected(SourceSelectorConfig()) }
    var template = scene.template
    let mask = try MaskPreparation().prepare(template: template.mask)
    try template.update { _, own, _ in own = mask }
    let found = try CandidateSelection().candidates(
      sources, convolved: template, reference: scene.science, side: scene.basis.side)
    #expect(found.map { Double($0.id) } == (try golden["kernel_source_ids"].doubles))
  }
}
