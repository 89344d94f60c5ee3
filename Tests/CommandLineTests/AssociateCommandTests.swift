// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff associate

import Catalogs
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  /// `skydiff associate` on files.
  @Suite(.serialized) struct AssociateCommandTests {
    private static let products = [
      "associated.h5", "associated.fits", "associated.csv", "unassociated.h5", "unassociated.fits", "unassociated.csv",
      "sources.h5", "sources.fits", "sources.csv", "metadata.json",
    ]

    /// 400 pixels of 0.25″ about right ascension 0.
    private static func exposure(mjd: Double? = 60_000.25) throws -> Exposure {
      let box = Box2I(width: 400, height: 400)
      var visit = VisitInfo()
      visit.mjdTAI = mjd
      return Exposure(
        MaskedImage(box: box),
        wcs: try SkyWCS(
          referencePixel: Point2D(x: 200, y: 200), reference: SpherePoint(raDegrees: 0, decDegrees: 20),
          cd: AffineTransform(xx: -0.25 / 3600, yy: 0.25 / 3600)),
        photoCalib: try PhotoCalib(zeroPoint: 30), visitInfo: visit, filter: FilterLabel(band: "r"))
    }

    /// Three objects, one of them not seen, one elsewhere; SkyBoT's names.
    private static let objects = """
      # of a night
      Num,Name,ra,decl,ssObjectId,Err(arcsec),Mv,dRA(arcsec/h),dDEC(arcsec/h)
      1,Ceres,359.999950,20.001,101,0.1,7.5,36,12
      2,Pallas,0.01,20.01,102,0.1,8.5,-36,12
      3,Juno,0.005,19.995,103,0.2,9.5,30,0
      4,Vesta,90,20,104,0.1,6.5,30,0
      """
    /// The first object's source is across right ascension 0.
    private static let sources = """
      id,ra,dec,psfFlux,note
      7,0.00005,20.001,1000,first
      8,0.0050402,19.9950,2000,third
      9,0.008,19.99,3000,none
      """

    private func inFolder(mjd: Double? = 60_000.25, _ body: (String) throws -> Void) throws {
      try SkydiffProgram.inTemporaryFolder { folder in
        try AtomicFile().publish(
          try Dataset(Self.exposure(mjd: mjd)).encode("difference"), to: "\(folder)/difference.h5")
        try write(Self.objects, folder + "/objects.csv")
        try write(Self.sources, folder + "/sources.csv")
        try body(folder)
      }
    }

    private func write(_ text: String, _ path: String) throws {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func run(_ arguments: [String], in folder: String) throws -> SkydiffProgram.Result {
      try SkydiffProgram.run(["associate"] + arguments, in: folder)
    }

    private func catalog(_ path: String) throws -> Catalog {
      try Dataset<Catalog>(decoding: try readFile(path), name: path).content
    }

    @Test func sourcesAndObjectsOfLists() throws {
      try inFolder { folder in
        let end = try run(
          ["difference.h5", "sources.csv", "objects.csv", "--output", "known", "--fits", "--csv", "--band", "r"],
          in: folder)
        #expect(end.status == 0 && end.errors.isEmpty, "\(end.errors)")
        let lines = end.output.split(separator: "\n").map(String.init)
        #expect(
          lines == ["objects: 3 of 4 expected (positions); 2 associated with one of 3 sources, 1 not"]
            + Self.products.map { "known/" + $0 })
        let associated = try catalog("\(folder)/known/associated.h5")
        #expect(try associated.column("id", as: Int64.self) == [7, 8])
        #expect(try associated.column("ssObjectId", as: Int64.self) == [101, 103])
        #expect(try associated.column("designation", as: String.self) == ["Ceres", "Juno"])
        let offset = try associated.column("ephOffset", as: Double.self)
        #expect(abs(offset[0] - 0.0001 * 3600 * cos(20.001 * Double.pi / 180)) < 1e-6)
        // 36″ an hour east and 12″ north: an offset east is 3/√10 of it along the track.
        let along = try associated.column("ephOffsetAlongTrack", as: Double.self)
        #expect(abs(along[0] - offset[0] * 3 / 10.0.squareRoot()) < 1e-9)
        #expect(try catalog("\(folder)/known/unassociated.h5").column("Name", as: String.self) == ["Pallas"])
        let sources = try catalog("\(folder)/known/sources.h5")
        #expect(try sources.column("ssObjectId", as: Int64.self) == [101, 103, 0])
        #expect(try sources.column("note", as: String.self) == ["first", "third", "none"])
        let metadata = try String(contentsOfFile: "\(folder)/known/metadata.json", encoding: .utf8)
        #expect(metadata.contains("\"nExpectedSsObjects\": 3"))
      }
    }

    /// The same from tables that other programs wrote, and what was written in their eyes.
    @Test(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"))
    func tablesOfOtherPrograms() throws {
      try inFolder { folder in
        _ = try Peers.run("association_tables.py", ["write", folder])
        #expect(try run(["difference.h5", "sources.csv", "objects.csv", "-o", "csv"], in: folder).status == 0)
        let expected = try readFile("\(folder)/csv/associated.csv".replacing(".csv", with: ".h5"))
        let first = try catalog("\(folder)/csv/associated.h5")
        #expect(!expected.isEmpty && first.rowCount == 2)
        for name in ["objects.fits", "objects_astropy.h5", "objects_h5py.h5"] {
          let end = try run(
            ["difference.h5", "sources.csv", name, "-o", name + ".known", "--fits"], in: folder)
          #expect(end.status == 0 && end.errors.isEmpty, "\(name): \(end.errors)")
          let own = try catalog("\(folder)/\(name).known/associated.h5")
          for column in ["ssObjectId", "id"] {
            #expect(try own.column(column, as: Int64.self) == first.column(column, as: Int64.self), "\(name)")
          }
          #expect(
            try own.column("ephOffsetAlongTrack", as: Double.self)
              == first.column("ephOffsetAlongTrack", as: Double.self))
        }
        let answer = try Peers.run("association_tables.py", ["read", folder])
        #expect(String(decoding: answer, as: UTF8.self).contains("[101, 103] [0.338"))
      }
    }

    @Test func whatIsWrongIsSaid() throws {
      try inFolder { folder in
        func expect(
          _ arguments: [String], says words: String..., sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
          let end = try run(arguments + ["--output", "out"], in: folder)
          #expect(end.status != 0, "\(arguments)", sourceLocation: sourceLocation)
          for word in words { #expect(end.errors.contains(word), "\(end.errors)", sourceLocation: sourceLocation) }
          #expect(!end.errors.contains("Fatal error"), sourceLocation: sourceLocation)
          #expect(
            !FileManager.default.fileExists(atPath: "\(folder)/out"), "\(arguments)", sourceLocation: sourceLocation)
        }
        let good = ["difference.h5", "sources.csv", "objects.csv"]
        try expect(good + ["--band", "g"], says: "difference.h5", "band")
        try expect(["difference.h5", "sources.csv", "nothing.csv"], says: "nothing.csv")
        try expect(["sources.csv", "sources.csv", "objects.csv"], says: "sources.csv")
        try expect(good + ["--mjd", "2460000.5"], says: "MJD")
        try expect(
          good + ["-c", "ssSingleFrameAssociation:solarSystemAssociator.maxDistArcSeconds=0"], says: "maxDist")
        try expect(good + ["-c", "ssSingleFrameAssociation:solarSystemAssociator.assignment=best"], says: "optimal")
        try write(Self.objects + "\n5,Twice,0,20,101,0.1,9,0,0", folder + "/twice.csv")
        try expect(["difference.h5", "sources.csv", "twice.csv"], says: "twice.csv", "101 (rows 1, 5)")
        try write("id,x,y\n1,2,3\n", folder + "/pixels.csv")
        try expect(["difference.h5", "pixels.csv", "objects.csv"], says: "pixels.csv", "ra")
        try write("ObjID,ra,dec\nCeres,0,20\n", folder + "/names.csv")
        try expect(["difference.h5", "sources.csv", "names.csv"], says: "names.csv", "Ceres", "ssObjectId")
        try write("ssObjectId,ra,dec\n1,0h30m,20\n", folder + "/hours.csv")
        try expect(["difference.h5", "sources.csv", "hours.csv"], says: "hours.csv", "ra")
        try write("ssObjectId,ra,dec,mjdTAI\n1,0,20,60001\n", folder + "/late.csv")
        try expect(["difference.h5", "sources.csv", "late.csv"], says: "late.csv", "60001", "doExtrapolate")
        try write("ssObjectId,ra,dec,Err\n1,0,20,-3\n", folder + "/error.csv")
        try expect(["difference.h5", "sources.csv", "error.csv"], says: "error.csv", "row 1")
        try "\u{89}HDF\r\n\u{1A}\n no".write(toFile: folder + "/broken.h5", atomically: true, encoding: .isoLatin1)
        try expect(["difference.h5", "sources.csv", "broken.h5"], says: "broken.h5")
      }
      try inFolder(mjd: nil) { folder in
        let arguments = ["difference.h5", "sources.csv", "objects.csv", "--output", "out"]
        let end = try run(arguments, in: folder)
        #expect(end.status != 0 && end.errors.contains("--mjd"), "\(end.errors)")
        #expect(try run(arguments + ["--mjd", "60000.25"], in: folder).status == 0)
        // What is there stays.
        let again = try run(arguments + ["--mjd", "60000.25"], in: folder)
        #expect(again.status != 0 && again.errors.contains("--overwrite"))
        let before = try readFile("\(folder)/out/associated.h5")
        #expect(try run(arguments + ["--mjd", "60000.25", "--overwrite"], in: folder).status == 0)
        #expect(try readFile("\(folder)/out/associated.h5") == before)
      }
    }

    @Test func aTableOfElsewhereIsAWarning() throws {
      try inFolder { folder in
        try write("ssObjectId,ra,dec\n1,180,20\n", folder + "/far.csv")
        let end = try run(["difference.h5", "sources.csv", "far.csv", "--output", "out"], in: folder)
        #expect(end.status == 0 && end.errors.contains("far.csv"), "\(end.errors)")
        #expect(try catalog("\(folder)/out/associated.h5").isEmpty)
      }
    }
  }
}
