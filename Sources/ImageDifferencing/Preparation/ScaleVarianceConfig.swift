// SPDX-License-Identifier: GPL-3.0-or-later
// How a variance plane is checked against the pixels.

package import TaskFramework

/// How a variance plane is brought in line with the scatter of the pixels.
package struct ScaleVarianceConfig: Config {
  package var binSize = 32
  package var maskPlanes = ["DETECTED", "DETECTED_NEGATIVE", "BAD", "SAT", "NO_DATA", "INTRP"]
  package var limit = 10.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("binSize", \.binSize, in: 4...10_000, doc: "cells of the background that is taken off first, pixels"),
    .field(
      "maskPlanes", \.maskPlanes, count: 0...32,
      doc: "pixels that do not count; planes that an image does not have are ignored"),
    .field("limit", \.limit, in: 1...1e6, doc: "largest factor; beyond it something else is wrong"),
  ]
}
