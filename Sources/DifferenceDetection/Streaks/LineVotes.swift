// SPDX-License-Identifier: GPL-3.0-or-later
// The line that most pieces lie on.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The line that most pieces of lines lie on: a Hough transform in which each votes only for lines near its own direction.
struct LineVotes {
  /// In blocks, about the centre of all blocks.
  let line: ImageLine
  /// Which pieces lie on it.
  let members: [Int]

  /// How far the middle of a piece may be from the line, blocks.
  private static let distance = 2.0

  /// - Parameters:
  ///   - box: of the blocks, from 0 on.
  ///   - directionError: how far the direction of a piece may be from that of the line, radians.
  /// - Returns: `nil` without pieces.
  init?(_ pieces: [LinePiece], in box: Box2I, directionError: Double) {
    guard !pieces.isEmpty, !box.isEmpty else { return nil }
    let (width, height) = (Double(box.width), Double(box.height))
    // Also for the middles of pieces that begin on the image and end beside it.
    let reach = (0.25 * (width * width + height * height)).squareRoot() + 16
    guard let lineCount = Box2I.pixelIndex(2 * reach), let angleCount = Box2I.pixelIndex(.pi * reach),
      let spread = Box2I.pixelIndex(directionError * reach)
    else { return nil }
    // The ends of lines in neighbouring directions are about a block apart.
    let step = Double.pi / Double(angleCount)
    let normals = (0..<angleCount).map { SIMD2(cos(Double($0) * step), sin(Double($0) * step)) }
    var votes = [UInt16](repeating: 0, count: angleCount * (lineCount + 3))
    let center = box.center
    for piece in pieces {
      let (x, y) = (piece.x - center.x, piece.y - center.y)
      guard let own = Box2I.pixelIndex(piece.theta / step) else { continue }
      for offset in -spread...spread {
        var direction = own + offset
        var sign = 1.0
        if direction < 0 { (direction, sign) = (direction + angleCount, -1) }
        if direction >= angleCount { (direction, sign) = (direction - angleCount, -1) }
        guard direction >= 0, direction < angleCount else { continue }
        let rho = sign * (x * normals[direction].x + y * normals[direction].y)
        guard let place = Box2I.pixelIndex(rho + reach), place >= 0, place < lineCount + 3 else { continue }
        for near in max(place - 1, 0)...min(place + 1, lineCount + 2) {
          votes[direction * (lineCount + 3) + near] &+= 1
        }
      }
    }
    var (most, best) = (UInt16(0), 0)
    for i in votes.indices where votes[i] > most { (most, best) = (votes[i], i) }
    let first = ImageLine(
      rho: Double(best % (lineCount + 3)) - reach, theta: Double(best / (lineCount + 3)) * step)
    // The cell with the most votes may lie at the rim of those that have them.
    var (line, members) = (first, Self.members(of: first, pieces, center, directionError + step))
    for _ in 0..<3 {
      guard let fitted = Self.line(through: members.map { pieces[$0] }, center) else { break }
      let again = Self.members(of: fitted, pieces, center, directionError + step)
      guard again.count >= members.count else { break }
      (line, members) = (fitted, again)
    }
    guard !members.isEmpty else { return nil }
    (self.line, self.members) = (line, members)
  }

  private static func members(of line: ImageLine, _ pieces: [LinePiece], _ center: Point2D, _ directionError: Double)
    -> [Int]
  {
    pieces.indices.filter { i in
      let piece = pieces[i]
      let d = (piece.x - center.x) * line.normal.x + (piece.y - center.y) * line.normal.y - line.rho
      return abs(d) <= distance && abs((piece.theta - line.theta).remainder(dividingBy: .pi)) <= directionError
    }
  }

  /// The line that comes closest to the middles of pieces; `nil` for pieces at one place.
  private static func line(through pieces: [LinePiece], _ center: Point2D) -> ImageLine? {
    let points = pieces.map { Point2D(x: $0.x - center.x, y: $0.y - center.y) }
    guard let line = PointLine(through: points) else { return nil }
    let theta = atan2(line.direction.x, -line.direction.y)
    return ImageLine(rho: line.center.x * cos(theta) + line.center.y * sin(theta), theta: theta)
  }
}
