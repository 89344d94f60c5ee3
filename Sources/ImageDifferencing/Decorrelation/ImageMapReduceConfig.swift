// SPDX-License-Identifier: GPL-3.0-or-later
// How an image is divided into overlapping cells.

package import TaskFramework

/// How cells are placed whose grid does not fit the image.
package enum GridAdjustment: String, ConfigChoice {
  /// As many as fit, evenly spaced; the step is not the configured one.
  case spacing
  /// Steps as configured, and cells as large as they are.
  case size
  /// Steps as configured.
  case none
}

/// What becomes of pixels that several cells have.
package enum ReduceOperation: String, ConfigChoice {
  case copy
  case average
}

/// What becomes of the cells.
package struct ImageReducerConfig: Config {
  package var reduceOperation = ReduceOperation.average
  package var badMaskPlanes = ["INVALID_MAPREDUCE", "BAD", "NO_DATA"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("reduceOperation", \.reduceOperation, doc: "what becomes of pixels that several cells have"),
    .field("badMaskPlanes", \.badMaskPlanes, count: 0...32, doc: "planes that pixels without a value get"),
  ]
}

/// How an image is divided into overlapping cells; names as in LSST, defaults as its decorrelation has them (differencing B7.1, B8.1).
package struct ImageMapReduceConfig: Config {
  package var cellSizeX = 41.0
  package var cellSizeY = 41.0
  package var gridStepX = 40.0
  package var gridStepY = 40.0
  package var borderSizeX = 8.0
  package var borderSizeY = 8.0
  package var adjustGridOption = GridAdjustment.spacing
  package var scaleByFwhm = true
  package var ignoreMaskPlanes = DecorrelateALKernelConfig.ignoredPlanes
  package var reducer = ImageReducerConfig()

  package init() {}

  package static let fields: [ConfigField<Self>] =
    [
      ("cellSizeX", \Self.cellSizeX, "width of a cell"), ("cellSizeY", \.cellSizeY, "height of a cell"),
      (
        "gridStepX", \.gridStepX,
        "columns from one cell to the next; with adjustGridOption spacing it follows from the width"
      ),
      ("gridStepY", \.gridStepY, "the same of rows"),
      ("borderSizeX", \.borderSizeX, "what is computed beside a cell and not kept"),
      ("borderSizeY", \.borderSizeY, "the same above and below"),
    ].map { .field($0, $1, in: 0...1e5, doc: $2 + ", in units of the PSF's FWHM or pixels") } + [
      .field("adjustGridOption", \.adjustGridOption, doc: "how cells are placed whose grid does not fit the image"),
      .field("scaleByFwhm", \.scaleByFwhm, doc: "lengths are in units of the PSF's FWHM, not in pixels"),
      .field("ignoreMaskPlanes", \.ignoreMaskPlanes, count: 0...32, doc: "accepted, no effect"),
      .config("reducer", \.reducer, doc: "what becomes of the cells"),
    ]
}
