// SPDX-License-Identifier: GPL-3.0-or-later
// One file that reaches all products.

internal import Foundation
internal import HDF5
internal import Repository

/// `index.h5`: a group for each dataset type, in it a link to each dataset's file, so that
/// `h5py.File("index.h5")["deepCoadd/deepCoadd-tract0-patch3-bandr"]` opens it.
enum RunIndex {
  static let name = "index.h5"

  /// - Parameter paths: of products, relative to the run.
  /// - Throws: ``HDF5/HDF5Error``, ``Repository/PublishError``.
  static func write(_ paths: some Sequence<String>, to folder: String, files: AtomicFile = AtomicFile()) throws {
    let file = "\(folder)/\(name)"
    var groups: [String: [(name: String, path: String)]] = [:]
    // What only other tasks needed is gone by now.
    for path in paths.sorted() where FileManager.default.fileExists(atPath: "\(folder)/\(path)") {
      guard let type = path.split(separator: "/").first, let last = path.split(separator: "/").last else { continue }
      groups[String(type), default: []].append((String(last.dropLast(last.hasSuffix(".h5") ? 3 : 0)), path))
    }
    let bytes = try HDF5File.encode(file) { root in
      try root.setAttribute("format", "skydiff run index")
      try root.setAttribute("format_version", 1)
      for (type, links) in groups.sorted(by: { $0.key < $1.key }) {
        let group = try root.makeGroup(type)
        for link in links { try group.linkFile(link.name, path: link.path) }
      }
    }
    try files.publish(bytes, to: file)
  }
}
