// SPDX-License-Identifier: GPL-3.0-or-later
// From exposures to a coadd: ten visits of one patch, files in between as in a run.

import BackgroundMatching
import Coaddition
import Foundation
import Imaging
import Repository
import SkyGeometry
import TaskFramework

/// Measures warps, the comparison of their backgrounds, and their coadd.
struct CoaddStages {
  let side: Int
  let scene: MaskedImage
  private static let visitCount = 10

  /// The beginnings of the operations' names.
  static let names = ["warp a visit", "compare backgrounds", "match a tract", "coadd"]

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    guard Self.names.contains(where: isWanted) else { return [] }
    let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-benchmark-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let patch = try tractWCS()
    var results: [Measurement] = []
    func add(_ measurement: Measurement, pixels: Int) {
      var result = measurement
      result.rate = result.seconds / Double(pixels) * 1e9
      result.unit = "ns/px"
      results.append(result)
    }

    let task = try MakeWarpTask()
    let box = scene.box
    let pixels = box.area
    func path(_ visit: Int) -> String { "\(folder)/\(visit).h5" }
    add(
      try measure("warp a visit, with its file", side: side, runs: 3) {
        try write(task, 0, patch, path(0))
      }, pixels: pixels)
    for visit in 1..<Self.visitCount { try write(task, visit, patch, path(visit)) }

    let grid = try TractGrid(tract: box, binSize: 128)
    let binning = try BinWarpsTask()
    func compare() throws -> [WarpBin] {
      try binning.run(
        (0..<Self.visitCount).map { visit in
          WarpToBin(visit: Int64(visit)) { _ in try readRows(box.minY..<box.endY, ofExposure: path(visit)) }
        }, grid: grid, part: box, memory: 1 << 30)
    }
    let bins = try compare()
    if isWanted(Self.names[1]) {
      add(
        try measure("compare backgrounds of \(Self.visitCount) warps", side: side, runs: 1) { keep(try compare()) },
        pixels: pixels * Self.visitCount)
    }
    let matching = try MatchBackgroundsTask()
    let solution = try matching.runTract(TractBins(grid: grid, patches: [bins]))
    if isWanted(Self.names[2]) {
      results.append(
        try measure("match a tract of \(bins.count) bins", side: side, runs: 3) {
          keep(try matching.runTract(TractBins(grid: grid, patches: [bins])))
        })
    }
    if isWanted(Self.names[3]) {
      let assembly = try AssembleCoaddTask()
      let warps = try solution.models.enumerated().map { visit, model in
        let header = try ExposureHeader(ofExposure: path(visit))
        return WarpedVisit(
          visit: Int64(visit), psf: header.psf as? CoaddPSF, meanVariance: 100, planes: header.planes,
          background: model.background.map { BackgroundModel($0) }
        ) { rows in try readRows(rows, ofExposure: path(visit)) }
      }
      add(
        try measure("coadd of \(Self.visitCount) warps, read in strips", side: side, runs: 1) {
          keep(
            try assembly.run(
              warps, [CoaddSelection(name: "coadd", members: Array(warps.indices))], box: box, wcs: patch, band: "r",
              memory: 1 << 28))
        }, pixels: pixels * Self.visitCount)
    }
    return results
  }

  private func write(_ task: MakeWarpTask, _ visit: Int, _ patch: SkyWCS, _ path: String) throws {
    let exposure = try exposure(visit)
    let warp = try task.run([WarpInput(detector: 0) { exposure }], wcs: patch, box: scene.box)
    try AtomicFile().publish(try Dataset(warp).encode(path), to: path)
  }

  private var middle: Point2D { Point2D(x: Double(side) / 2, y: Double(side) / 2) }
  private static let scale = 0.2 / 3600

  private func tractWCS() throws -> SkyWCS {
    try SkyWCS(
      referencePixel: middle, reference: SpherePoint(raDegrees: 150, decDegrees: 2),
      cd: AffineTransform(xx: -Self.scale, xy: 0, yx: 0, yy: Self.scale))
  }

  /// The scene, turned a little from visit to visit.
  private func exposure(_ visit: Int) throws -> Exposure {
    let angle = 0.01 * Double(visit)
    return Exposure(
      scene, psf: try KernelPSF(gaussianFwhm: 4, averagePosition: middle),
      wcs: try SkyWCS(
        referencePixel: Point2D(x: middle.x + 7.3 * Double(visit), y: middle.y),
        reference: SpherePoint(raDegrees: 150, decDegrees: 2),
        cd: AffineTransform(
          xx: -Self.scale * cos(angle), xy: Self.scale * sin(angle), yx: Self.scale * sin(angle),
          yy: Self.scale * cos(angle))),
      photoCalib: try PhotoCalib(zeroPoint: 31.4))
  }
}
