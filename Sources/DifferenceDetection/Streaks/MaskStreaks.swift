// SPDX-License-Identifier: GPL-3.0-or-later
// Finding streaks.

package import Imaging
internal import SkyGeometry

/// Finds straight streaks, such as satellites leave, and marks them in the mask along the whole line (detection-measurement A.14.2).
///
/// **Model.** Blocks of pixels in units of their noise, held within ±3; sums along short pieces of lines of all directions
/// (``LinePieces``); the line that most pieces lie on (``LineVotes``); the profile fitted to medians of the pixels along it, which stars on
/// the line do not change (``StreakFit``). It is a streak when its median brightness along the whole line is significant beside the scatter
/// along it, so that most of the line has to be bright; when it stands out of both sides; and when it is not narrower than the PSF, as
/// columns of a detector are. Lines are looked for until none is left, then again by longer pieces, and in medians of blocks four times as large.
///
/// The reference finds edges of what is detected on the blocks; a streak there has to reach five standard deviations block by block.
///
/// **Limits.** A PSF-wide streak is found from a peak of some 0.4 times the noise of a pixel on, a wider one from a lower peak. One that covers less
/// than three quarters of its line is not found, nor is one that flashes.
///
/// - Parameters:
///   - image: a difference; the mask gets the plane of the streaks. Its plane `detectedMaskPlane` counts only with `onlyMaskDetected`.
///   - psfSigma: standard deviation of the PSF, px.
///   - binFactor: pixels of a block along an axis; 1 at least.
/// - Returns: the streaks, those with the most pieces first.
/// - Throws: ``Imaging/ImagingError`` for a width that is not positive, or a mask without room for the plane.
@discardableResult
package func maskStreaks(
  in image: inout MaskedImage, psfSigma: Double, binFactor: Int = 4, _ config: MaskStreaksConfig = .init()
) throws(ImagingError) -> [Streak] {
  let found = try findStreaks(in: image, psfSigma: psfSigma, binFactor: binFactor, config)
  try image.updateInPlace { _, mask, _ throws(ImagingError) in
    let pattern = try mask.addPlane(config.streaksMaskPlane)
    let detected = mask.planes.bitMask(ofExisting: [config.detectedMaskPlane])
    let box = mask.box
    for streak in found {
      let halfWidth = min(config.nSigmaMask * streak.sigma, 0.5 * config.maxStreakWidth)
      for y in box.minY..<box.endY {
        guard let columns = streak.line.columns(ofRow: y, within: halfWidth, in: box) else { continue }
        mask.bits.withMutableRow(y) { row in
          for x in columns where !config.onlyMaskDetected || row[x - box.minX] & detected != 0 {
            row[x - box.minX] |= pattern
          }
        }
      }
    }
  }
  return found
}

/// The streaks that ``maskStreaks(in:psfSigma:binFactor:_:)`` marks.
///
/// - Throws: ``Imaging/ImagingError`` for a width that is not positive.
package func findStreaks(
  in image: MaskedImage, psfSigma: Double, binFactor: Int = 4, _ config: MaskStreaksConfig = .init()
) throws(ImagingError) -> [Streak] {
  guard psfSigma > 0, psfSigma < 1000 else {
    throw .invalidParameter("streaks cannot be told from columns with a PSF of \(psfSigma) pixels")
  }
  guard binFactor >= 1, binFactor <= 1000 else {
    throw .invalidParameter("streaks are looked for in blocks of \(binFactor) pixels; it must be 1 to 1000")
  }
  let bad = image.mask.planes.bitMask(ofExisting: config.badMaskPlanes)
  let blocks = BinnedSignificance(image, side: binFactor, bad: bad)
  var found: [StreakFit] = []
  let small = blocks.limited
  // Long pieces show what is fainter, short ones what is near a corner.
  let searches = [
    BlockSearch(small, rowCount: 16, step: 16, leastPart: 0.2, config),
    BlockSearch(small, rowCount: 32, step: 16, leastPart: 0.2, config),
    BlockSearch(blocks.wide, rowCount: 8, step: 4, leastPart: 0.4, config),
  ]
  for search in searches {
    let frame = BlockFrame(search.plane, image.box)
    var pieces = search.pieces.filter { piece in !found.contains { frame.isBeside(piece, $0) } }
    var trials = 0
    while trials < mostTrials, pieces.count >= fewestPieces,
      let votes = LineVotes(pieces, in: frame.blocks, directionError: search.directionError)
    {
      trials += 1
      let start = frame.pixels(votes.line)
      let expected = start.length(in: image.box) / search.pieceDistance
      guard votes.members.count >= fewestPieces, Double(votes.members.count) >= search.leastPart * expected
      else { break }
      let fit = StreakFit(
        image, near: start, startError: 2 * frame.side, psfSigma: psfSigma, bad: bad, config)
      let isNew = fit.isStreak && !found.contains { isSame($0.line, fit.line) }
      if isNew { found.append(fit) }
      let members = Set(votes.members)
      pieces = pieces.indices.filter { !members.contains($0) && !(isNew && frame.isBeside(pieces[$0], fit)) }
        .map { pieces[$0] }
    }
  }
  return found.map(\.streak)
}

/// Pieces of lines of one width.
private struct BlockSearch {
  let plane: BlockPlane
  let pieces: [LinePiece]
  /// How far the direction of a piece may be from that of its line, radians: there are only so many slopes, and noise moves it to others.
  let directionError: Double
  /// From one piece of a line to the next, px.
  let pieceDistance: Double
  /// How much of a line's pieces has to be found: most of the line is bright, but of a faint one not every piece shows.
  let leastPart: Double

  init(_ plane: BlockPlane, rowCount: Int, step: Int, leastPart: Double, _ config: MaskStreaksConfig) {
    (self.plane, self.leastPart) = (plane, leastPart)
    pieces = LinePieces(plane, rowCount: rowCount, step: step, threshold: config.pieceThreshold).pieces
    directionError = 2 / Double(rowCount)
    pieceDistance = Double(plane.side * step)
  }
}

/// Lines that are fitted at most; an image with more has other troubles than satellites.
private let mostTrials = 20
/// Pieces that a line needs.
private let fewestPieces = 3

/// Whether two fits ended on one line.
private func isSame(_ a: ImageLine, _ b: ImageLine) -> Bool {
  let turn = (a.theta - b.theta).remainder(dividingBy: .pi)
  // Beyond half a turn the other sign of rho is the same line.
  let rho = abs(a.theta - b.theta) > 0.5 * .pi ? -b.rho : b.rho
  return abs(turn) < 0.005 && abs(a.rho - rho) < 8
}

/// Where blocks are on the image.
private struct BlockFrame {
  let side: Double
  let blocks: Box2I
  /// From the middle of all blocks to that of all pixels; the last blocks may be smaller.
  private let shift: Point2D

  init(_ plane: BlockPlane, _ image: Box2I) {
    side = Double(plane.side)
    blocks = Box2I(width: plane.width, height: plane.height)
    shift = Point2D(
      x: 0.5 * (side * Double(blocks.width) - Double(image.width)),
      y: 0.5 * (side * Double(blocks.height) - Double(image.height)))
  }

  /// A line of blocks in pixels.
  func pixels(_ line: ImageLine) -> ImageLine {
    ImageLine(
      rho: side * line.rho + shift.x * line.normal.x + shift.y * line.normal.y, theta: line.theta)
  }

  /// Whether a piece belongs to a streak that was found: near its line, or in its wings along it.
  func isBeside(_ piece: LinePiece, _ fit: StreakFit) -> Bool {
    let (line, halfWidth) = (fit.line, fit.maskHalfWidth)
    let x = side * (piece.x - blocks.center.x) + shift.x
    let y = side * (piece.y - blocks.center.y) + shift.y
    let distance = abs(x * line.normal.x + y * line.normal.y - line.rho)
    let isAlong = abs((piece.theta - line.theta).remainder(dividingBy: .pi)) < 0.2
    return distance <= halfWidth + 2 * side || (isAlong && distance <= 3 * halfWidth + 4 * side)
  }
}
