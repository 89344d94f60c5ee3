// SPDX-License-Identifier: GPL-3.0-or-later
// What a header, or a person in its place, says of an exposure.

internal import Foundation
internal import Imaging
internal import Repository
internal import TaskFramework

/// Looks up what ingestion needs: a value that was given, the keyword that was named, or the configured one.
struct HeaderValues {
  private let header: FITSHeader
  private let file: String

  init(_ header: FITSHeader, file: String) {
    self.header = header
    self.file = file
  }

  private func missing(_ what: String, keyword: String, flag: String) -> IngestError {
    IngestError(
      file: file,
      reason: "has no \(what): its header has no \(keyword); give it with \(flag) (a value, or another keyword)")
  }

  /// A positive number; `nil` for a keyword that is absent or holds none.
  func positive(_ keyword: String) -> Double? { header.number(keyword).flatMap { $0 > 0 ? $0 : nil } }

  func number(_ given: String?, keyword: String, what: String, flag: String) throws(IngestError) -> Int64 {
    if let given, let value = Int64(given) {
      guard value >= 0 else { throw IngestError(file: file, reason: "\(flag) \(given): it must be 0 or more") }
      return value
    }
    let keyword = given ?? keyword
    guard header[keyword] != nil else { throw missing(what, keyword: keyword, flag: flag) }
    guard let value = header.integer(keyword), value >= 0 else {
      throw IngestError(file: file, reason: "\(keyword) is no \(what): it must be a whole number from 0 on")
    }
    return value
  }

  /// - Parameter given: also `100..`: the first file is visit 100, the next 101, and so on.
  func visit(_ given: String?, keyword: String, index: Int) throws(IngestError) -> Int64 {
    if let given, given.hasSuffix(".."), let first = Int64(given.dropLast(2)), first >= 0, first < 1 << 60 {
      return first + Int64(index)
    }
    return try number(given, keyword: keyword, what: "visit number", flag: "--visit")
  }

  /// The band and, from a header, the whole name of the filter.
  func band(_ given: String?, keyword: String) throws(IngestError) -> (band: String, filter: String?) {
    let source = given ?? keyword
    if let text = header.text(source) ?? header.integer(source).map({ "\($0)" }) {
      let word = String(text.prefix { $0 != " " })
      guard isBand(word) else {
        throw IngestError(
          file: file, reason: "\(source) begins with \"\(word)\", which is no name of a band; give one with --band")
      }
      return (word, text)
    }
    guard let given else { throw missing("band", keyword: keyword, flag: "--band") }
    guard isBand(given) else { throw IngestError(file: file, reason: "--band \(given): no name of a band") }
    return (given, header.text(keyword))
  }

  private func isBand(_ name: String) -> Bool { (try? DataID([.band: .name(name)])) != nil }

  func zeroPoint(_ given: String?, keyword: String) throws(IngestError) -> Double {
    // A count is then 10⁻²⁰ to 10²⁴ Jy; headers write -99 for what they do not know.
    let plausible = -50.0...60.0
    if let given, let value = Double(given) {
      guard plausible.contains(value) else {
        throw IngestError(file: file, reason: "--zeropoint \(given): it must be a magnitude from -50 to 60")
      }
      return value
    }
    let keyword = given ?? keyword
    guard let value = header.number(keyword) else { throw missing("zero point", keyword: keyword, flag: "--zeropoint") }
    guard plausible.contains(value) else {
      throw IngestError(
        file: file, reason: "\(keyword) is \(value), which is no zero point (-50 to 60 mag); give one with --zeropoint")
    }
    return value
  }

  func psfFwhm(_ given: String) throws(IngestError) -> Double {
    let plausible = HeaderValues.plausibleFwhm
    if let value = Double(given) {
      guard plausible.contains(value) else {
        throw IngestError(file: file, reason: "--psf-fwhm \(given): it must be 0.1 to 200 pixels")
      }
      return value
    }
    guard let value = header.number(given) else { throw missing("FWHM", keyword: given, flag: "--psf-fwhm") }
    guard plausible.contains(value) else {
      throw IngestError(
        file: file, reason: "\(given) is \(value), which is no FWHM (0.1 to 200 pixels); give one with --psf-fwhm")
    }
    return value
  }

  /// Pixels.
  private static let plausibleFwhm = 0.1...200.0
}

extension VisitInfo {
  /// What the usual keywords say (detection-measurement D.5.8).
  init(_ header: FITSHeader, visit: Int64?, exposureTimeKeyword: String) {
    self.init()
    id = visit
    exposureSeconds = header.number(exposureTimeKeyword)
    darkSeconds = header.number("DARKTIME")
    mjdTAI = ObservationTime.middle(header, exposureSeconds: exposureSeconds)
    boresightAirmass = header.number("AIRMASS") ?? header.number("BORE-AIRMASS")
    instrument = header.text("INSTRUME") ?? header.text("INSTRUMENT")
    observationType = header.text("OBSTYPE")
    scienceProgram = header.text("PROGRAM") ?? header.text("PROPID")
    observationReason = header.text("REASON")
    object = header.text("OBJECT")
  }
}
