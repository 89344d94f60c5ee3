// SPDX-License-Identifier: GPL-3.0-or-later
// A file as a reference to its exposure.

internal import BackgroundMatching
internal import Foundation
internal import Imaging
internal import Repository
internal import SkyGeometry
internal import TaskFramework

/// A file as a reference to its exposure, which remembers what of it was once read.
final class ExposureFile: ExposureDataRef {
  let path: String
  /// The file's name without its endings: what its products are called.
  let name: String
  private let reader: ExposureReader
  /// Known once it has been read.
  private(set) var digest: FileDigest?
  private(set) var box: Box2I?
  private(set) var wcs: SkyWCS?
  private(set) var photoCalib: PhotoCalib?

  init(_ path: String, _ reader: ExposureReader) {
    self.path = path
    self.reader = reader
    var name = URL(filePath: path).lastPathComponent
    for ending in [".gz", ".fz", ".fits", ".fit", ".h5", ".hdf5"] where name.lowercased().hasSuffix(ending) {
      name = String(name.dropLast(ending.count))
    }
    self.name = name
  }

  var dataID: [String: DimensionValue] { ["file": .name(path)] }

  func datasetExists(_ datasetType: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  func get(_ datasetType: String) throws -> Exposure? {
    guard datasetExists(datasetType) else { return nil }
    let reading = try reader.read(path)
    (digest, box) = (reading.digest, reading.exposure.box)
    (wcs, photoCalib) = (reading.exposure.wcs, reading.exposure.photoCalib)
    return reading.exposure
  }
}

extension ExposureFile {
  /// What speaks against comparing the two pixel by pixel; `nil` when nothing is known that does.
  ///
  /// The same sky may be a tenth of a pixel apart, and calibrations differ by a hundredth.
  func mismatch(with reference: ExposureFile) -> String? {
    guard let box, let otherBox = reference.box else { return nil }
    let common = box.intersection(otherBox)
    if let wcs, let other = reference.wcs, !common.isEmpty {
      let corners = Box2D(common).corners
      let shifts = zip(corners, wcs.skyToPixel(other.pixelToSky(corners))).map { $0.distance(to: $1) }
      if let shift = shifts.max(), !(shift <= 0.1) {
        return
          "\(path): by its WCS the sky of \(reference.path) is up to \(shift.rounded(toDigits: 3)) pixels away; warp it onto one grid first"
      }
    }
    if let photoCalib, let other = reference.photoCalib, abs(photoCalib.mean / other.mean - 1) > 0.01 {
      return
        "\(path): it has \(photoCalib.mean.rounded(toDigits: 5)) nJy a count, \(reference.path) \(other.mean.rounded(toDigits: 5)); "
        + "counts are compared as they are"
    }
    return nil
  }
}

extension Double {
  /// Some significant digits, as text.
  fileprivate func rounded(toDigits digits: Int) -> String { String(format: "%.\(digits)g", self) }
}
