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
struct FITSTests {
  private func withFiles(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try Peers.run("make_fits.py", [folder])
      try body(folder)
    }
  }

  private func equal(_ a: Image<Float>, _ b: Image<Float>) -> Bool {
    a.width == b.width && a.height == b.height
      && zip(a.pixels, b.pixels).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }

  @Test func imagesOfAllKindsAreRead() throws {
    try withFiles { folder in
      let image = try NPYArray(contentsOf: URL(filePath: folder + "/image.npy")).image()
      for name in ["plain.fits", "plain.fits.gz", "compressed.fits.fz", "double.fits", "cube1.fits", "bare.fits"] {
        let fits = try FITSExposure(folder + "/" + name)
        #expect(equal(fits.image, image), "\(name)")
        #expect(fits.mask == nil && fits.variance == nil && fits.psf == nil)
        #expect((fits.wcs == nil) == (name == "bare.fits"))
        if name != "bare.fits" {
          #expect(fits.header.integer("EXPNUM") == 17 && fits.header.text("OBJECT") == "it's a 'star'")
          let sky = try #require(fits.wcs).pixelToSky(Point2D(x: 19.5, y: 14.5))
          #expect(abs(sky.ra.degrees - 10) < 1e-12 && abs(sky.dec.degrees + 20) < 1e-12)
        }
      }
      let scaled = try NPYArray(contentsOf: URL(filePath: folder + "/scaled.npy")).image()
      #expect(equal(try FITSExposure(folder + "/scaled.fits").image, scaled), "BSCALE, BZERO and BLANK")
    }
  }

  @Test func exposuresOfTheLSSTPipelines() throws {
    try withFiles { folder in
      let fits = try FITSExposure(folder + "/lsst.fits")
      let box = Box2I(minX: 9, minY: 7, width: 40, height: 30)
      #expect(fits.image.box == box && fits.mask?.box == box && fits.variance?.box == box)
      let mask = try #require(fits.mask)
      let clipped = try mask.planes.bitMask("CLIPPED")
      #expect(mask[15, 12] == 2 && mask[17, 14] == clipped)
      #expect(try mask.planes.bitMask("SAT") == 2, "at its usual bit, whatever the file's was")
      let sky = try #require(fits.wcs).pixelToSky(Point2D(x: 28.5, y: 21.5))
      #expect(abs(sky.ra.degrees - 10) < 1e-12, "positions count from the parent's zero")
      #expect(fits.psf?.width == 11 && fits.header.text("FILTER") == "r DECam SDSS")
    }
  }

  @Test func whatCannotBeReadSaysWhy() throws {
    try withFiles { folder in
      func message(_ name: String) -> String {
        do {
          _ = try FITSExposure(folder + "/" + name)
          return "no error"
        } catch {
          return "\(error)"
        }
      }
      #expect(message("no_image.fits").hasSuffix("no_image.fits: has no image of two axes"))
      #expect(message("cube2.fits").hasSuffix("has no image of two axes"))
      #expect(message("mask_of_other_size.fits").hasSuffix("HDU MASK: it has 5×5 pixels, the image 40×30"))
      #expect(message("distorted.fits").contains("header: WCS: the distortion declared by CPDIS1 is not supported"))
      let whole = try Data(contentsOf: URL(filePath: folder + "/plain.fits"))
      for part in [0, 100, 2879, 2880, 4000, 5760, whole.count - 961] {
        try whole.prefix(part).write(to: URL(filePath: folder + "/cut.fits"))
        #expect(throws: FITSError.self, "\(part) bytes") { try FITSExposure(folder + "/cut.fits") }
      }
      let gz = try Data(contentsOf: URL(filePath: folder + "/plain.fits.gz"))
      try gz.prefix(gz.count / 2).write(to: URL(filePath: folder + "/cut.fits"))
      #expect(throws: FITSError.self) { try FITSExposure(folder + "/cut.fits") }
      // Flips in the header: refused or read, never a crash.
      var random = SeededRandom(3)
      for file in ["plain.fits", "lsst.fits", "compressed.fits.fz", "table.fits"] {
        let bytes = try Data(contentsOf: URL(filePath: folder + "/" + file))
        for _ in 0..<150 {
          var damaged = bytes
          for _ in 0..<2 { damaged[Int(random.next() % 5760)] = UInt8(32 + random.next() % 95) }
          try damaged.write(to: URL(filePath: folder + "/damaged.fits"))
          _ = try? FITSExposure(folder + "/damaged.fits")
          _ = try? Catalog(fitsFile: folder + "/damaged.fits")
        }
      }
    }
  }

  @Test func astropyReadsWhatIsExported() throws {
    try withTemporaryFolder { folder in
      let exposure = try SampleProducts.exposure()
      try AtomicFile().publish(try fitsFile(of: exposure, name: "x"), to: folder + "/x.fits")
      let catalog = try SampleProducts.catalog()
      try AtomicFile().publish(try fitsFile(of: catalog, name: "c"), to: folder + "/c.fits")
      try AtomicFile().publish(Array(catalog.csv(isECSV: true).utf8), to: folder + "/c.ecsv")
      let found = try JSONValue(
        parsing: String(
          decoding: try Peers.run("read_fits.py", [folder + "/x.fits", folder + "/c.fits", folder + "/c.ecsv"]),
          as: UTF8.self))
      func check(_ name: String, _ expected: String) { #expect(found[name]?.text() == expected, "\(name)") }
      check("names", #"["PRIMARY","MASK","VARIANCE","PSF"]"#)
      check("shape", "[60,80]")
      check("mask", "256")
      check("no_data", "8")
      check("inexact", "11")
      check("variance", "25.0")
      check("corner", "[1000,2000,-1000]")
      check("visit", "100")
      check("filter", #""r DECam SDSS c0002 6415.0 1480.0""#)
      #expect(abs(try #require(found["psf"]?.double) - 1) < 1e-12)
      let calibration = try #require(exposure.photoCalib)
      #expect(abs(try #require(found["zero"]?.double) - calibration.zeroPoint) < 1e-12)
      let corner = try #require(exposure.wcs).pixelToSky(Point2D(x: 1000, y: 2000))
      let sky = try #require(found["sky"]?.elements?.compactMap { $0.double })
      #expect(abs(sky[0] - corner.ra.degrees) < 1e-9 && abs(sky[1] - corner.dec.degrees) < 1e-9)
      let fluxes: [Float] = try catalog.column("psfFlux")
      let ids: [Int64] = try catalog.column("id")
      for form in ["fits", "ecsv"] {
        let table = try #require(found[form])
        #expect(table["rows"]?.text() == "40" && table["unit"]?.text() == #""nJy""#, "\(form)")
        #expect(
          table["flags"]?.text() == "14" && table["id"]?.text() == "\(ids[0])" && table["band"]?.text() == #""r""#)
        // astropy looks for no descriptions in FITS tables, other programs do.
        if form == "ecsv" { #expect(table["description"]?.text() == #""calibrated flux""#) }
        if case .string(let text) = table["flux"] { #expect(Double(text).map { Float($0) } == fluxes[2]) }
      }
    }
  }

  @Test func exportedExposuresComeBack() throws {
    try withTemporaryFolder { folder in
      let exposure = try SampleProducts.exposure()
      var metadata = TaskMetadata()
      try metadata.set("fits.AIRMASS", 1.25)
      try metadata.set("fits.MJD-OBS", 60000.123456789)
      try metadata.set("fits.LONG", String(repeating: "long text ", count: 20))
      try AtomicFile().publish(try fitsFile(of: exposure, metadata: metadata, name: "x"), to: folder + "/x.fits")
      let fits = try FITSExposure(folder + "/x.fits")
      #expect(fits.image.pixels.map(\.bitPattern) == exposure.maskedImage.image.pixels.map(\.bitPattern))
      #expect(
        fits.image.box == exposure.box && fits.mask == exposure.maskedImage.mask
          && fits.variance == exposure.maskedImage.variance)
      for pixel in [Point2D(x: 1000, y: 2000), Point2D(x: 1079, y: 2059)] {
        let (a, b) = (try #require(fits.wcs).pixelToSky(pixel), try #require(exposure.wcs).pixelToSky(pixel))
        #expect(a.separation(from: b).arcseconds < 1e-6)
      }
      #expect(fits.header.number("AIRMASS") == 1.25 && fits.header.number("MJD-OBS") == 60000.123456789)
      let first = try fitsFile(of: exposure, name: "x")
      #expect(try fitsFile(of: exposure, name: "x") == first, "equal content is equal bytes")
    }
  }

  @Test func tables() throws {
    try withFiles { folder in
      let table = try Catalog(fitsFile: folder + "/table.fits")
      #expect(table.schema.fields.map(\.name) == ["id", "RA", "flux", "good", "count", "band", "apertures", "a_b_c"])
      #expect(table.schema.fields.map(\.type.code) == ["L", "D", "F", "Flag", "I", "String2", "ArrayF3", "I"])
      #expect(try table.schema.field("flux").unit == "nJy")
      let fluxes: [Float] = try table.column("flux")
      #expect(fluxes[2].isNaN && fluxes[4] == 5)
      #expect(try table.column("good", as: Bool.self) == [true, false, true, false, true])
      #expect(try table.column("band", as: String.self) == ["u", "g", "r", "ii", "z"])
      #expect(try table.column("apertures", as: [Float].self)[1] == [3, 4, 5])
      let flags = try Catalog(fitsFile: folder + "/flags.fits")
      #expect(flags.schema.fields.count == 11)
      for i in 0..<5 { #expect(try flags.column("base_flag_\(i)", as: Bool.self) == (0..<5).map { $0 == i }) }
      let error = #expect(throws: FITSError.self) { try Catalog(fitsFile: folder + "/variable.fits") }
      #expect(error?.description.hasSuffix("column v: a catalog cannot hold such columns") == true)
      #expect(throws: FITSError.self) { try Catalog(fitsFile: folder + "/plain.fits") }
      let own = try SampleProducts.catalog()
      try AtomicFile().publish(try fitsFile(of: own, name: "c"), to: folder + "/own.fits")
      let back = try Catalog(fitsFile: folder + "/own.fits")
      for name in own.schema.fields.map(\.name) where !["short", "coord_ra", "coord_dec"].contains(name) {
        let (a, b) = (try #require(own.schema.index(of: name)), try #require(back.schema.index(of: name)))
        // FITS is ASCII.
        if name != "band" { #expect(own.storage(a) == back.storage(b), "\(name)") }
        if name != "base_PsfFlux_instFlux" { #expect(own.schema.fields[a].doc == back.schema.fields[b].doc) }
      }
    }
  }
}

@Suite struct CSVTests {
  @Test func columnsGetTheTypeOfAllTheirValues() throws {
    let table = try Catalog(
      csv: "# a comment\nid, ra,flag,name,gap\r\n1,10.5,true,\"a, \"\"b\"\"\",\n2,-3e2,False,c d,7\n\n", name: "t.csv")
    #expect(table.schema.fields.map(\.type.code) == ["L", "D", "Flag", "String6", "D"])
    #expect(try table.column("ra", as: Double.self) == [10.5, -300])
    #expect(try table.column("name", as: String.self) == ["a, \"b\"", "c d"])
    #expect(try table.column("gap", as: Double.self)[0].isNaN)
    #expect(try Catalog(csv: "a,b\n", name: "t").rowCount == 0)
  }

  @Test func whatIsWrittenReadsBack() throws {
    let catalog = try SampleProducts.catalog()
    let back = try Catalog(csv: catalog.csv(), name: "t")
    let (fluxes, bands): ([Double], [String]) = (
      try catalog.column("base_PsfFlux_instFlux"), try catalog.column("band")
    )
    #expect(try back.column("base_PsfFlux_instFlux") == fluxes)
    #expect(try back.column("band") == bands)
    #expect(back.schema.contains("aperture_0") && back.schema.contains("counts_1"))
  }

  @Test func errorsSayTheLine() {
    func message(_ text: String) -> String {
      do {
        _ = try Catalog(csv: text, name: "t.csv")
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(message("a,b\n1,2\n3\n") == "t.csv:3: 1 values, the first line names 2 columns")
    #expect(message("a,a\n") == "t.csv:1: the columns \"a\" and \"a\" have one name, a")
    #expect(message("a\n\"x\n") == "t.csv:2: a text in quotes has no end in its line")
    #expect(message("") == "t.csv:1: it has no line of column names")
    #expect(message("a\n" + String(repeating: "x", count: 70_000)).contains("more than 65536 bytes"))
  }
}
