// SPDX-License-Identifier: GPL-3.0-or-later
// The sky that is left in a difference.

internal import Imaging
internal import SingleFrame
internal import SkyGeometry
internal import TaskFramework

extension AlardLuptonSubtractTask {
  /// Takes off what is left of the sky.
  ///
  /// The background of the fit is a polynomial that knows the surroundings of some stars; this one knows all pixels without a source. Its structure counts for the part of it that is not the noise of its cells, so
  /// where nothing is left next to nothing is taken off.
  ///
  /// - Returns: what was taken off; `nil` when nothing was to be.
  func residualBackground(of difference: inout Exposure) throws -> Image<Float>? {
    guard config.doSubtractResidualBackground else { return nil }
    return try timer("residualBackground") { () throws in
      let sky = try SkyModel(of: difference.maskedImage, config.residualBackground)
      guard let (level, part) = sky.structure else { return nil }
      let taken = sky.image.map { Float(level + part * (Double($0) - level)) }
      try difference.maskedImage.add(taken, times: -1)
      try metadata.set("residualBackgroundLevel", level)
      try metadata.set("residualBackgroundPart", part)
      return taken
    }
  }
}

extension SkyModel {
  /// The mean, and what part of the variance about it is not the noise of a mesh's cells.
  fileprivate var structure: (level: Double, part: Double)? {
    let count = Double(image.box.area)
    guard mesh != .none, count > 0 else { return nil }
    let level = image.sum / count
    let variance = image.pixels.reduce(0) { $0 + (Double($1) - level) * (Double($1) - level) } / count
    guard level.isFinite, variance.isFinite else { return nil }
    guard case .spline(let side) = mesh else { return (level, 1) }
    // A median scatters by π/2 more than a mean.
    let noise = 0.5 * Double.pi * scatter * scatter / (Double(side * side) * max(0.1, skyFraction))
    return (level, variance > noise ? 1 - noise / variance : 0)
  }
}

extension Image<Float>? {
  /// Of two backgrounds over the same box, either of which may be none.
  func sum(_ other: Image<Float>?) throws(ImagingError) -> Image<Float>? {
    guard let self, let other else { return self ?? other }
    return Image(box: self.box) { x, y in self[x, y] + other[x, y] }
  }
}
