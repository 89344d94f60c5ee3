// SPDX-License-Identifier: GPL-3.0-or-later
// Products that a command is about to write.

internal import Foundation
internal import Repository

/// Products that a command is about to write into a folder.
struct NewProducts {
  let folder: String
  let names: [String]

  var paths: [String] { names.map { "\(folder)/\($0)" } }

  /// Whether they can be written, before anything takes time.
  ///
  /// - Parameter replaces: whether what is there may go.
  /// - Throws: ``Repository/PublishError``.
  func check(replaces: Bool) throws(PublishError) {
    for path in paths {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
      if isFolder.boolValue { throw .cannotCreate(path: path, reason: "it is a directory") }
      if !replaces { throw .cannotCreate(path: path, reason: "it exists; --overwrite replaces it") }
    }
  }

  /// Takes away what an earlier command left under other names: it must not stand beside these.
  func removeOthers(of candidates: [String]) {
    for name in candidates where !names.contains(name) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
  }
}
