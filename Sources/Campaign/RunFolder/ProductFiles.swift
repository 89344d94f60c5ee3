// SPDX-License-Identifier: GPL-3.0-or-later
// Whether products are what was recorded of them.

internal import Foundation
internal import Repository

/// Whether products are what was recorded of them; each file is looked at once.
struct ProductFiles {
  private let repository: String
  private var known: [String: Bool] = [:]
  /// What is wrong with files that should be there.
  private(set) var damaged: [String] = []

  init(_ repository: String) { self.repository = repository }

  /// Compares a file with its record.
  ///
  /// One that nobody has touched since it was written is not read.
  ///
  /// - Parameter mustBeThere: whether it is worth a word when it is not.
  mutating func isSound(
    run: String, _ path: String, _ digest: FileDigest, _ stamp: FileStamp?, mustBeThere: Bool
  ) -> Bool {
    let full = "\(repository)/runs/\(run)/\(path)"
    if let known = known[full] { return known }
    var problem: String?
    if let now = FileStamp(of: full) {
      if now != stamp || now.size != Int64(digest.size) {
        do throws(ReadError) {
          _ = try readFile(full, expecting: digest)
        } catch {
          problem = "\(error)"
        }
      }
    } else {
      problem = "\(full): it is gone"
    }
    if let problem, mustBeThere { damaged.append(problem) }
    known[full] = problem == nil
    return problem == nil
  }
}
