// SPDX-License-Identifier: GPL-3.0-or-later
// Measurements and flags of sources on coadds.

import Catalogs
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct CoaddPluginTests {
  /// A component whose outline is a box.
  private func component(_ box: Box2I, image: Int) throws -> CoaddPSF.Component {
    let outline = Box2D(box)
    return try CoaddPSF.Component(
      kernel: Kernel(gaussianPSF(sigma: 2).kernel),
      outline: [
        Point2D(x: outline.minX, y: outline.minY), Point2D(x: outline.maxX, y: outline.minY),
        Point2D(x: outline.maxX, y: outline.maxY), Point2D(x: outline.minX, y: outline.maxY),
      ], weight: 1, image: image)
  }

  /// Two detectors of one visit that overlap, and another visit.
  @Test func inputsAreCounted() throws {
    let psf = try CoaddPSF(
      [
        component(Box2I(width: 50, height: 100), image: 1),
        component(Box2I(minX: 40, minY: 0, width: 40, height: 100), image: 1),
        component(Box2I(minX: 30, minY: 50, width: 50, height: 50), image: 2),
      ], averagePosition: Point2D(x: 40, y: 40))
    let places = [
      Point2D(x: 20, y: 20), Point2D(x: 45, y: 20), Point2D(x: 45, y: 80), Point2D(x: 90, y: 50),
      Point2D(x: .nan, y: 50),
    ]
    #expect(places.prefix(4).map(psf.inputCount) == [1, 1, 2, 0])
    // What counts is what makes the PSF.
    #expect(throws: ImagingError.self) { try psf.kernelImage(at: places[3]) }
    let image = noiseImage(Box2I(width: 100, height: 100), seed: 2)
    let catalog = try measureGiven(["base_InputCount"], try makeExposure(image, variance: 1, psf: psf), places)
    let values: [Int32] = try catalog.column("base_InputCount_value")
    // The last one's first peak is at (0, 0).
    #expect(values == [1, 1, 2, 0, 1])
    #expect(
      try catalog.column("base_InputCount_flag_noInputs", as: Bool.self) == [false, false, false, true, false])
    #expect(try catalog.column("base_InputCount_flag", as: Bool.self) == [false, false, false, true, true])
    // An image that is no coadd has no inputs.
    let plain = try measureGiven(
      ["base_InputCount"], try makeExposure(image, variance: 1, psf: try gaussianPSF(sigma: 2)), [places[0]])
    #expect(try plain.column("base_InputCount_flag_noInputs", as: Bool.self) == [true])
  }

  /// Classified by fluxes that are given.
  private func extendedness(
    _ fluxes: [(model: Double, psf: Double)], errors: (model: Double, psf: Double) = (.nan, .nan), flagged: Int? = nil,
    _ change: @escaping (inout ClassificationExtendednessConfig) -> Void = { _ in }
  ) throws -> (values: [Double], flags: [Bool]) {
    let exposure = try makeExposure(Image(box: Box2I(width: 9, height: 9), fill: 0), variance: 1)
    let catalog = try measureGiven(
      ["base_ClassificationExtendedness"], exposure, fluxes.map { _ in Point2D(x: 4, y: 4) },
      {
        ($0.slots.modelFlux, $0.slots.psfFlux) = ("theModel", "thePSF")
        try $0.plugins.update("base_ClassificationExtendedness", ClassificationExtendednessConfig.self, change)
      },
      before: { schema in
        for name in ["theModel", "thePSF"] {
          try schema.addField(name + "_instFlux", as: Double.self, doc: "flux")
          try schema.addField(name + "_instFluxErr", as: Double.self, doc: "error")
          try schema.addField(name + "_flag", as: Bool.self, doc: "bad")
        }
      },
      prepare: { catalog in
        let (model, psf) = (try catalog.schema.fluxSlot(.modelFlux), try catalog.schema.fluxSlot(.psfFlux))
        for (row, flux) in fluxes.enumerated() {
          (catalog[model.instFlux, row], catalog[psf.instFlux, row]) = flux
          (catalog[model.instFluxErr, row], catalog[psf.instFluxErr, row]) = errors
          if let bad = psf.flag, row == flagged { catalog[bad, row] = true }
        }
      })
    return (
      try catalog.column("base_ClassificationExtendedness_value"),
      try catalog.column("base_ClassificationExtendedness_flag")
    )
  }

  @Test func extendedSourcesHaveMoreLightThanStars() throws {
    let found = try extendedness([(100, 99), (100, 94), (100, 95), (.nan, 5), (1, 1)], flagged: 4)
    #expect(Array(found.values[..<3]) == [0, 1, 1])
    #expect(found.values[3].isNaN && found.values[4].isNaN)
    #expect(found.flags == [false, false, false, true, true])
    // Errors count where they are asked for, and only there.
    #expect(try extendedness([(100, 94)], errors: (1, 2)) { $0.psfErrFactor = 1 }.values == [0])
    #expect(try extendedness([(100, 99)], errors: (5, 2)) { $0.modelErrFactor = 1 }.values == [1])
    #expect(try extendedness([(100, 94)]) { $0.psfErrFactor = 1 }.flags == [true])
    // Slots without fluxes are an error of the configuration.
    #expect(throws: CatalogError.self) {
      try makeMeasurement(["base_ClassificationExtendedness"], slots: { $0.modelFlux = nil })
    }
  }

  /// Of overlapping coadds each piece of sky counts once.
  @Test func primarySourcesAreInTheInnerParts() throws {
    var schema = try Schema.minimalSource()
    let children: Key<Int32> = try schema.addField("deblend_nChild", doc: "children")
    let flags = try PrimaryFlags(addingTo: &schema, inCoadds: true)
    let parent: Key<Int64> = try schema.key("parent")
    // Alone, a parent, its child, a sky source, one beyond the patch's inner part, one beyond the tract's.
    var catalog = Catalog(schema, rowCount: 6)
    catalog[children, 1] = 2
    catalog[parent, 2] = 55
    flags.set(
      in: &catalog, isSky: { row, _ in row == 3 }, isPatchInner: { row, _ in row != 4 },
      isTractInner: { row, catalog in row != 5 && catalog.rowCount == 6 })
    func column(_ name: String) throws -> [Bool] { try catalog.column(name) }
    #expect(try column("detect_isPatchInner") == [true, true, true, true, false, true])
    #expect(try column("detect_isTractInner") == [true, true, true, true, true, false])
    #expect(try column("detect_isPrimary") == [true, false, true, false, false, false])
    #expect(try column("detect_isDeblendedSource") == [true, false, true, true, true, true])
    #expect(try column("detect_fromBlend") == [false, false, true, false, false, false])
    #expect(try column("detect_isIsolated") == [true, false, false, true, true, true])
    // Single exposures have no such columns.
    var single = try Schema.minimalSource()
    _ = try PrimaryFlags(addingTo: &single)
    #expect(!single.contains("detect_isPatchInner"))
  }
}
