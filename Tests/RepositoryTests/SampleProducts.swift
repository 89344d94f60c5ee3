// SPDX-License-Identifier: GPL-3.0-or-later
// One product of each kind, with everything that its format can hold.

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport

/// One product of each kind, with everything that its format can hold.
enum SampleProducts {
  static func metadata() throws -> TaskMetadata {
    var node = TaskMetadata()
    try node.set("nSources", 17)
    try node.set("scale", 1.25)
    try node.set("isGood", true)
    try node.set("mode", "convolveTemplate / auto 100 %")
    try node.set("nothing", .float(.nan))
    try node.set("limits", [.float(-.infinity), .float(0.1), .float(.infinity)])
    try node.set("names", ["a", "", "ümlaut"])
    try node.set("flags", [true, false])
    try node.set("none", [])
    try node.set("long", (0..<5000).map { .integer($0) })
    try node.set("inner.deeper.value", 3)
    try node.set("inner.with/slash", 4)
    var metadata = TaskMetadata()
    try metadata.put("top:sub", .node(node))
    return metadata
  }

  static func provenance() -> Provenance {
    var provenance = Provenance()
    provenance.datasetType = "calexp"
    provenance.dataID = "visit 100, detector 3"
    provenance.task = "ingest"
    provenance.configYAML = "ingest:\n  key: value\n"
    provenance.inputs = [
      .init(datasetType: "raw", dataID: "visit 100", digest: FileDigest(of: [1, 2, 3])),
      .init(datasetType: "skyMap", dataID: "everything", digest: FileDigest(of: [])),
    ]
    provenance.libraries = ["fftw": "3.3.10"]
    return provenance
  }

  static func wcs() throws -> SkyWCS {
    try SkyWCS(header: [
      "CTYPE1  = 'RA---TAN-SIP'", "CTYPE2  = 'DEC--TAN-SIP'", "CRPIX1  =                 40.5", "CRPIX2  =   31.25",
      "CRVAL1  = 150.1163213", "CRVAL2  = 2.200973097", "CD1_1   = -5.6E-05", "CD1_2   = 1E-07", "CD2_1   = 1E-07",
      "CD2_2   = 5.6E-05", "A_ORDER = 2", "B_ORDER = 2", "A_2_0   = 1.234567890123E-05", "B_0_2   = -2E-06",
      "RADESYS = 'ICRS'",
    ])
  }

  static func gaussian(side: Int, sigma: Double) -> Image<Double> {
    let half = Double(side / 2)
    return Image(box: Box2I(width: side, height: side)) { x, y in
      let (dx, dy) = (Double(x) - half, Double(y) - half)
      return exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
    }
  }

  enum Model: CaseIterable { case kernel, polynomial, psfex, coadd }

  static func psf(_ model: Model) throws -> any PSF {
    let center = Point2D(x: 1040, y: 2030)
    let images = (1...3).map { gaussian(side: 11, sigma: Double($0)) }
    let box = Box2D(minX: 999.5, minY: 1999.5, maxX: 1079.5, maxY: 2059.5)
    switch model {
    case .kernel: return try KernelPSF(images[1], averagePosition: center)
    case .polynomial:
      return try PolynomialPSF(
        try Kernel(
          images: images, coefficients: [[1, 0.01, 0], [0, 0.02, 0.01], [0.1, 0, 0.003]],
          basis: SpatialBasis(.chebyshev(box), order: 1)), averagePosition: center)
    case .coadd:
      let outline = box.corners
      let left = outline.map { Point2D(x: 999.5 + ($0.x - 999.5) / 2, y: $0.y) }
      return try CoaddPSF(
        [
          try CoaddPSF.Component(kernel: try Kernel(images[0]), outline: outline, weight: 0.25),
          try CoaddPSF.Component(
            kernel: try Kernel(
              images: images, coefficients: [[1, 0.01, 0], [0, 0.02, 0.01], [0.1, 0, 0.003]],
              basis: SpatialBasis(.chebyshev(box), order: 1)), outline: left, weight: 0.75),
        ], averagePosition: center)
    case .psfex:
      return try PSFExModel(
        components: images, degree: 1, zero: center, scale: Point2D(x: 500, y: 400), sampling: 0.7, fwhm: 3.1)
    }
  }

  /// 80 × 60 pixels at (1000, 2000) with noise, NaN, infinite variance and a plane of its own.
  static func exposure(_ model: Model = .polynomial) throws -> Exposure {
    var random = SeededRandom(3)
    let box = Box2I(minX: 1000, minY: 2000, width: 80, height: 60)
    var image = Image<Float>(box: box, fill: 0)
    var variance = Image<Float>(box: box, fill: 25)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX { image[x, y] = Float(5 * random.gaussian()) }
    }
    image[1010, 2010] = .nan
    variance[1010, 2010] = .infinity
    var mask = Mask(box: box)
    try mask.addPlane("INEXACT_PSF")
    try mask.set("NO_DATA", in: Box2I(minX: 1010, minY: 2010, width: 1, height: 1))
    try mask.set("INEXACT_PSF", in: Box2I(minX: 1050, minY: 2000, width: 20, height: 20))
    var visit = VisitInfo()
    visit.id = 100
    visit.exposureSeconds = 30
    visit.mjdTAI = 60000.123456789
    visit.boresight = SpherePoint(raDegrees: 150.1, decDegrees: 2.2)
    visit.boresightRotation = .degrees(12.3)
    visit.observatory = .init(longitude: .degrees(-70.8), latitude: .degrees(-30.2), elevationMetres: 2663)
    visit.instrument = "TestCam"
    visit.hasSimulatedContent = true
    let field = try SpatialFunction(
      SpatialBasis(.chebyshev(Box2D(box)), order: 2), coefficients: [3.5, 0.01, -0.02, 0, 0.001, 1e-17])
    var apertures = ApCorrMap()
    apertures["base_GaussianFlux_instFlux"] = field
    return Exposure(
      try MaskedImage(image: image, mask: mask, variance: variance), psf: try psf(model), wcs: try wcs(),
      photoCalib: try PhotoCalib(mean: 3.5, error: 0.01, field: field), visitInfo: visit,
      filter: FilterLabel(band: "r", physicalFilter: "r DECam SDSS c0002 6415.0 1480.0"),
      detector: Detector(
        id: 3, name: "N7", box: Box2I(width: 2048, height: 4096), gain: 4.1, readNoise: 7, saturation: 65000),
      apCorrMap: apertures)
  }

  /// A row of every type, footprints light and heavy, and a row without one.
  static func catalog(rowCount: Int = 40) throws -> Catalog {
    var schema = try Schema.minimalSource()
    let flux = try schema.addField(
      "base_PsfFlux_instFlux", as: Double.self, unit: "count", doc: "flux of the PSF fit: \"quoted\", µ")
    let error = try schema.addField("base_PsfFlux_instFluxErr", as: Double.self, unit: "count", doc: "its error")
    let flag = try schema.addField("base_PsfFlux_flag", as: Bool.self, doc: "do not use")
    let nanojansky = try schema.addField("psfFlux", as: Float.self, unit: "nJy", doc: "calibrated flux")
    let byte = try schema.addField("byte", as: UInt8.self, doc: "B")
    let short = try schema.addField("short", as: UInt16.self, doc: "U")
    let int = try schema.addField("int", as: Int32.self, doc: "I")
    let band = try schema.addField("band", .string(length: 4), as: String.self, doc: "filter")
    let array = try schema.addField(
      "aperture", .float32Array(count: 3), as: [Float].self, unit: "nJy", doc: "three apertures")
    let doubles = try schema.addField("fit", .float64Array(count: 2), as: [Double].self, doc: "two numbers")
    let ints = try schema.addField("counts", .int32Array(count: 2), as: [Int32].self, doc: "two counts")
    let centroid = try PointKey(adding: "base_SdssCentroid", to: &schema, doc: "centroid")
    try schema.setSlot(.psfFlux, to: "base_PsfFlux")
    try schema.setSlot(.centroid, to: "base_SdssCentroid")
    let id: Key<Int64> = try schema.key("id")
    let coord = try CoordKey(in: schema)
    var random = SeededRandom(9)
    var factory = try IDGenerator(packed: 5, maxBits: 20).makeFactory()
    var catalog = Catalog(schema)
    for row in 0..<rowCount {
      _ = catalog.addRow()
      catalog[id, row] = try factory.next()
      catalog[coord, row] = SpherePoint(raDegrees: 150 + random.uniform(), decDegrees: 2 + random.uniform())
      catalog[flux, row] = 1000 * random.gaussian()
      if row != 3 { catalog[error, row] = random.uniform() }
      catalog[flag, row] = row % 3 == 0
      catalog[nanojansky, row] = Float(random.gaussian())
      catalog[byte, row] = UInt8(truncatingIfNeeded: row)
      catalog[short, row] = UInt16(truncatingIfNeeded: row * 100)
      catalog[int, row] = Int32(-row)
      catalog[band, row] = row % 2 == 0 ? "r" : "ž"
      catalog[array, row] = [Float(row), .nan, -1]
      catalog[doubles, row] = [Double(row) / 3, .infinity]
      catalog[ints, row] = [Int32(row), -7]
      catalog[centroid, row] = Point2D(x: 80 * random.uniform(), y: 60 * random.uniform())
      guard row % 5 != 4 else { continue }
      let spans = SpanSet(Box2I(minX: row, minY: 10, width: 4, height: 3)).dilated(by: 2, .diamond)
      let peaks = [
        Peak(
          id: Int64(row), position: Point2D(x: Double(row) + 1.5, y: 11), pixel: Point2I(x: row + 1, y: 11), value: 9),
        Peak(
          id: Int64(row) + 1000, position: Point2D(x: Double(row), y: 12), pixel: Point2I(x: row, y: 12), value: -3,
          significance: 5.5, isFromNegative: true),
      ]
      let region = Box2I(minX: -5, minY: -5, width: 100, height: 100)
      if row % 2 == 0 {
        catalog.setFootprint(Footprint(spans, peaks: peaks, region: region), row: row)
      } else {
        let heavy = HeavyPixels(
          image: (0..<spans.area).map { $0 == 0 ? .nan : Float($0) }, mask: (0..<spans.area).map { UInt32($0) << 30 },
          variance: Array(repeating: 4, count: spans.area))
        catalog.setFootprint(try Footprint(spans, peaks: peaks, region: region, heavy: heavy), row: row)
      }
    }
    return catalog
  }

  static func backgrounds() throws -> BackgroundList {
    let box = Box2I(minX: -10, minY: 7, width: 64, height: 48)
    let grid = Box2I(width: 6, height: 5)
    let values = Image<Float>(box: grid) { x, y in x == 2 && y == 2 ? .nan : Float(100 + 3 * x - y * y) }
    return BackgroundList([
      BackgroundModel(try Background(box: box, values: values, errors: values.map { _ in 0.5 })),
      BackgroundModel(
        try Background(box: box, values: values), interpolation: .naturalSpline, undersample: .throwException,
        approximation: .chebyshev, approximationOrder: 2, isApproximationWeighted: false),
    ])
  }

  static func kernel() throws -> Kernel {
    try Kernel(
      images: (1...2).map { gaussian(side: 9, sigma: Double($0)) }, coefficients: [[1, 2, 3], [4, 5, 6.5]],
      basis: SpatialBasis(.polynomial, order: 1))
  }

  static func matchingKernel(background: Bool = true) throws -> MatchingKernel {
    let field = try SpatialFunction(SpatialBasis(.polynomial, order: 1), coefficients: [10, -0.5, 1e-3])
    return MatchingKernel(try kernel(), background: background ? field : nil, convolved: .science)
  }

  static func countImage() -> Image<UInt16> {
    Image<UInt16>(box: Box2I(minX: 7, minY: -5, width: 90, height: 70)) { x, y in UInt16(truncatingIfNeeded: x * y) }
  }

  /// Two exposures and two further files.
  static func index() throws -> RepositoryIndex {
    var visits = VisitTable()
    for (visit, model) in [(7, Model.kernel), (8, .psfex)] {
      visits.insert(
        VisitRecord(
          visit: Int64(visit), detector: 3, band: "r", try exposure(model), digest: FileDigest(of: [UInt8(visit)])))
    }
    var manifest = Manifest()
    for name in ["src/src-visit7.h5", "ssObjects/ssObjects.h5"] { manifest[name] = FileDigest(of: Array(name.utf8)) }
    return RepositoryIndex(visits: visits, manifest: manifest)
  }

  /// The bytes of each kind of file, and what reads them and writes them again.
  static func files() throws -> [(name: String, bytes: [UInt8], rewrite: ([UInt8]) throws -> [UInt8])] {
    let (metadata, provenance) = (try metadata(), provenance())
    func file<Content: DatasetContent>(
      _ name: String, _ content: Content
    ) throws -> (name: String, bytes: [UInt8], rewrite: ([UInt8]) throws -> [UInt8]) {
      let dataset = Dataset(content, metadata: metadata, provenance: provenance)
      return (name, try dataset.encode(name), { try Dataset<Content>(decoding: $0, name: name).encode(name) })
    }
    return [
      try file("exposure.h5", try exposure()), try file("catalog.h5", try catalog()),
      try file("background.h5", try backgrounds()), try file("kernel.h5", try kernel()),
      try file("matchingKernel.h5", try matchingKernel()),
      try file("coadd.h5", try exposure(.coadd)), try file("count.h5", countImage()),
      try file("metadata.h5", MetadataOnly()), try file("visits.h5", try index()),
    ]
  }
}
