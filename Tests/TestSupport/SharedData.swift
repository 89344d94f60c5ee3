// SPDX-License-Identifier: GPL-3.0-or-later
// Reference data beside the checkout.

package import Foundation

/// Reference data that developers have beside the checkout and users have not; tests that need it say so and are skipped.
package enum SharedData {
  /// The top of the checkout.
  package static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// `SKYDIFF_SHARED`, or the folder `shared` beside the checkout.
  package static let root: URL =
    ProcessInfo.processInfo.environment["SKYDIFF_SHARED"].map { URL(filePath: $0) }
    ?? packageRoot.deletingLastPathComponent().appending(path: "shared")

  package static func url(_ path: String) -> URL { root.appending(path: path) }

  package static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: url(path).path) }
}
