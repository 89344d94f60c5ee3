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
    return reading.exposure
  }
}
