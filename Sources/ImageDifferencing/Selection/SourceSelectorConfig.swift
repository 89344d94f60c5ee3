// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources are good enough for a kernel.

package import TaskFramework

/// Which sources are good enough for a kernel, by their catalog; names and defaults as the subtraction tasks of LSST set them (differencing A5.1).
package struct SourceSelectorConfig: Config {
  package var doUnresolved = true
  package var unresolvedMaximum = 0.1
  package var doSignalToNoise = true
  package var signalToNoiseMinimum = 10.0
  package var signalToNoiseMaximum = 500.0
  package var doIsolated = true
  package var doRequirePrimary = true

  package init() {}

  /// For stars that were found for want of a catalog: nobody has deblended them.
  static var fallback: SourceSelectorConfig {
    var result = SourceSelectorConfig()
    result.doIsolated = false
    result.doRequirePrimary = false
    return result
  }

  package static let fields: [ConfigField<Self>] = [
    .field("doUnresolved", \.doUnresolved, doc: "take stars alone, where the catalog says what is one"),
    .field("unresolvedMaximum", \.unresolvedMaximum, doc: "extendedness below which a source is a star"),
    .field("doSignalToNoise", \.doSignalToNoise, doc: "take sources of some signal to noise alone"),
    .field(
      "signalToNoiseMinimum", \.signalToNoiseMinimum, in: 0..., doc: "signal to noise above which a source is taken"),
    .field(
      "signalToNoiseMaximum", \.signalToNoiseMaximum, in: 0..., doc: "signal to noise below which a source is taken"),
    .field("doIsolated", \.doIsolated, doc: "take sources that were not deblended alone, where the catalog says so"),
    .field("doRequirePrimary", \.doRequirePrimary, doc: "take primary sources alone, where the catalog says so"),
  ]
}
