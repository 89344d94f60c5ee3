// SPDX-License-Identifier: GPL-3.0-or-later
// The map between the pixels of an image and the sky.

internal import Synchronization

/// The map between pixel positions and the sky (ICRS), by WCSLIB.
///
/// **Model.** Everything that a FITS header can say of two celestial axes: all projections of FITS WCS Paper II, SIP and TPV
/// distortions (also under SCAMP's name TAN), IRAF's TNX and ZPX. Pixel centres are integers from 0, so CRPIX is one more
/// than ``referencePixel``. RADESYS and EQUINOX are carried along, not applied: no precession happens here.
///
/// **Threads.** Safe from any thread; calls take turns, so pass positions in batches.
///
/// **Source.** Greisen & Calabretta 2002 (A&A 395, 1061), Calabretta & Greisen 2002 (A&A 395, 1077); Shupe et al. 2005 (SIP).
package final class SkyWCS: Sendable {
  /// The header cards that make this system, enough to write it into a file and read it back as the same map.
  package let cards: WCSCards
  private let parameters: Mutex<WCSParameters>

  /// The system that a FITS header describes; cards that do not concern it are ignored.
  ///
  /// - Parameter header: cards of at most 80 characters each.
  /// - Throws: ``WCSError``.
  package convenience init(header: some Sequence<String>) throws(WCSError) {
    try self.init(cards: WCSCards(selectingFrom: header))
  }

  package init(cards: WCSCards) throws(WCSError) {
    for keyword in ["CTYPE1", "CTYPE2"] where cards.text(keyword) == nil { throw .missingKeyword(keyword) }
    for keyword in ["CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2"] where cards.number(keyword) == nil {
      throw .missingKeyword(keyword)
    }
    try Self.requireICRS(cards)
    self.cards = cards
    parameters = Mutex(try WCSParameters(cards))
  }

  /// A system without distortion.
  ///
  /// - Parameters:
  ///   - projection: three letters of FITS WCS Paper II, `TAN`, `STG`, `ZEA` and so on.
  ///   - referencePixel: the position, 0-based, of the projection's centre.
  ///   - reference: where on the sky it is.
  ///   - cd: degrees a pixel: from offsets in pixels to offsets toward east and north on the projection's plane. Its own
  ///     offset is not used.
  /// - Throws: ``WCSError/singularMatrix``, ``WCSError/invalidHeader(reason:)`` for an unknown projection.
  package convenience init(
    projection: String = "TAN", referencePixel: Point2D, reference: SpherePoint, cd: AffineTransform
  ) throws(WCSError) {
    guard WCSKeyword.projections.contains(projection) else {
      throw .invalidHeader(
        reason:
          "there is no projection \(projection); there are \(WCSKeyword.projections.sorted().joined(separator: ", "))")
    }
    let numbers = [
      referencePixel.x, referencePixel.y, reference.ra.degrees, reference.dec.degrees, cd.xx, cd.xy, cd.yx, cd.yy,
    ]
    guard numbers.allSatisfy(\.isFinite) else { throw .invalidHeader(reason: "a number of the system is not finite") }
    var cards = WCSCards()
    cards.set("CTYPE1", "RA---\(projection)")
    cards.set("CTYPE2", "DEC--\(projection)")
    cards.set("CRPIX1", referencePixel.x + 1)
    cards.set("CRPIX2", referencePixel.y + 1)
    cards.set("CRVAL1", reference.ra.degrees)
    cards.set("CRVAL2", reference.dec.degrees)
    cards.set("CD1_1", cd.xx)
    cards.set("CD1_2", cd.xy)
    cards.set("CD2_1", cd.yx)
    cards.set("CD2_2", cd.yy)
    cards.set("RADESYS", "ICRS")
    try self.init(cards: cards)
  }

  /// Refuses frames that differ from ICRS: FK5 of J2000 is within 0.03″ of it, older ones are off by minutes of arc.
  private static func requireICRS(_ cards: WCSCards) throws(WCSError) {
    let frame = (cards.text("RADESYS") ?? cards.text("RADECSYS") ?? "").uppercased()
    guard frame != "ICRS" else { return }
    let equinox = cards.number("EQUINOX") ?? cards.number("EPOCH")
    // Without a frame, FITS takes equinoxes before 1984 for FK4.
    guard !frame.hasPrefix("FK4"), frame != "GAPPT", equinox.map({ abs($0 - 2000) < 0.01 }) ?? true else {
      let words = [frame, equinox.map { "EQUINOX \($0)" } ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
      throw .unsupportedFrame(words)
    }
  }

  /// Where pixel positions are on the sky; NaN for those without a counterpart.
  package func pixelToSky(_ positions: [Point2D]) -> [SpherePoint] {
    parameters.withLock { $0.pixelToSky(positions) }
  }

  /// Where a pixel position is on the sky.
  ///
  /// - Throws: ``WCSError/undefinedPosition(x:y:)``.
  package func pixelToSky(_ position: Point2D) throws(WCSError) -> SpherePoint {
    let sky = pixelToSky([position])[0]
    guard sky.isFinite else { throw .undefinedPosition(x: position.x, y: position.y) }
    return sky
  }

  /// Where sky positions are on the pixel grid; NaN for those without a counterpart.
  package func skyToPixel(_ positions: [SpherePoint]) -> [Point2D] {
    parameters.withLock { $0.skyToPixel(positions) }
  }

  /// Where a sky position is on the pixel grid.
  ///
  /// - Throws: ``WCSError/undefinedPosition(x:y:)``, in degrees.
  package func skyToPixel(_ position: SpherePoint) throws(WCSError) -> Point2D {
    let pixel = skyToPixel([position])[0]
    guard pixel.isFinite else { throw .undefinedPosition(x: position.ra.degrees, y: position.dec.degrees) }
    return pixel
  }

  /// The position of the projection's centre, 0-based.
  package var referencePixel: Point2D {
    // Both keywords were checked at construction.
    Point2D(x: (cards.number("CRPIX1") ?? .nan) - 1, y: (cards.number("CRPIX2") ?? .nan) - 1)
  }

  /// The same sky under a pixel grid whose positions are larger by `offset`.
  ///
  /// - Throws: ``WCSError/undefinedPosition(x:y:)`` for an offset that is not finite.
  package func shifted(by offset: Point2D) throws(WCSError) -> SkyWCS {
    guard offset.isFinite else { throw .undefinedPosition(x: offset.x, y: offset.y) }
    var moved = cards
    moved.set("CRPIX1", referencePixel.x + 1 + offset.x)
    moved.set("CRPIX2", referencePixel.y + 1 + offset.y)
    return try SkyWCS(cards: moved)
  }
}

extension SkyWCS: Equatable {
  package static func == (a: SkyWCS, b: SkyWCS) -> Bool { a.cards == b.cards }
}
