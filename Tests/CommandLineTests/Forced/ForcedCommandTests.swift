// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff forced

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  /// `skydiff forced` on files.
  @Suite(.serialized) struct ForcedCommandTests {
    private static let box = Box2I(minX: 40, minY: -30, width: 200, height: 190)
    private static let sigma = 2.0
    private static let noise = 3.0
    /// AB magnitude of a count.
    private static let zeroPoint = 27.0

    /// Stars far enough from each other that none sees another.
    private static let stars: [(position: Point2D, flux: Double)] = {
      var random = SeededRandom(8)
      return (0..<36).map { i in
        let position = Point2D(
          x: Double(62 + 30 * (i % 6)) + random.uniform(-2...2), y: Double(-10 + 29 * (i / 6)) + random.uniform(-2...2))
        return (position, 300 * pow(10, random.uniform(0...2)))
      }
    }()

    private static func wcs() throws -> SkyWCS {
      try SkyWCS(
        referencePixel: Point2D(x: 130, y: 50), reference: SpherePoint(raDegrees: 359.995, decDegrees: -31),
        cd: AffineTransform(xx: -0.25 / 3600, yy: 0.25 / 3600))
    }

    /// - Parameter sky: a level under everything.
    private static func exposure(sky: Double = 0) throws -> Exposure {
      var image = noiseImage(box, level: sky, sigma: noise, seed: 4)
      for star in stars { addStar(to: &image, at: star.position, sigma: sigma, flux: star.flux) }
      var mask = Mask(box: box)
      let bad = Point2D(x: stars[3].position.x, y: stars[3].position.y).pixel ?? Point2I(x: 0, y: 0)
      try mask.set("SAT", in: Box2I(minX: bad.x, minY: bad.y, width: 1, height: 1))
      return Exposure(
        try MaskedImage(image: image, mask: mask, variance: Image(box: box, fill: Float(noise * noise))),
        psf: try KernelPSF(gaussianFwhm: sigma * 2.354820045, averagePosition: box.center), wcs: try wcs(),
        photoCalib: try PhotoCalib(zeroPoint: zeroPoint))
    }

    /// A folder with `image.h5`, on a sky, and with the list `stars.csv` of all stars, of one off the image and one without a position.
    private func inFolder(sky: Double = 100, _ body: (String) throws -> Void) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        try AtomicFile().publish(try Dataset(Self.exposure(sky: sky)).encode("image"), to: "\(folder)/image.h5")
        try write(Self.list, folder + "/stars.csv")
        try body(folder)
      }
    }

    private static let list: String = {
      var lines = ["# a list", "ID,RA,Dec,name,x,y,base_PsfFlux_instFlux"]
      let sky = (try? wcs())?.pixelToSky(stars.map(\.position)) ?? []
      for (i, star) in stars.enumerated() {
        lines.append(
          "\(900 - i),\(sky[i].ra.degrees),\(sky[i].dec.degrees),\"star, \(i)\",\(star.position.x),\(star.position.y),\(i).5"
        )
      }
      // 600 pixels east, and nowhere.
      lines += ["", "5,0.05,-31,off,\(-600),80,0", "7,,,nowhere,,,0"]
      return lines.joined(separator: "\r\n") + "\r\n"
    }()

    private func write(_ text: String, _ path: String) throws {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func run(_ arguments: [String], in folder: String) throws -> SkydiffProgram.Result {
      try SkydiffProgram.run(["forced"] + arguments, in: folder)
    }

    private func catalog(_ path: String) throws -> Catalog {
      try Dataset<Catalog>(decoding: try readFile(path), name: path).content
    }

    /// (measured − true)/error of each star; the flux is a column's.
    private func pulls(_ catalog: Catalog, _ name: String = "base_PsfFlux") throws -> [Double] {
      let fluxes: [Double] = try catalog.column(name + "_instFlux")
      let errors: [Double] = try catalog.column(name + "_instFluxErr")
      return Self.stars.indices.map { (fluxes[$0] - Self.stars[$0].flux) / errors[$0] }
    }

    private func spread(_ values: [Double]) -> (mean: Double, deviation: Double) {
      let mean = values.reduce(0, +) / Double(values.count)
      return (mean, (values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)).squareRoot())
    }

    private struct Reading: Decodable {
      let names: [String]
      let ids: [Int]
      let unit: String
      let magnitudeUnit: String
      let fitsFluxes: [Double]
      let csvFluxes: [Double]
      let fluxes: [Double]
      let documented: Bool
      let text: String
    }

    @Test func aListOfSkyPositions() throws {
      try inFolder { folder in
        let end = try run(["image.h5", "stars.csv", "--output", "out", "--fits", "--csv"], in: folder)
        #expect(end.status == 0 && end.errors.isEmpty, "\(end.errors)")
        let products = ["forced.h5", "forced.fits", "forced.csv", "metadata.json"]
        let lines = end.output.split(separator: "\n").map(String.init)
        #expect(
          lines == ["sources: 38 at RA, Dec; 36 measured, 0 flagged, 1 off the image, 1 without a position"]
            + products.map { "out/" + $0 })
        let file = folder + "/out/forced.h5"
        let sources = try catalog(file)
        let count = Self.stars.count
        // Rows, order and IDs are the list's.
        #expect(
          try sources.column("id", as: Int64.self) == (0..<count).map { Int64(900 - $0) } + [5, 7])
        #expect(try sources.column("name", as: String.self)[4] == "star, 4")
        #expect(try sources.column("x", as: Double.self)[4] == Self.stars[4].position.x)
        // A name that is taken.
        #expect(try sources.column("ref_base_PsfFlux_instFlux", as: Double.self)[4] == 4.5)
        #expect(!sources.schema.contains("ref_id") && !sources.schema.contains("ID"))
        let centroid = try PointKey("base_TransformedCentroid", in: sources.schema)
        let coord = try CoordKey(in: sources.schema)
        let wcs = try Self.wcs()
        for (row, star) in Self.stars.enumerated() {
          // The list's degrees have all digits.
          #expect(sources[centroid, row].distance(to: star.position) < 1e-6)
          #expect(sources[coord, row].separation(from: try wcs.pixelToSky(star.position)).arcseconds < 1e-6)
        }
        // The sky is off, and known to 0.05 counts: 2.5 counts of flux, a tenth of the error. 36 pulls know their mean to 0.17 and their
        // width to 12 %.
        let found = spread(try pulls(sources))
        #expect(abs(found.mean) < 0.7 && abs(found.deviation - 1) < 0.4, "\(found)")
        let (flux, magnitude) = (
          try sources.column("base_PsfFlux_flux", as: Double.self),
          try sources.column("base_PsfFlux_mag", as: Double.self)
        )
        let counts: [Double] = try sources.column("base_PsfFlux_instFlux")
        let limits: [Double] = try sources.column("base_PsfFlux_magLimit")
        let errors: [Double] = try sources.column("base_PsfFlux_instFluxErr")
        for row in 0..<count {
          #expect(abs(magnitude[row] - (Self.zeroPoint - 2.5 * log10(counts[row]))) < 1e-9)
          #expect(abs(flux[row] / (counts[row] * 3631e9 * pow(10, -0.4 * Self.zeroPoint)) - 1) < 1e-9)
          #expect(abs(limits[row] - (Self.zeroPoint - 2.5 * log10(5 * errors[row]))) < 1e-9)
        }
        // What cannot be measured has flags and no numbers.
        let flags: [Bool] = try sources.column("base_PsfFlux_flag")
        #expect(flags[count] && flags[count + 1] && !flags[0])
        #expect(counts[count].isNaN && counts[count + 1].isNaN && flux[count].isNaN && magnitude[count].isNaN)
        #expect(
          try sources.column("base_PixelFlags_flag_offimage", as: Bool.self).indices.filter {
            try sources.column("base_PixelFlags_flag_offimage", as: Bool.self)[$0]
          } == [count])
        #expect(
          try sources.column("base_TransformedCentroid_flag", as: Bool.self) == (0..<count + 2).map { $0 == count + 1 })
        #expect(
          try sources.column("base_PixelFlags_flag_saturatedCenter", as: Bool.self) == (0..<count + 2).map { $0 == 3 })
        let whole = try Dataset<Catalog>(decoding: try readFile(file), name: file)
        #expect(whole.provenance.inputs.map(\.datasetType) == ["exposure", "reference"])
        #expect(try whole.metadata.integer("list.measuredCount") == count)
        // The same files give the same bytes; what is there stays.
        #expect(try run(["image.h5", "stars.csv", "-o", "again"], in: folder).status == 0)
        #expect(try readFile(folder + "/again/forced.h5") == readFile(file))
        let third = try run(["image.h5", "stars.csv", "-o", "again"], in: folder)
        #expect(
          third.status == 73 && third.errors.contains("again/forced.h5: ") && third.errors.contains("--overwrite"))
        guard Peers.isAvailable else { return }
        let reading = try JSONDecoder().decode(Reading.self, from: Peers.run("read_forced.py", [folder + "/out"]))
        #expect(reading.names == sources.schema.fields.map(\.name) && reading.ids.first == 900)
        #expect(
          reading.unit == "nJy" && reading.magnitudeUnit == "mag" && reading.documented && reading.text == "star, 4")
        #expect(reading.fluxes == Array(counts.prefix(count)))
        #expect(reading.fitsFluxes == reading.fluxes && reading.csvFluxes == reading.fluxes)
      }
    }

    /// The same positions in every form give the same fluxes.
    @Test func everyKindOfList() throws {
      try inFolder { folder in
        func fluxes(_ list: String, _ more: String...) throws -> [Double] {
          let end = try run(["image.h5", list, "-o", "out", "--overwrite"] + more, in: folder)
          #expect(end.status == 0, "\(list): \(end.errors)")
          return try catalog(folder + "/out/forced.h5").column("base_PsfFlux_instFlux")
        }
        func areClose(_ a: [Double], _ b: [Double]) -> Bool {
          a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-3 || ($0.isNaN && $1.isNaN) }
        }
        let sky = try fluxes("stars.csv", "--fits")
        #expect(try areClose(fluxes("stars.csv", "--pixels"), sky))
        let fromOne = Self.stars.map { "\($0.position.x - 39),\($0.position.y + 31)" }
        try write("x,y\n" + fromOne.joined(separator: "\n") + "\n", folder + "/one.csv")
        #expect(try areClose(fluxes("one.csv", "--fits-pixels"), Array(sky.prefix(Self.stars.count))))
        // Its products are lists: coord_ra, coord_dec.
        _ = try fluxes("stars.csv", "--fits")
        for name in ["forced.h5", "forced.fits"] {
          try FileManager.default.copyItem(atPath: folder + "/out/" + name, toPath: folder + "/" + name)
        }
        #expect(try areClose(fluxes("forced.h5"), sky))
        #expect(try catalog(folder + "/out/forced.h5").column("ref_base_PsfFlux_instFlux", as: Double.self).count == 38)
        // Nothing of a list is lost, however its names are taken.
        #expect(
          try areClose(catalog(folder + "/out/forced.h5").column("ref_ref_base_PsfFlux_instFlux"), sky))
        #expect(try areClose(fluxes("forced.fits", "-c", "forced:keepColumns=[name]"), sky))
        let narrow = try catalog(folder + "/out/forced.h5").schema
        #expect(narrow.contains("name") && !narrow.contains("ref_base_PsfFlux_instFlux"))
        // A catalog's slot, where there is nothing on the sky.
        var schema = try Schema.minimalSource()
        let position = try PointKey(adding: "mine", to: &schema, doc: "position")
        try schema.setSlot(.centroid, to: "mine")
        let id: Key<Int64> = try schema.key("id")
        var given = Catalog(schema, rowCount: Self.stars.count)
        for (row, star) in Self.stars.enumerated() {
          given[id, row] = Int64(row)
          given[position, row] = star.position
        }
        try AtomicFile().publish(try Dataset(given).encode("slot"), to: folder + "/slot.h5")
        #expect(try areClose(fluxes("slot.h5"), Array(sky.prefix(Self.stars.count))))
      }
    }

    /// A FITS image with sky, and with nothing else: its noise and its PSF are measured.
    @Test func anImageAndNothingElse() throws {
      try inFolder { folder in
        let image = try Self.exposure(sky: 250).maskedImage.image
        try AtomicFile().publish(try fitsFile(of: image, unit: "", name: "image"), to: folder + "/image.fits")
        // The file says where its first pixel is.
        let list = Self.stars.map { "\($0.position.x),\($0.position.y)" }
        try write("x,y\n" + list.joined(separator: "\n") + "\n", folder + "/pixels.csv")
        let end = try run(["image.fits", "pixels.csv", "-o", "out", "--zeropoint", "25"], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        let sources = try catalog(folder + "/out/forced.h5")
        #expect(try sources.column("id", as: Int64.self) == Self.stars.indices.map { Int64($0) + 1 })
        // No WCS, no coordinates.
        #expect(try sources.column("coord_ra", as: Angle.self).allSatisfy { $0.degrees.isNaN })
        #expect(try sources.column("base_PsfFlux_mag", as: Double.self)[0] < 25)
        let (fluxes, errors): ([Double], [Double]) = (
          try sources.column("base_PsfFlux_instFlux"), try sources.column("base_PsfFlux_instFluxErr")
        )
        for (row, star) in Self.stars.enumerated() {
          // The PSF is from these stars: good to a percent.
          #expect(abs(fluxes[row] - star.flux) < 4.5 * errors[row] + 0.02 * star.flux, "row \(row)")
          // √(4πσ²) of noise.
          #expect(abs(errors[row] / (Self.noise * (4 * .pi).squareRoot() * Self.sigma) - 1) < 0.1)
        }
        // With the sky left in, that is in the fluxes.
        let kept = try run(
          ["image.fits", "pixels.csv", "-o", "kept", "--keep-sky", "--psf", "\(Self.sigma * 2.3548)"], in: folder)
        #expect(kept.status == 0, "\(kept.errors)")
        let more: [Double] = try catalog(folder + "/kept/forced.h5").column("base_PsfFlux_instFlux")
        // A level of 250 under a PSF of area 4πσ².
        #expect(abs((more[0] - fluxes[0]) / (250 * 4 * .pi * Self.sigma * Self.sigma) - 1) < 0.05)
        // No WCS, and positions on the sky.
        try write("ra,dec\n10,-30\n", folder + "/sky.csv")
        let lost = try run(["image.fits", "sky.csv", "-o", "x"], in: folder)
        #expect(
          lost.status == 65 && lost.errors.contains("sky.csv: ") && lost.errors.contains("image.fits has no WCS"),
          "\(lost.errors)")
      }
    }

    @Test func listsThatHaveNothingHere() throws {
      try inFolder { folder in
        try write("ra,dec,name\n", folder + "/empty.csv")
        let empty = try run(["image.h5", "empty.csv", "-o", "empty"], in: folder)
        #expect(empty.status == 0 && empty.errors.contains("empty.csv: the list is empty"), "\(empty.errors)")
        #expect(empty.output.hasPrefix("sources: 0 at ra, dec; 0 measured"))
        let none = try catalog(folder + "/empty/forced.h5")
        #expect(none.isEmpty && none.schema.contains("name") && none.schema.contains("base_PsfFlux_instFlux"))
        // On the other side of the sky, and far beyond any image.
        try write("ra,dec\n180,31\n10,-31\n", folder + "/far.csv")
        let far = try run(["image.h5", "far.csv", "-o", "far"], in: folder)
        #expect(
          far.status == 0 && far.errors.contains("none of the 2 positions (ra, dec) is on image.h5"), "\(far.errors)")
        try write("id,x,y\n007,50,60\nSN 2024a,90,60\n", folder + "/named.csv")
        let named = try run(["image.h5", "named.csv", "-o", "named"], in: folder)
        #expect(named.status == 0 && named.output.contains("; IDs are names, in ref_id\n"))
        #expect(try catalog(folder + "/named/forced.h5").column("ref_id", as: String.self) == ["007", "SN 2024a"])
        try write("x,y\n1e300,5\n-1e12,1e12\ninf,3\nnan,nan\n50,60\n", folder + "/odd.csv")
        let odd = try run(["image.h5", "odd.csv", "-o", "odd"], in: folder)
        #expect(odd.status == 0 && odd.output.contains("1 measured, 0 flagged, 2 off the image, 2 without a position"))
        let flags: [Bool] = try catalog(folder + "/odd/forced.h5").column("base_PsfFlux_flag")
        #expect(flags == [true, true, true, true, false])
      }
    }

    @Test func badInputIsRefused() throws {
      try inFolder { folder in
        for (name, text) in [
          ("text", "id,ra,dec\n1,10,20\n\n# more\n2,12:30:10,20\n"), ("word", "x,y\n1,2\n3,none\n"),
          ("twice", "id,x,y\n3,1,1\n4,2,2\n3,3,3\n4,4,4\n"), ("gap", "id,x,y\n3,1,1\n,2,2\n"),
          ("named", "id,x,y\na,1,1\nb,2,2\na,3,3\n"), ("dec", "ra,dec\n10,20\n20,95\n"),
          ("bare", "10.5,20.25\n11,12\n"),
          ("blanks", "ra dec\n1 2\n"), ("other", "a,b\n1,2\n"), ("ragged", "x,y\n1,2\n1\n"), ("half", "ra,flux\n1,2\n"),
        ] { try write(text, "\(folder)/\(name).csv") }
        try AtomicFile().publish(
          try Dataset(Exposure(MaskedImage(box: Box2I(width: 40, height: 40)))).encode("blank"),
          to: folder + "/blank.h5")
        for (arguments, status, text) in [
          (["nope.fits", "stars.csv"], 66, "nope.fits"), (["image.h5", "nope.csv"], 66, "nope.csv"),
          (["image.h5", "text.csv"], 65, "text.csv:5: ra is \"12:30:10\"; it must be degrees"),
          (["image.h5", "word.csv"], 65, "word.csv:3: y is \"none\""),
          (["image.h5", "twice.csv"], 65, "3 (line 2, line 4); 4 (line 3, line 5)"),
          (["image.h5", "gap.csv"], 65, "gap.csv:3: it has no id"),
          (["image.h5", "named.csv"], 65, "a (line 2, line 4)"),
          (["image.h5", "dec.csv"], 65, "dec.csv:3: dec is 95.0"),
          (["image.h5", "bare.csv"], 65, "first line must name"),
          (["image.h5", "blanks.csv"], 65, "commas divide"), (["image.h5", "other.csv"], 65, "its columns are a, b"),
          (["image.h5", "ragged.csv"], 65, "ragged.csv:3: 1 values"), (["image.h5", "half.csv"], 65, "half.csv: "),
          (["image.h5", "image.h5"], 65, "a skydiff exposure, not a skydiff catalog"),
          (["stars.csv", "image.h5"], 65, "stars.csv"),
          (["blank.h5", "word.csv"], 65, "word.csv:3"), (["blank.h5", "stars.csv", "--pixels"], 65, "blank.h5"),
          (["image.h5", "stars.csv", "--psf", "900"], 64, "0.1 to 200"),
          (["image.h5", "stars.csv", "--pixels", "--fits-pixels"], 64, "not both"),
          (["image.h5", "stars.csv", "-c", "forced:plugins.names=[base_PsfFlux]"], 78, "base_TransformedCentroid"),
          (["image.h5", "stars.csv", "-c", "forced:keepColumns=[colour]"], 65, "no column colour"),
          (
            ["image.h5", "stars.csv", "-c", "forced:plugins.names=[base_TransformedCentroid, base_GaussianFlux]"], 78,
            "slot_Shape"
          ),
          (["image.h5", "stars.csv", "-c", "forced:plugin.names=[base_PsfFlux]"], 78, "did you mean plugins"),
        ] as [([String], Int32, String)] {
          let end = try run(arguments + ["-o", "x"], in: folder)
          #expect(end.status == status && end.errors.contains(text), "\(arguments): \(end.status) \(end.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder + "/x"))
      }
    }

    /// Two stars whose PSFs overlap: together they are told apart.
    @Test func neighbours() throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        let box = Box2I(width: 90, height: 80)
        var image = noiseImage(box, sigma: Self.noise, seed: 5)
        let (bright, faint) = (Point2D(x: 40.2, y: 40.4), Point2D(x: 45.9, y: 42.1))
        addStar(to: &image, at: bright, sigma: Self.sigma, flux: 9000)
        addStar(to: &image, at: faint, sigma: Self.sigma, flux: 1000)
        var exposure = Exposure(
          try MaskedImage(
            image: image, mask: Mask(box: box), variance: Image(box: box, fill: Float(Self.noise * Self.noise))),
          psf: try KernelPSF(gaussianFwhm: Self.sigma * 2.354820045, averagePosition: box.center))
        var corrections = ApCorrMap()
        corrections["base_PsfFlux_instFlux"] = try SpatialFunction(
          SpatialBasis(.chebyshev(Box2D(box)), order: 0), coefficients: [1.25])
        exposure.apCorrMap = corrections
        try AtomicFile().publish(try Dataset(exposure).encode("pair"), to: folder + "/pair.h5")
        try write("id,x,y\n1,\(bright.x),\(bright.y)\n2,\(faint.x),\(faint.y)\n", folder + "/pair.csv")
        let end = try run(["pair.h5", "pair.csv", "-o", "out", "--keep-sky", "--covariance"], in: folder)
        #expect(end.status == 0 && end.output.hasSuffix("out/covariance.h5\nout/metadata.json\n"), "\(end.errors)")
        let sources = try catalog(folder + "/out/forced.h5")
        let (alone, joint): ([Double], [Double]) = (
          try sources.column("base_PsfFlux_instFlux"), try sources.column("joint_PsfFlux_instFlux")
        )
        let errors: [Double] = try sources.column("joint_PsfFlux_instFluxErr")
        // exp(−d²/4σ²) = 0.11 of the other's flux is in a PSF flux.
        #expect(alone[1] > 1.25 * 1700)
        for (found, (flux, error)) in zip(joint, zip([9000.0, 1000], errors)) {
          #expect(abs(found - 1.25 * flux) < 4 * error, "\(found)")
        }
        let pairs = try catalog(folder + "/out/covariance.h5")
        #expect(try pairs.column("id", as: Int64.self) == [1] && pairs.column("other", as: Int64.self) == [2])
        let correlation: Double = try pairs.column("covariance")[0] / (errors[0] * errors[1])
        // Of two stars whose overlap is r = exp(−d²/4σ²) it is −r.
        let overlap = exp(-(5.7 * 5.7 + 1.7 * 1.7) / (4 * Self.sigma * Self.sigma))
        #expect(abs(correlation + overlap) < 0.01, "\(correlation)")
      }
    }

    @Test func settings() throws {
      let all = try SkydiffProgram.run(["config", "forced"])
      #expect(all.status == 0 && all.output.hasPrefix("forced:\n") && all.output.contains("doReplaceWithNoise: false"))
      try inFolder { folder in
        let end = try run(
          [
            "image.h5", "stars.csv", "-o", "out", "-c", "forced:plugins.names=[base_TransformedCentroid, base_PsfFlux]",
            "-c", "forced:doReplaceWithNoise=true", "-c", "forced:limitSigma=0",
          ], in: folder)
        #expect(end.status == 0, "\(end.errors)")
        let sources = try catalog(folder + "/out/forced.h5")
        #expect(!sources.schema.contains("base_CircularApertureFlux_12_0_instFlux"))
        #expect(!sources.schema.contains("base_PsfFlux_magLimit") && sources.schema.contains("base_PsfFlux_mag"))
        // Footprints of 3σ hold a star's light but for 1 %.
        let found = spread(try pulls(sources))
        #expect(abs(found.deviation - 1) < 0.5, "\(found)")
      }
    }
  }
}
