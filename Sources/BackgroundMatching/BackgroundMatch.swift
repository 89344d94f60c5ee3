// SPDX-License-Identifier: GPL-3.0-or-later
// What comes of matching backgrounds.

package import Imaging

/// The background model of one exposure, and how good it is.
package struct BackgroundMatch: Hashable, Sendable {
  /// Reference minus exposure, smooth: what was added to the exposure.
  package let backgroundModel: BackgroundModel
  /// The root of the mean square of cell minus model over the cells of `binSize` pixels, counts.
  package let fitRMS: Double
  /// The mean of (reference - matched exposure)² over the usable pixels, counts²; near ``diffImVar`` when the match is good.
  package let matchedMSE: Double
  /// The clipped mean of the difference's variance plane, counts².
  package let diffImVar: Double
  /// The part of the exposure's usable pixels that the reference has too.
  package let overlapFraction: Double
  /// The part of the pixels where the model goes on beyond the outermost cells with data.
  package let extrapolatedFraction: Double

  /// ``matchedMSE`` by ``diffImVar``: 1 for a good match and a right variance plane.
  package var mseVarianceRatio: Double { matchedMSE / diffImVar }
}

/// What came of one exposure of a list.
package struct BackgroundInfo: Hashable, Sendable {
  /// Why an exposure could not be matched.
  package struct Failure: Hashable, Sendable {
    /// `ValueError`, `RuntimeError` and so on.
    package let category: String
    package let message: String
  }

  /// Whether this is the reference; everything else is then `nil`.
  package let isReference: Bool
  /// `nil` for the reference, and where the match failed.
  package let match: BackgroundMatch?
  /// `nil` for all but what failed.
  package let failure: Failure?

  static let reference = BackgroundInfo(isReference: true, match: nil, failure: nil)

  /// What to add to the exposure.
  package var backgroundModel: BackgroundModel? { match?.backgroundModel }
  package var fitRMS: Double? { match?.fitRMS }
  package var matchedMSE: Double? { match?.matchedMSE }
  package var diffImVar: Double? { match?.diffImVar }
}

/// What came of a list of exposures.
package struct MatchBackgroundsResult: Hashable, Sendable {
  /// One an exposure, in the order of the list.
  package let backgroundInfoList: [BackgroundInfo]
}
