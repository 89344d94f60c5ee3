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
      guard rejected == 0 else { throw .invalidHeader(reason: "WCSLIB refuses \(rejected) of its cards") }
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
    let (mapped, isDefined) = map(positions.map { ($0.x + 1, $0.y + 1) }, toSky: true)
    return mapped.indices.map { i in
      guard isDefined[i] else { return .undefined }
      let world = [mapped[i].0, mapped[i].1]
      return SpherePoint(raDegrees: world[longitude], decDegrees: world[latitude])
    }
  }

  /// Maps sky positions to 0-based pixels; NaN where the projection is undefined or the distortion cannot be inverted.
  mutating func skyToPixel(_ positions: [SpherePoint]) -> [Point2D] {
    let world = positions.map { position -> (Double, Double) in
      guard abs(position.dec.degrees) <= 90 + 1e-9 else { return (.nan, .nan) }
      let pair = (position.ra.degrees, position.dec.degrees)
      return longitude < latitude ? pair : (pair.1, pair.0)
    }
    let (mapped, isDefined) = map(world, toSky: false)
    return mapped.indices.map { i in
      isDefined[i] ? Point2D(x: mapped[i].0 - 1, y: mapped[i].1 - 1) : Point2D(x: .nan, y: .nan)
    }
  }

  /// Maps pairs of coordinates in one call.
  ///
  /// WCSLIB stops at the first pair whose distortion it cannot invert and leaves the rest undone, so after a call that fails each
  /// pair without a result is tried alone.
  private mutating func map(
    _ pairs: [(Double, Double)], toSky: Bool
  ) -> (mapped: [(Double, Double)], isDefined: [Bool]) {
    let finite = pairs.indices.filter { pairs[$0].0.isFinite && pairs[$0].1.isFinite }
    var mapped = [(Double, Double)](repeating: (.nan, .nan), count: pairs.count)
    var isDefined = [Bool](repeating: false, count: pairs.count)

    func run(_ indices: [Int]) -> Bool {
      let n = indices.count
      var input = indices.flatMap { [pairs[$0].0, pairs[$0].1] }
      var intermediate = [Double](repeating: 0, count: 2 * n)
      var phi = [Double](repeating: 0, count: n)
      var theta = [Double](repeating: 0, count: n)
      var output = [Double](repeating: .nan, count: 2 * n)
      var statuses = [Int32](repeating: 0, count: n)
      let parameters = storage.assumingMemoryBound(to: wcsprm.self)
      let status =
        toSky
        ? wcsp2s(parameters, Int32(n), 2, &input, &intermediate, &phi, &theta, &output, &statuses)
        : wcss2p(parameters, Int32(n), 2, &input, &phi, &theta, &intermediate, &output, &statuses)
      for (k, i) in indices.enumerated()
      where statuses[k] == 0 && output[2 * k].isFinite && output[2 * k + 1].isFinite {
        mapped[i] = (output[2 * k], output[2 * k + 1])
        isDefined[i] = true
      }
      return status == 0
    }

    // WCSLIB counts with 32 bits.
    for start in stride(from: 0, to: finite.count, by: 1 << 24) {
      let batch = Array(finite[start..<min(start + (1 << 24), finite.count)])
      if !run(batch), batch.count > 1 {
        for i in batch where !isDefined[i] { _ = run([i]) }
      }
    }
    return (mapped, isDefined)
  }
}

extension SpherePoint {
  static let undefined = SpherePoint(ra: .radians(.nan), dec: .radians(.nan))
}
