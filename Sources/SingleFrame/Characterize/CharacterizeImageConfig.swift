// SPDX-License-Identifier: GPL-3.0-or-later
// How an image is characterised.

internal import Measurement
package import TaskFramework

/// How an image is characterised; names as in LSST's CharacterizeImageConfig where there is such a field.
package struct CharacterizeImageConfig: Config {
  package var background = SkyModelConfig()
  package var noise = NoiseModelConfig()
  package var installSimplePsfFwhm = 3.5
  package var detection = SourceDetectionTask.makeField("finds the sources")
  package var starSelection = StarSelectionConfig()
  package var psf = PSFFitConfig()
  package var measurement = SingleFrameMeasurementTask.makeField("measures the sources")
  package var maxCandidates = 600
  package var maxSources = 1000

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .config("background", \.background, doc: "the sky"),
    .config("noise", \.noise, doc: "the noise of an image without a variance"),
    .field(
      "installSimplePsfFwhm", \.installSimplePsfFwhm, in: 1...100,
      doc: "FWHM with which sources are found before the PSF is known, pixels"),
    .subtask("detection", \.detection),
    .config("starSelection", \.starSelection, doc: "which sources are stars"),
    .config("psf", \.psf, doc: "the PSF model"),
    .subtask("measurement", \.measurement),
    .field(
      "maxCandidates", \.maxCandidates, in: 10...1_000_000,
      doc: "stars are looked for among so many of the brightest sources"),
    .field("maxSources", \.maxSources, in: 1...10_000_000, doc: "so many of the brightest sources are measured"),
  ]
}
