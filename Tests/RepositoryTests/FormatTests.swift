// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import HDF5
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct FormatTests {
  @Test func whatIsReadIsWhatWasWrittenAndEqualContentIsEqualBytes() throws {
    let first = try SampleProducts.files()
    let second = try SampleProducts.files()
    for (a, b) in zip(first, second) {
      #expect(a.bytes == b.bytes, "\(a.name) differs when it is made twice")
      #expect(try a.rewrite(a.bytes) == a.bytes, "\(a.name) differs after reading")
    }
  }

  @Test func everyPartOfAnExposureComesBack() throws {
    for model in SampleProducts.Model.allCases {
      let exposure = try SampleProducts.exposure(model)
      let bytes = try Dataset(
        exposure, metadata: try SampleProducts.metadata(), provenance: SampleProducts.provenance()
      )
      .encode("x.h5")
      let back = try Dataset<Exposure>(decoding: bytes, name: "x.h5")
      #expect(back.content.box == exposure.box)
      #expect(
        back.content.maskedImage.image.pixels.map(\.bitPattern) == exposure.maskedImage.image.pixels.map(\.bitPattern))
      #expect(back.content.maskedImage.mask == exposure.maskedImage.mask)
      #expect(back.content.maskedImage.variance == exposure.maskedImage.variance)
      #expect(back.content.wcs == exposure.wcs)
      #expect(back.content.photoCalib == exposure.photoCalib)
      #expect(back.content.visitInfo == exposure.visitInfo)
      #expect(back.content.filter == exposure.filter)
      #expect(back.content.detector == exposure.detector)
      #expect(back.content.apCorrMap == exposure.apCorrMap)
      #expect(back.metadata == (try SampleProducts.metadata()))
      #expect(back.provenance == SampleProducts.provenance())
      let place = Point2D(x: 1012.25, y: 2044.75)
      let (own, other) = (try #require(exposure.psf), try #require(back.content.psf))
      #expect(try own.image(at: place) == other.image(at: place))
    }
  }

  @Test func everyPartOfACatalogComesBack() throws {
    let catalog = try SampleProducts.catalog()
    let back = try Dataset<Catalog>(decoding: try Dataset(catalog).encode("c.h5"), name: "c.h5").content
    #expect(back.schema == catalog.schema)
    #expect(back == catalog)
    #expect(back.footprint(row: 1)?.isHeavy == true && back.footprint(row: 4) == nil)
    let slot = try back.schema.fluxSlot(.psfFlux)
    let original: [Double] = try catalog.column("base_PsfFlux_instFlux")
    #expect(back.column(slot.instFlux) == original)
    for rows in [0, 1, 100_000 / 40] {
      let other = try SampleProducts.catalog(rowCount: rows)
      #expect(try Dataset<Catalog>(decoding: try Dataset(other).encode("c.h5"), name: "c.h5").content == other)
    }
  }

  @Test func emptyThingsHaveFiles() throws {
    let exposure = Exposure(MaskedImage(box: Box2I(minX: 5, minY: 6, width: 0, height: 9)))
    let back = try Dataset<Exposure>(decoding: try Dataset(exposure).encode("x.h5"), name: "x.h5").content
    #expect(back.box == exposure.box && back.psf == nil && back.wcs == nil)
    let list = BackgroundList()
    #expect(try Dataset<BackgroundList>(decoding: try Dataset(list).encode("b.h5"), name: "b.h5").content == list)
  }

  @Test func rowsAreReadWithoutTheRest() throws {
    let box = Box2I(minX: -3, minY: 10, width: 700, height: 600)
    let image = Image<Float>(box: box) { x, y in Float(x) + 1000 * Float(y) }
    let whole = try MaskedImage(image: image, mask: Mask(box: box), variance: image)
    try withTemporaryFolder { folder in
      let path = folder + "/x.h5"
      try AtomicFile().publish(try Dataset(Exposure(whole)).encode("x.h5"), to: path)
      for rows in [0..<11, 10..<11, 200..<300, 255..<257, 609..<700, 0..<1000, 700..<800] {
        let part = try readRows(rows, ofExposure: path)
        let clamped = rows.clamped(to: 10..<610)
        #expect(part == whole.cropped(to: Box2I(minX: -3, minY: clamped.lowerBound, width: 700, height: clamped.count)))
      }
    }
  }

  @Test func anExposureIsKnownWithoutItsPixels() throws {
    try withTemporaryFolder { folder in
      let exposure = try SampleProducts.exposure(.coadd)
      let path = folder + "/x.h5"
      try AtomicFile().publish(
        try Dataset(exposure, metadata: try SampleProducts.metadata()).encode("x.h5"), to: path)
      let header = try ExposureHeader(ofExposure: path)
      #expect(header.box == exposure.box && header.planes == exposure.maskedImage.mask.planes)
      #expect(header.psf as? CoaddPSF == exposure.psf as? CoaddPSF)
      #expect(header.wcs == exposure.wcs && header.photoCalib == exposure.photoCalib)
      #expect(header.visitInfo == exposure.visitInfo && header.filter == exposure.filter)
      #expect(header.metadata == (try SampleProducts.metadata()))
      try AtomicFile().publish(try Dataset(try SampleProducts.kernel()).encode("k.h5"), to: folder + "/k.h5")
      #expect(throws: (any Error).self) { try ExposureHeader(ofExposure: folder + "/k.h5") }
    }
  }

  @Test func countsComeBack() throws {
    let image = SampleProducts.countImage()
    let back = try Dataset<Image<UInt16>>(decoding: try Dataset(image).encode("n.h5"), name: "n.h5").content
    #expect(back == image)
  }

  @Test func matchingKernelsComeBack() throws {
    for kernel in [try SampleProducts.matchingKernel(), try SampleProducts.matchingKernel(background: false)] {
      let bytes = try Dataset(kernel).encode("k.h5")
      #expect(try Dataset<MatchingKernel>(decoding: bytes, name: "k.h5").content == kernel)
      // A kernel that says nothing of images is another kind of file.
      #expect(throws: FormatError.self) { try Dataset<Kernel>(decoding: bytes, name: "k.h5") }
    }
  }

  /// Sound files that say what no matching kernel is.
  @Test func aMatchingKernelThatContradictsItselfIsRefused() throws {
    let kernel = try SampleProducts.kernel()
    func file(_ convolved: String?, _ change: @escaping @Sendable (HDF5Group) throws -> Void = { _ in }) throws
      -> [UInt8]
    {
      let content = OddMatchingKernel { root in
        if let convolved { try root.setAttribute("convolved_exposure", convolved) }
        try kernel.write(to: root)
        try change(root)
      }
      return try Dataset(content).encode("k.h5")
    }
    func read(_ bytes: [UInt8]) throws -> MatchingKernel { try Dataset(decoding: bytes, name: "k.h5").content }
    #expect(try read(try file("Template")).convolved == .template)
    let other = try file("template")
    let error = #expect(throws: FormatError.self) { try read(other) }
    #expect("\(try #require(error))" == "k.h5: convolved_exposure: template is not Template or Science")
    let silent = try file(nil)
    let missing = #expect(throws: (any Error).self) { try read(silent) }
    #expect("\(try #require(missing))".hasPrefix("k.h5: "))
    // Two coefficients where the order asks for three; an order beyond all reason; a domain without area.
    let attributes: [@Sendable (HDF5Dataset) throws -> Void] = [
      { try $0.setAttribute("order", 1) }, { try $0.setAttribute("order", 1 << 40) },
      { try $0.setAttribute("order", -1) },
      { dataset in
        try dataset.setAttribute("order", 0)
        try dataset.setAttribute("domain", [3.0, 3, 3, 9])
      },
    ]
    for (i, set) in attributes.enumerated() {
      let bytes = try file("Science") { root in
        let dataset = try root.write("background", [1.0, 2.0])
        try dataset.setAttribute("family", i == 3 ? "chebyshev" : "polynomial")
        try set(dataset)
      }
      let refused = #expect(throws: (any Error).self) { try read(bytes) }
      #expect("\(try #require(refused))".hasPrefix("k.h5: "), "\(i)")
    }
  }

  @Test func aFileOfAnotherKindOrTimeSaysSo() throws {
    let bytes = try Dataset(try SampleProducts.kernel()).encode("k.h5")
    let error = #expect(throws: FormatError.self) { try Dataset<Catalog>(decoding: bytes, name: "k.h5") }
    #expect("\(try #require(error))" == "k.h5: format: it is a skydiff kernel, not a skydiff catalog")
    let text = #expect(throws: (any Error).self) {
      try Dataset<Catalog>(decoding: Array("hello, world".utf8), name: "t.txt")
    }
    #expect("\(try #require(text))" == "t.txt: not an HDF5 file: it does not begin as one")
  }
}

/// What claims to be a matching kernel.
private struct OddMatchingKernel: DatasetContent {
  static let formatName = MatchingKernel.formatName
  static let formatVersion = MatchingKernel.formatVersion
  let body: @Sendable (HDF5Group) throws -> Void

  func write(to root: HDF5Group) throws { try body(root) }

  static func read(from root: HDF5Group) throws -> OddMatchingKernel { OddMatchingKernel { _ in } }
}

/// Runs a closure in a new folder, which is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-test-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}
