// SPDX-License-Identifier: GPL-3.0-or-later
// The maximum of a smoothed image between pixels.

/// The maximum of a smoothed image near the centre of three by three pixels (detection-measurement B.2.1 c to f).
///
/// A parabola through three values places it; the quartic term that a Gaussian has corrects that.
struct SmoothedMaximum {
  struct Axis {
    /// From the central pixel.
    var offset: Double
    var error: Double
    /// The width of the source without the smoothing, squared.
    var tau2: Double
  }

  let x: Axis
  let y: Axis
  /// The value there.
  let peak: Double

  enum Outcome {
    case found(SmoothedMaximum)
    case isFlat
    case isNoMaximum
  }

  static func find(in stamp: SmoothedStamp, sigma: Double, isNegative: Bool) -> Outcome {
    let c = stamp.image
    let center = c[4]
    let (curveX, curveY) = (2 * center - c[3] - c[5], 2 * center - c[1] - c[7])
    let (slopeX, slopeY) = ((c[5] - c[3]) / 2, (c[7] - c[1]) / 2)
    if curveX == 0 || curveY == 0 || curveX.isNaN || curveY.isNaN { return .isFlat }
    if isNegative ? (curveX > 0 || curveY > 0) : (curveX < 0 || curveY < 0) { return .isNoMaximum }
    let (dx0, dy0) = (slopeX / curveX, slopeY / curveY)
    guard abs(dx0) <= 10, abs(dy0) <= 10 else { return .isFlat }
    let peak = center + 0.5 * (slopeX * dx0 + slopeY * dy0)

    var (offsetX, offsetY) = (dx0, dy0)
    var (widthX, widthY) = (peak / curveX, peak / curveY)
    let rows = (0..<3).compactMap { quarticMaximum(c[3 * $0], c[3 * $0 + 1], c[3 * $0 + 2], isNegative: isNegative) }
    let columns = (0..<3).compactMap { quarticMaximum(c[$0], c[$0 + 3], c[$0 + 6], isNegative: isNegative) }
    let isQuartic = rows.count == 3 && columns.count == 3
    if isQuartic {
      let (tiltX, bendX) = (0.5 * (rows[2] - rows[0]), rows[1] - 0.5 * (rows[0] + rows[2]))
      let (tiltY, bendY) = (0.5 * (columns[2] - columns[0]), columns[1] - 0.5 * (columns[0] + columns[2]))
      // Where the ridge of row maxima and that of column maxima cross, in two steps.
      let dx = rows[1] + dy0 * (tiltX - dy0 * bendX)
      let dy = columns[1] + dx0 * (tiltY - dx0 * bendY)
      offsetX = rows[1] + dy * (tiltX - dy * bendX)
      offsetY = columns[1] + dx * (tiltY - dx * bendY)
      widthX -= (1 + 6 * dx0 * dx0) / 4
      widthY -= (1 + 6 * dy0 * dy0) / 4
    }
    let noise = CentroidNoise(peak: peak, quartic: isQuartic ? 1.33 : 0)
    func axis(_ offset: Double, _ width: Double, _ slope: Double, _ curve: Double, _ variances: (Double, Double))
      -> Axis
    {
      let tau2 = max(width - sigma * sigma, sigma * sigma)
      let error = noise.error(slope: slope, curve: curve, ofSlope: variances.0, ofCurve: variances.1)
      return Axis(offset: offset, error: error, tau2: tau2)
    }
    let v = stamp.noise
    return .found(
      SmoothedMaximum(
        x: axis(offsetX, widthX, slopeX, curveX, (v.slopeX, v.curveX)),
        y: axis(offsetY, widthY, slopeY, curveY, (v.slopeY, v.curveY)), peak: peak))
  }
}

/// The maximum of three values with the quartic term of a Gaussian; `nil` when they have none, or it is beyond a pixel.
private func quarticMaximum(_ before: Double, _ center: Double, _ after: Double, isNegative: Bool) -> Double? {
  let (down, up) = (center - before, center - after)
  let curve = isNegative ? -(down + up) : down + up
  guard curve > 0, isNegative ? center < 0 : center > 0 else { return nil }
  let sum = down + up
  let maximum = 0.5 * (after - before) / sum * (1 + 1.33 * down * up / (sum * center))
  return abs(maximum) < 1 ? maximum : nil
}

/// The error of a centroid from the noise of the smoothed image (B.2.1 f).
///
/// With the variances of slope and curvature as they are. (The reference takes them for those of even noise, and adds the central pixel's variance once more as
/// if all of it were the source's own: errors of faint sources are 20 % too large there.)
private struct CentroidNoise {
  let peak: Double
  /// Factor of the quartic term.
  let quartic: Double

  func error(slope: Double, curve: Double, ofSlope: Double, ofCurve: Double) -> Double {
    let tiny = Double(Float.leastNormalMagnitude)
    guard abs(peak) >= tiny, abs(curve) >= tiny else { return 1000 }
    let ratio = slope / curve
    let bySlope = 1 / curve + quartic / (4 * peak) * (1 - 12 * ratio * ratio)
    // The derivative of the position by the curvature; the reference has 8 s²/d³ for 8 s³/d³, which is of another unit.
    let byCurve = ratio / curve - quartic / (4 * peak) * 8 * ratio * ratio * ratio
    let variance = ofSlope * bySlope * bySlope + ofCurve * byCurve * byCurve
    return variance >= 0 ? variance.squareRoot() : .nan
  }
}
