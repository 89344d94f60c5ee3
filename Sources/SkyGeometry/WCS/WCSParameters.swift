// SPDX-License-Identifier: GPL-3.0-or-later
// Ownership of WCSLIB's structure.

private import CWCS

/// Owns the `wcsprm` structure that WCSLIB makes of a header.
///
/// WCSLIB keeps scratch memory for distortions inside the structure, so one is used by one thread at a time: ``SkyWCS`` holds
/// it behind a lock.
struct WCSParameters: ~Copyable {
  // Opaque here so that no other file needs WCSLIB; made, used and freed only below.
  private let storage: UnsafeMutableRawPointer
  private let count: Int32
  private let longitude: Int
  private let latitude: Int

  /// - Throws: ``WCSError`` for a header that is no equatorial system.
  init(_ cards: WCSCards) throws(WCSError) {
    let records = cards.cards
    guard records.count <= 500 else { throw .invalidHeader(reason: "it has \(records.count) WCS cards") }
    var block = Array(records.joined().utf8CString)
    var rejected: Int32 = 0
    var count: Int32 = 0
    var parsed: UnsafeMutablePointer<wcsprm>?
    let status = wcspih(&block, Int32(records.count), skydiff_wcshdr_all, 0, &rejected, &count, &parsed)
    guard status == 0, let parsed, count >= 1 else {
      if parsed != nil { wcsvfree(&count, &parsed) }
      throw .invalidHeader(reason: status == 0 ? "no coordinate system" : "WCSLIB's parser ends with status \(status)")
    }
    do throws(WCSError) {
      try Self.complete(parsed)
      let types = try Self.celestialAxes(parsed)
      (longitude, latitude) = types
    } catch {
      var failed: UnsafeMutablePointer<wcsprm>? = parsed
      wcsvfree(&count, &failed)
      throw error
    }
    storage = UnsafeMutableRawPointer(parsed)
    self.count = count
  }

  deinit {
    var count = count
    var parameters: UnsafeMutablePointer<wcsprm>? = storage.assumingMemoryBound(to: wcsprm.self)
    wcsvfree(&count, &parameters)
  }

  private static func complete(_ parameters: UnsafeMutablePointer<wcsprm>) throws(WCSError) {
    let status = wcsset(parameters)
    guard status != 3 else { throw .singularMatrix }  // WCSERR_SINGULAR_MTX
    guard status == 0 else { throw .invalidHeader(reason: "WCSLIB: \(String(cString: skydiff_wcs_message(status)))") }
    guard !isSingular(parameters) else { throw .singularMatrix }
  }

  /// Rounding keeps WCSLIB from seeing a matrix of proportional rows as the singular one that it is.
  private static func isSingular(_ parameters: UnsafeMutablePointer<wcsprm>) -> Bool {
    guard parameters.pointee.naxis == 2, let m = parameters.pointee.lin.piximg else { return false }
    let (first, second) = (m[0] * m[3], m[1] * m[2])
    return !(abs(first - second) > 1e-12 * (abs(first) + abs(second)))
  }

  /// The indices of the axes of right ascension and declination.
  private static func celestialAxes(_ parameters: UnsafeMutablePointer<wcsprm>) throws(WCSError) -> (Int, Int) {
    let longitude = Int(parameters.pointee.lng)
    let latitude = Int(parameters.pointee.lat)
    guard parameters.pointee.naxis == 2, longitude >= 0, latitude >= 0 else {
      throw .invalidHeader(reason: "the header has no pair of celestial axes")
    }
    let names = [text(parameters.pointee.lngtyp), text(parameters.pointee.lattyp)]
    guard names == ["RA", "DEC"] else { throw .notEquatorial(axes: names) }
    return (longitude, latitude)
  }

  private static func text(_ field: (CChar, CChar, CChar, CChar, CChar, CChar, CChar, CChar)) -> String {
    withUnsafeBytes(of: field) { bytes in
      String(decoding: bytes.prefix { $0 != 0 && $0 != 0x20 }, as: UTF8.self)
    }
  }

  /// Maps 0-based pixel positions to the sky; NaN where the projection is undefined.
  ///
  /// A copyable value would let two threads share the scratch memory; `mutating` keeps them apart.
  mutating func pixelToSky(_ positions: [Point2D]) -> [SpherePoint] {
    guard !positions.isEmpty else { return [] }
    let n = positions.count
    var pixels = [Double](repeating: 0, count: 2 * n)
    for (i, p) in positions.enumerated() where p.isFinite {
      pixels[2 * i] = p.x + 1
      pixels[2 * i + 1] = p.y + 1
    }
    var intermediate = [Double](repeating: 0, count: 2 * n)
    var phi = [Double](repeating: 0, count: n)
    var theta = [Double](repeating: 0, count: n)
    var world = [Double](repeating: .nan, count: 2 * n)
    var statuses = [Int32](repeating: 0, count: n)
    let status = wcsp2s(
      storage.assumingMemoryBound(to: wcsprm.self), Int32(n), 2, &pixels, &intermediate, &phi, &theta, &world, &statuses
    )
    guard status == 0 || status == 8 else { return positions.map { _ in .undefined } }
    return positions.indices.map { i in
      guard positions[i].isFinite, statuses[i] == 0 else { return .undefined }
      return SpherePoint(raDegrees: world[2 * i + longitude], decDegrees: world[2 * i + latitude])
    }
  }

  /// Maps sky positions to 0-based pixels; NaN where the projection is undefined or the distortion cannot be inverted.
  mutating func skyToPixel(_ positions: [SpherePoint]) -> [Point2D] {
    guard !positions.isEmpty else { return [] }
    let n = positions.count
    var world = [Double](repeating: 0, count: 2 * n)
    for (i, p) in positions.enumerated() where p.isFinite {
      world[2 * i + longitude] = p.ra.degrees
      world[2 * i + latitude] = p.dec.degrees
    }
    var phi = [Double](repeating: 0, count: n)
    var theta = [Double](repeating: 0, count: n)
    var intermediate = [Double](repeating: 0, count: 2 * n)
    var pixels = [Double](repeating: .nan, count: 2 * n)
    var statuses = [Int32](repeating: 0, count: n)
    let status = wcss2p(
      storage.assumingMemoryBound(to: wcsprm.self), Int32(n), 2, &world, &phi, &theta, &intermediate, &pixels, &statuses
    )
    let undefined = Point2D(x: .nan, y: .nan)
    guard status == 0 || status == 9 else { return positions.map { _ in undefined } }
    return positions.indices.map { i in
      guard positions[i].isFinite, abs(positions[i].dec.degrees) <= 90 + 1e-9, statuses[i] == 0 else {
        return undefined
      }
      return Point2D(x: pixels[2 * i] - 1, y: pixels[2 * i + 1] - 1)
    }
  }
}

extension SpherePoint {
  static let undefined = SpherePoint(ra: .radians(.nan), dec: .radians(.nan))
}
