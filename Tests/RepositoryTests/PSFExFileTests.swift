// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import Repository
import SkyGeometry
import TestSupport
import Testing

@Suite(.enabled(if: Peers.isAvailable, "needs the Python environment of `make test`"), .serialized)
struct PSFExFileTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-psfex-\(UUID().uuidString)")
  private var file: URL { folder.appending(path: "model.psf") }

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Peers.run("make_psfex.py", [file.path])
  }

  @Test func modelIsTheGaussianItWasMadeOf() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = try PSFExModel(psfexFile: file.path)
    #expect(model.degree == 2 && model.sampling == 0.5 && model.fwhm == 3.53)
    #expect(model.averagePosition == Point2D(x: 1024, y: 512))
    for x in [24.0, 1024, 1524] {
      let sigma = 1.5 + 0.05 * (x - 1024) / 1000
      for offset in [(0.0, 0.0), (0.3, -0.45)] {
        let center = Point2D(x: x + offset.0, y: 300 + offset.1)
        let image = try model.image(at: center)
        #expect(abs(image.sum - 1) < 1e-12)
        for y in image.box.minY..<image.box.endY {
          for x in image.box.minX..<image.box.endX {
            let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
            let expected = exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)) / (2 * .pi * sigma * sigma)
            // Lanczos-4 on samples of σ = 3: its gain is within 0.2 %; the Taylor series leaves out the third order.
            #expect(abs(image[x, y] - expected) < 3e-4)
          }
        }
      }
    }
    let kernel = try model.kernelImage(at: Point2D(x: 1024, y: 512))
    #expect(kernel.box == Box2I(minX: -10, minY: -10, width: 21, height: 21))
  }

  @Test func truncatedAndDamagedFilesAreTypedErrors() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let whole = try Data(contentsOf: file)
    let damaged = folder.appending(path: "damaged.psf")
    for part in [0, 1, 79, 2879, 2880, 2881, 5760, 8640, whole.count / 2, whole.count - 2880] {
      try whole.prefix(part).write(to: damaged)
      #expect(throws: FITSError.self, "\(part) of \(whole.count) bytes") { try PSFExModel(psfexFile: damaged.path) }
    }
    var random = SeededRandom(5)
    var refused = 0
    for _ in 0..<300 {
      var bytes = whole
      for _ in 0..<3 { bytes[2880 + Int(random.next() % 5760)] = UInt8(random.next() % 128) }
      try bytes.write(to: damaged)
      do { _ = try PSFExModel(psfexFile: damaged.path) } catch { refused += 1 }
    }
    #expect(refused > 0)
  }

  @Test func errorsNameFileAndPart() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    func changed(_ from: String, _ to: String) throws -> String {
      var bytes = try Data(contentsOf: file)
      let range = try #require(bytes.range(of: Data(from.utf8)))
      bytes.replaceSubrange(range, with: Data(to.utf8))
      let path = folder.appending(path: "changed.psf").path
      try bytes.write(to: URL(filePath: path))
      return path
    }
    func message(_ path: String) -> String {
      do {
        _ = try PSFExModel(psfexFile: path)
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(message("/nowhere/model.psf").hasPrefix("/nowhere/model.psf: cannot be read: "))
    #expect(message(folder.path).contains("it is a directory"))
    let renamed = try changed("PSF_DATA", "PSF_DATB")
    #expect(message(renamed) == "\(renamed): has no binary table PSF_DATA")
    let column = try changed("PSF_MASK", "PSF_MASQ")
    #expect(message(column).hasSuffix("has no column PSF_MASK"))
    let quantity = try changed("'X_IMAGE '", "'MAG_AUTO'")
    #expect(message(quantity).contains("POLNAME1: the model depends on \"MAG_AUTO\""))
    let size = try changed("PSFAXIS1=                   41", "PSFAXIS1=           2000000000")
    #expect(message(size).contains("PSFAXIS1: it is 2000000000.0, not a whole number from 1 to 4096"))
    let other = try changed("PSFAXIS1=                   41", "PSFAXIS1=                   43")
    #expect(message(other).contains("column PSF_MASK: it has 1 rows of 10086 numbers, expected 10578"))
    let scale = try changed("POLSCAL1=               1000.0", "POLSCAL1=                  0.0")
    #expect(message(scale).contains("scale is not usable"))
    // An extended file name is a file's name here, and runs nothing.
    #expect(message(file.path + "[1]").contains("cannot be read"))
  }
}
