// SPDX-License-Identifier: GPL-3.0-or-later
// Outputs of the reference system.

import Foundation

/// An HDF5 file of `shared/golden`, unpacked by h5py into numpy files.
package struct GoldenFile {
  private let folder: URL

  package init(_ name: String) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-golden-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Peers.run("golden_to_npy.py", [SharedData.url("golden/\(name)").path, folder.path])
  }

  package subscript(dataset: String) -> NPYArray {
    get throws { try NPYArray(contentsOf: folder.appending(path: dataset + ".npy")) }
  }

  package func has(_ dataset: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.appending(path: dataset + ".npy").path)
  }

  package func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Whether golden data and the environment that reads it are here.
  package static func isAvailable(_ name: String) -> Bool { Peers.isAvailable && SharedData.has("golden/\(name)") }
}
