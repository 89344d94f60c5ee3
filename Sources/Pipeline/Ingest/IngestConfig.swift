// SPDX-License-Identifier: GPL-3.0-or-later
// What ingestion takes from a header.

package import SingleFrame
package import TaskFramework

/// Which keywords of a header say what, and how an exposure is made of a plain image.
package struct IngestConfig: Config {
  package var visitKeyword = "EXPNUM"
  package var detectorKeyword = "CCDNUM"
  package var bandKeyword = "FILTER"
  package var zeroPointKeyword = "MAGZERO"
  package var gainKeyword = "GAIN"
  package var readNoiseKeyword = "RDNOISE"
  package var saturationKeyword = "SATURATE"
  package var exposureTimeKeyword = "EXPTIME"
  package var doMaskSaturated = true
  package var noise = NoiseModelConfig()

  package init() {}

  private static func keyword(
    _ name: String, _ path: ConfigPath<IngestConfig, String>, _ doc: String
  ) -> ConfigField<Self> {
    .field(
      name, path, doc: "keyword of \(doc)", requirement: "1 to 60 capital letters, digits, - or _",
      where: { text in
        (1...60).contains(text.utf8.count)
          && text.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
      })
  }

  package static let fields: [ConfigField<Self>] = [
    keyword("visitKeyword", \.visitKeyword, "the visit's number"),
    keyword("detectorKeyword", \.detectorKeyword, "the detector's number"),
    keyword("bandKeyword", \.bandKeyword, "the filter; the band is its first word"),
    keyword("zeroPointKeyword", \.zeroPointKeyword, "the AB magnitude of one count"),
    keyword("gainKeyword", \.gainKeyword, "the gain, electrons a count"),
    keyword("readNoiseKeyword", \.readNoiseKeyword, "the read noise, electrons"),
    keyword("saturationKeyword", \.saturationKeyword, "the level of saturation, counts"),
    keyword("exposureTimeKeyword", \.exposureTimeKeyword, "the exposure time, seconds"),
    .field(
      "doMaskSaturated", \.doMaskSaturated,
      doc: "set SAT where a pixel reaches the level of saturation, in images that come without a mask"),
    .config("noise", \.noise, doc: "how the variance is made for images that come without one"),
  ]
}
