// SPDX-License-Identifier: GPL-3.0-or-later
// The same sources in every band.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Scenarios of detection-measurement E.4 and part C.
@Suite struct ForcedPhotCoaddTests {
  private func flux(_ catalog: Catalog, _ name: String = "base_PsfFlux") throws -> [Double] {
    try catalog.column(name + "_instFlux")
  }

  /// Of a star of σ = 2 px with noise 1: √(4πσ²).
  private let error = (4 * Double.pi * 4).squareRoot()

  private func category(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch { return categoryName(of: error) }
  }

  @Test func bandsShareRowsIDsAndOrder() throws {
    let scene = try ForcedScene()
    for band in ForcedScene.bands {
      let catalog = try scene.measure(band).measCat
      #expect(try catalog.column("id", as: Int64.self) == [501, 502, 503, 504])
      #expect(try catalog.column("parent", as: Int64.self) == [0, 0, 502, 502])
      #expect(try catalog.column("deblend_nChild", as: Int32.self) == [0, 2, 0, 0])
      let coord = try CoordKey(in: catalog.schema)
      let theirs = try CoordKey(in: scene.reference.schema)
      for row in 0..<4 { #expect(catalog[coord, row] == scene.reference[theirs, row]) }
    }
  }

  @Test func eachSourceHasItsOwnFlux() throws {
    let scene = try ForcedScene()
    for band in ForcedScene.bands {
      let catalog = try scene.measure(band).measCat
      let truth = try #require(ForcedScene.fluxes[band])
      let measured = try flux(catalog)
      // Half of the noise of a blend's pixels is another child's, noise stands around footprints: 4 σ of a plain star.
      for (row, expected) in [(0, truth[0]), (2, truth[1]), (3, truth[2])] {
        #expect(
          abs(measured[row] - expected) < 4 * error,
          "\(band) \(row): \(measured[row]) for \(expected)")
      }
      // Not deblended, each of the two has a part of the other: exp(−d²/4σ²) of it.
      let plain = try flux(catalog, "undeblended_base_PsfFlux")
      let share = exp(-6.5 * 6.5 / 16)
      for (row, expected) in [
        (0, truth[0]), (2, truth[1] + share * truth[2]), (3, truth[2] + share * truth[1]),
      ] {
        #expect(
          abs(plain[row] - expected) < 4 * error + 0.002 * expected, "\(band) \(row) undeblended")
      }
      // The parent is measured with the whole blend.
      #expect(abs(measured[1] - plain[1]) < 3 * error)
    }
  }

  @Test func positionsAndShapesAreTheReferences() throws {
    let scene = try ForcedScene()
    let catalog = try scene.measure("r").measCat
    let (position, shape) = (
      try PointKey("base_TransformedCentroid", in: catalog.schema),
      try QuadrupoleKey("base_TransformedShape", in: catalog.schema)
    )
    #expect(catalog.schema.measurement(of: .centroid) == "base_TransformedCentroid")
    #expect(catalog.schema.measurement(of: .shape) == "base_TransformedShape")
    #expect(catalog[position, 0] == ForcedScene.positions[0])
    #expect(catalog[shape, 0] == SIMD3(4, 4, 0))
    // The local position is a diagnostic beside it.
    #expect(catalog.schema.contains("base_SdssCentroid_x"))
    // E.4: on other pixels of the same sky.
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema)
    var exposure = try scene.exposure("r")
    exposure.wcs = try SkyWCS(
      referencePixel: Point2D(x: 1060.25, y: 2044.5),
      reference: SpherePoint(raDegrees: 150, decDegrees: 2),
      cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: scene.reference,
      refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPacker: scene.packer)
    let moved = try task.run(
      rows, exposure: exposure, refCat: scene.reference, refWcs: scene.wcs, exposureID: id)
    for row in 0..<4 {
      let shift = moved.measCat[position, row] - catalog[position, row]
      #expect(abs(shift.x - 0.25) < 1e-6 && abs(shift.y + 0.5) < 1e-6)
      #expect(try flux(moved.measCat)[row].isFinite)
    }
    #expect(rows.footprint(row: 2)?.isHeavy == false)
  }

  @Test func modelsShareOutTheBandsPixels() throws {
    let scene = try ForcedScene()
    for band in ForcedScene.bands {
      let truth = try #require(ForcedScene.fluxes[band])
      let shared = try flux(
        scene.measure(band, footprintData: .models(try scene.models(band))).measCat)
      let deblended = try flux(
        scene.measure(band, footprintData: .deblended(try scene.inBand(band))).measCat)
      #expect(try deblended == flux(scene.measure(band).measCat))
      var config = ForcedPhotCoaddConfig()
      config.doConserveFlux = false
      let models = try flux(
        scene.measure(band, config, footprintData: .models(try scene.models(band))).measCat)
      for (row, expected) in [(2, truth[1]), (3, truth[2])] {
        #expect(abs(shared[row] - expected) < 4 * error)
        // A model has no noise; that about its footprint has some, and a Gaussian's wings end at its edge: 4.5 σ.
        #expect(
          abs(models[row] - expected) < 0.5 * error + 0.002 * expected, "\(models[row]) \(expected)"
        )
      }
    }
  }

  @Test func theExposureStaysAsItIs() throws {
    let scene = try ForcedScene()
    let exposure = try scene.exposure("g")
    let before = exposure.maskedImage
    _ = try scene.measure("g")
    #expect(exposure.maskedImage.image == before.image && exposure.maskedImage.mask == before.mask)
  }

  @Test func equalInputGivesEqualBits() throws {
    let scene = try ForcedScene()
    #expect(try scene.measure("i").measCat == scene.measure("i").measCat)
  }

  @Test func apertureCorrectionsAreAppliedOnce() throws {
    let scene = try ForcedScene()
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema)
    var exposure = try scene.exposure("r")
    func measured() throws -> Catalog {
      let (rows, id) = try task.generateMeasCat(
        exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: scene.reference,
        refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPacker: scene.packer)
      return try task.run(
        rows, exposure: exposure, refCat: scene.reference, refWcs: scene.wcs, exposureID: id
      ).measCat
    }
    let plain = try measured()
    var map = ApCorrMap()
    for name in ["base_PsfFlux_instFlux", "base_GaussianFlux_instFlux"] {
      map[name] = try SpatialFunction(
        SpatialBasis(.chebyshev(Box2D(ForcedScene.box)), order: 0), coefficients: [1.25])
    }
    exposure.apCorrMap = map
    let corrected = try measured()
    // A task may measure again: the second time is as the first.
    let again = try measured()
    #expect(corrected == again)
    for name in ["base_PsfFlux", "base_GaussianFlux", "undeblended_base_PsfFlux"] {
      let (a, b) = (try flux(plain, name), try flux(corrected, name))
      for row in 0..<4 { #expect(abs(b[row] / a[row] - 1.25) < 1e-12, "\(name) \(row)") }
      #expect(try corrected.column(name + "_apCorr", as: Double.self).allSatisfy { $0 == 1.25 })
    }
    let aperture = "base_CircularApertureFlux_6_0"
    #expect(try flux(plain, aperture) == flux(corrected, aperture))
  }

  // MARK: - What does not belong together

  @Test func aReferenceThatTheBandLacksIsALookupError() throws {
    let scene = try ForcedScene()
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema)
    let exposure = try scene.exposure("r")
    let inBand = try scene.inBand("r")
    func generate(_ catalog: Catalog, _ data: FootprintData? = nil) throws {
      _ = try task.generateMeasCat(
        exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: scene.reference,
        refCatInBand: catalog, refWcs: scene.wcs, idPacker: scene.packer, footprintData: data)
    }
    #expect(category { try generate(inBand.selecting([0, 1, 3])) } == "LookupError")
    #expect(
      category { try generate(inBand, .deblended(inBand.selecting([0, 1, 2]))) } == "LookupError")
    #expect(
      category { try generate(inBand, .models(try scene.models("r").selecting([0, 1, 2]))) }
        == "LookupError")
    // The band's rows may have any order, and more sources than the reference.
    #expect(category { try generate(inBand.selecting([3, 1, 0, 2])) } == "none")
    do {
      try generate(inBand.selecting([0, 1, 3]))
    } catch { #expect("\(error)".contains("503") && "\(error)".contains("IDs are compatible")) }
  }

  @Test func aChildWithoutItsParentIsAnError() throws {
    let scene = try ForcedScene()
    let orphan = scene.reference.selecting([0, 2])
    let task = try ForcedPhotCoaddTask(refSchema: orphan.schema)
    let exposure = try scene.exposure("r")
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: orphan,
      refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPacker: scene.packer)
    #expect(
      category {
        _ = try task.run(
          rows, exposure: exposure, refCat: orphan, refWcs: scene.wcs, exposureID: id)
      }
        == "RuntimeError")
  }

  @Test func anotherBandOrPackerIsAnError() throws {
    let scene = try ForcedScene()
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema)
    func generate(_ band: String, _ packer: String = "tract_patch") throws {
      _ = try task.generateMeasCat(
        exposureDataId: try ForcedScene.dataID(band), exposure: try scene.exposure("r"),
        refCat: scene.reference,
        refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPackerName: packer,
        idPacker: scene.packer)
    }
    #expect(category { try generate("r") } == "none")
    #expect(category { try generate("g") } == "ValueError")
    #expect(category { try generate("r", "visit_detector") } == "LookupError")
  }

  @Test func theColumnsOfTheReferenceMustBeKnown() throws {
    struct Schemas: SchemaSource {
      let known: Schema?
      func schema(_ datasetType: String) -> Schema? {
        datasetType == "deepCoadd_ref_schema" ? known : nil
      }
    }
    let schema = try ForcedScene.schema()
    #expect(category { _ = try ForcedPhotCoaddTask(refSchema: nil) } == "ValueError")
    #expect(category { _ = try ForcedPhotCoaddTask(butler: Schemas(known: nil)) } == "ValueError")
    #expect(category { _ = try ForcedPhotCoaddTask(butler: Schemas(known: schema)) } == "none")
    // The first that is given counts: refSchema lacks a column to copy, the butler's has it; the init-input comes before both.
    let poor = try Schema.minimalSource()
    #expect(
      category { _ = try ForcedPhotCoaddTask(butler: Schemas(known: schema), refSchema: poor) }
        != "none")
    #expect(
      category {
        _ = try ForcedPhotCoaddTask(
          butler: Schemas(known: poor), refSchema: poor,
          initInputs: InitInputs(["inputSchema": Catalog(schema)]))
      } == "none")
    let task = try ForcedPhotCoaddTask(refSchema: schema)
    #expect(task.schemaCatalogs().keys.sorted() == ["deepCoadd_forced_src"])
    #expect(task.dataPrefix == "deepCoadd_" && ForcedPhotCoaddTask.canMultiprocess)
  }

  // MARK: - What cannot be measured

  @Test func anEmptyReferenceGivesAnEmptyCatalog() throws {
    let scene = try ForcedScene()
    let empty = scene.reference.selecting([Int]())
    let task = try ForcedPhotCoaddTask(refSchema: empty.schema)
    let exposure = try scene.exposure("r")
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: empty,
      refCatInBand: empty,
      refWcs: scene.wcs, idPacker: scene.packer)
    let result = try task.run(
      rows, exposure: exposure, refCat: empty, refWcs: scene.wcs, exposureID: id)
    #expect(result.measCat.rowCount == 0 && result.measCat.schema == task.schema)
  }

  @Test func aSourceOffTheImageIsFlagged() throws {
    let scene = try ForcedScene()
    var reference = scene.reference
    let position = try PointKey("ours", in: reference.schema)
    reference[position, 0] = Point2D(x: 3000, y: 2040)
    let task = try ForcedPhotCoaddTask(refSchema: reference.schema)
    let exposure = try scene.exposure("r")
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: reference,
      refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPacker: scene.packer)
    let catalog = try task.run(
      rows, exposure: exposure, refCat: reference, refWcs: scene.wcs, exposureID: id
    ).measCat
    #expect(try flux(catalog)[0].isNaN && !flux(catalog)[2].isNaN)
    #expect(try catalog.column("base_PsfFlux_flag", as: Bool.self) == [true, false, false, false])
    #expect(try catalog.column("base_PsfFlux_flag_noGoodPixels", as: Bool.self)[0])
    #expect(try catalog.column("base_PixelFlags_flag_offimage", as: Bool.self)[0])
  }

  @Test func aPositionWithoutAPSFIsFlagged() throws {
    /// Undefined left of a column.
    struct HalfPSF: PSF {
      let whole: any PSF
      var averagePosition: Point2D { Point2D(x: 1090, y: 2045) }
      func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
        guard position.x > 1050 else { throw .outOfRange("there is no PSF at \(position.x)") }
        return try whole.kernelImage(at: position)
      }
    }
    let scene = try ForcedScene()
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema)
    var exposure = try scene.exposure("r")
    exposure.psf = HalfPSF(whole: try #require(exposure.psf))
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: scene.reference,
      refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPacker: scene.packer)
    let catalog = try task.run(
      rows, exposure: exposure, refCat: scene.reference, refWcs: scene.wcs, exposureID: id
    ).measCat
    #expect(try catalog.column("base_PsfFlux_flag", as: Bool.self) == [true, false, false, false])
    #expect(try catalog.column("base_InvalidPsf_flag", as: Bool.self)[0])
    #expect(try flux(catalog, "base_CircularApertureFlux_6_0").allSatisfy(\.isFinite))
    exposure.psf = nil
    #expect(
      category {
        _ = try task.run(
          rows, exposure: exposure, refCat: scene.reference, refWcs: scene.wcs, exposureID: id)
      } == "FatalAlgorithmError")
  }

  @Test func aSourceWithoutAGoodPixelIsFlagged() throws {
    let scene = try ForcedScene()
    var config = ForcedPhotCoaddConfig()
    try config.measurement.update(ForcedMeasurementConfig.self) { config in
      try? config.plugins.update("base_PsfFlux", PsfFluxConfig.self) {
        $0.badMaskPlanes = ["NO_DATA"]
      }
    }
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema, config: config)
    var exposure = try scene.exposure("r")
    try exposure.maskedImage.updateInPlace { image, mask, _ throws(ImagingError) in
      let hole = Box2I(minX: 1010, minY: 2020, width: 41, height: 41)
      try mask.set("NO_DATA", in: hole)
      for y in hole.minY..<hole.endY { for x in hole.minX..<hole.endX { image[x, y] = .nan } }
    }
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: scene.reference,
      refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPacker: scene.packer)
    let catalog = try task.run(
      rows, exposure: exposure, refCat: scene.reference, refWcs: scene.wcs, exposureID: id
    ).measCat
    #expect(
      try catalog.column("base_PsfFlux_flag_noGoodPixels", as: Bool.self) == [
        true, false, false, false,
      ])
    #expect(try flux(catalog)[0].isNaN && flux(catalog)[2].isFinite && flux(catalog)[3].isFinite)
    #expect(try catalog.column("base_PixelFlags_flag_nodataCenter", as: Bool.self)[0])
  }

  @Test func pixelsWithoutDataAreLeftOut() throws {
    let scene = try ForcedScene()
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema)
    func measured(missing columns: ClosedRange<Int>) throws -> Catalog {
      var exposure = try scene.exposure("r")
      try exposure.maskedImage.updateInPlace { image, _, variance in
        for y in image.box.minY..<image.box.endY {
          for x in columns { (image[x, y], variance[x, y]) = (.nan, .infinity) }
        }
      }
      let (rows, id) = try task.generateMeasCat(
        exposureDataId: try ForcedScene.dataID("r"), exposure: exposure, refCat: scene.reference,
        refCatInBand: try scene.inBand("r"), refWcs: scene.wcs, idPacker: scene.packer)
      return try task.run(rows, exposure: exposure, refCat: scene.reference, refWcs: scene.wcs, exposureID: id).measCat
    }
    // Two pixels beside the star, which is at x = 1030.3: the fit's other pixels know its flux.
    let wing = try measured(missing: 1033...1034)
    #expect(try abs(flux(wing, "undeblended_base_PsfFlux")[0] - 3000) < 5 * error)
    #expect(try !wing.column("undeblended_base_PsfFlux_flag", as: Bool.self)[0])
    // 25 × 25 pixels, less two columns.
    #expect(try wing.column("undeblended_base_PsfFlux_npixels", as: Int32.self)[0] == 25 * 23)
    // Without its core half of it is missing.
    let core = try measured(missing: 1029...1032)
    #expect(try core.column("undeblended_base_PsfFlux_flag", as: Bool.self)[0])
  }

  // MARK: - By itself

  @Test func runDataRefReadsMeasuresAndWrites() throws {
    final class Patch: CoaddDataRef {
      let scene: ForcedScene
      let dataID: DataID
      let innerBox = ForcedScene.box
      var hasCoadd = true
      var written: [String: Catalog] = [:]
      var metadata: [String: TaskMetadata] = [:]
      var wcs: SkyWCS { scene.wcs }
      var idPacker: SkyMapPacker { scene.packer }
      init(_ scene: ForcedScene) throws {
        (self.scene, dataID) = (scene, try ForcedScene.dataID("r"))
      }
      func exposure(_ datasetType: String) throws -> Exposure? {
        datasetType == "deepCoadd_calexp" && hasCoadd ? try scene.exposure("r") : nil
      }
      func catalog(_ datasetType: String) throws -> Catalog? {
        switch datasetType {
        case "deepCoadd_ref": scene.reference
        case "deepCoadd_meas": try scene.inBand("r")
        default: nil
        }
      }
      func put(_ catalog: Catalog, _ datasetType: String) { written[datasetType] = catalog }
      func put(_ metadata: TaskMetadata, _ datasetType: String) {
        self.metadata[datasetType] = metadata
      }
    }
    let scene = try ForcedScene()
    let patch = try Patch(scene)
    let task = try ForcedPhotCoaddTask(refSchema: scene.reference.schema)
    let result = try #require(try task.runDataRef(patch, psfCache: 100))
    let written = try #require(patch.written["deepCoadd_forced_src"])
    #expect(
      try flux(written) == flux(result.measCat) && flux(written) == flux(scene.measure("r").measCat)
    )
    // Parents keep their footprints, deblended sources do not.
    #expect((0..<4).map { written.footprint(row: $0) != nil } == [true, true, false, false])
    try task.writeMetadata(patch)
    let metadata = try #require(patch.metadata["deepCoadd_forced_metadata"])
    #expect(try metadata.integer("forcedPhotCoadd.sourceCount") == 4)
    #expect(try metadata.string("forcedPhotCoadd:measurement.NOISE_SOURCE") == "measure")
    var ids = try task.makeIdFactory(patch)
    // Tract 1 of 4, patch 3 of 9: 12, in 6 bits beside 6 of releases.
    #expect(try ids.next() == 12 << 51 | 1)
    patch.hasCoadd = false
    #expect(try task.runDataRef(patch) == nil)
    var config = ForcedPhotCoaddConfig()
    config.footprintDatasetName = .deblendedFlux
    patch.hasCoadd = true
    let other = try ForcedPhotCoaddTask(refSchema: scene.reference.schema, config: config)
    #expect(category { _ = try other.runDataRef(patch) } == "TaskError")
  }

  @Test func settingsThatContradictEachOtherAreRefused() throws {
    var config = ForcedPhotCoaddConfig()
    config.footprintDatasetName = .deblendedFlux
    try config.references.update(ReferencesConfig.self) { $0.removePatchOverlaps = true }
    #expect(
      category { _ = try ForcedPhotCoaddTask(refSchema: try ForcedScene.schema(), config: config) }
        == "FieldValidationError")
    config.references.retarget(CoaddSrcReferencesTask.self)
    #expect(
      try ForcedPhotCoaddTask(refSchema: try ForcedScene.schema(), config: config).references
        is CoaddSrcReferencesTask)
  }

  @Test func aFamilyIsInABoxWhenItsParentIs() throws {
    let scene = try ForcedScene()
    let inside = try scene.reference.families(
      in: Box2I(minX: 1070, minY: 2000, width: 15, height: 90))
    // The second child's centroid is outside, its parent's is not.
    #expect(try inside.column("id", as: Int64.self) == [502, 503, 504])
  }
}
