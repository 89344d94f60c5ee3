// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
struct PythonReadersTests {
  @Test func h5pyAndAstropyReadWhatWasWritten() throws {
    let exposure = try SampleProducts.exposure()
    let catalog = try SampleProducts.catalog()
    let found = try withTemporaryFolder { folder in
      try AtomicFile().publish(
        try Dataset(exposure, metadata: try SampleProducts.metadata(), provenance: SampleProducts.provenance()).encode(
          "x"),
        to: folder + "/exposure.h5")
      try AtomicFile().publish(try Dataset(catalog).encode("c"), to: folder + "/catalog.h5")
      return try JSONValue(
        parsing: String(
          decoding: try Peers.run("read_products.py", [folder + "/exposure.h5", folder + "/catalog.h5"]), as: UTF8.self)
      )
    }
    func check(_ name: String, _ expected: String) {
      #expect(found[name]?.text() == expected, "\(name)")
    }
    check("shape", "[60,80]")
    check("types", #"["<f4","<i4","<f4"]"#)
    check("filters", #"[[true,"gzip",true],[true,"gzip",true],[true,"gzip",true]]"#)
    check("xy0", "[1000,2000]")
    check("no_data", "[[10,10]]")
    check("nan", "[[10,10]]")
    check("infinite", "[[10,10]]")
    #expect(found["planes"]?.text().contains(#""MP_INEXACT_PSF":11"#) == true)
    let sum = exposure.maskedImage.image.pixels.reduce(0.0) { $1.isNaN ? $0 : $0 + Double($1) }
    #expect(abs(try #require(found["sum"]?.double) - sum) < 1e-6)
    let axes = try #require(found["sky"]?.elements?.map { $0.elements?.compactMap(\.double) ?? [] })
    for (i, pixel) in [Point2D(x: 1000, y: 2000), Point2D(x: 1079, y: 2059)].enumerated() {
      let own = try #require(exposure.wcs).pixelToSky(pixel)
      #expect(abs(axes[0][i] - own.ra.degrees) < 1e-10 && abs(axes[1][i] - own.dec.degrees) < 1e-10)
    }
    check("psf", #""polynomial""#)
    check("mean", "3.5")
    check("band", #""r""#)
    check("visit", "100")
    check("metadata", #"{"nSources":17,"scale":1.25,"isGood":true}"#)
    check("limits", #"["-inf","0.1","inf"]"#)
    check("long", "4999")
    check("software", #""skydiff""#)
    check("inputs", #"["raw","skyMap"]"#)

    #expect(found["columns"] == .array(catalog.schema.fields.map { .string($0.name) }))
    check("rows", "40")
    check("quantity", "true")
    check("description", #""flux of the PSF fit: \"quoted\", µ""#)
    check("flag_type", #""|b1""#)
    check("flags", "[" + (0..<40).map { $0 % 3 == 0 ? "true" : "false" }.joined(separator: ",") + "]")
    check("bands", #"["r","ž"]"#)
    check("aperture", #"["7.0","nan","-1.0"]"#)
    check("missing", "true")
    let ids: [Int64] = try catalog.column("id")
    check("id", "\(ids[0])")
    for (name, unit) in [
      ("coord_ra", "deg"), ("psfFlux", "nJy"), ("base_PsfFlux_instFlux", "ct"), ("base_SdssCentroid_x", "pix"),
    ] {
      #expect(
        found["units"]?.text().contains("\"\(name)\":\"\(unit)\"") == true, "\(name): \(found["units"]?.text() ?? "")")
    }
    #expect(found["h5py_units"] == .array(catalog.schema.fields.map { .string($0.unit) }))
    #expect(found["schema"]?.text().contains(#"["coord_ra","Angle","deg"]"#) == true)
    check("slot", #""base_PsfFlux""#)
    let spans = try #require(catalog.footprint(row: 0)).spans.spans
    #expect(found["spans"] == .array(spans.map { .array([$0.y, $0.x0, $0.x1].map { .integer(Int64($0)) }) }))
    check("peak", "9.0")
  }
}
