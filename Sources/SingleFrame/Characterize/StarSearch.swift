// SPDX-License-Identifier: GPL-3.0-or-later
// Stars of an image whose PSF is not known yet.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import SkyGeometry

/// The stars of an image whose PSF is not known yet, and the PSF from them.
struct StarSearch {
  private(set) var sources: [StarMeasurement]
  private(set) var selection: StarSelection

  /// - Parameter peaks: the highest first.
  init(_ peaks: [Peak], on image: MaskedImage, _ config: CharacterizeImageConfig) {
    let bad = image.mask.planes.bitMask(ofExisting: PSFFit.badMaskPlanes)
    var candidates: [Peak] = []
    sources = []
    for peak in peaks where candidates.count < config.maxCandidates {
      let source = StarMeasurement(at: peak.pixel, on: image, bad: bad, core: 2, isIsolated: true)
      guard source.isGood else { continue }
      candidates.append(peak)
      sources.append(source)
    }
    // What is near enough to matter depends on the stars' width, which is known from the first selection.
    selection = StarSelection(sources, over: image.box, config.starSelection)
    guard let size = selection.size else { return }
    let search = NeighbourSearch(peaks, over: image.box)
    for i in sources.indices {
      sources[i].isIsolated = search.isIsolated(candidates[i], fwhm: fwhmPerSigma * size)
      // What is of another size is no star; among the isolated ones alone galaxies may be the most.
      let ratio = sources[i].size / size
      if !(ratio < 1 + 2 * config.starSelection.sizeWindow && ratio > 1 - 2 * config.starSelection.sizeWindow) {
        sources[i].isGood = false
      }
    }
    selection = StarSelection(sources, over: image.box, config.starSelection)
  }

  /// - Throws: ``CharacterizeImageError/noStars(detected:)``, ``Imaging/ImagingError``.
  func psf(on image: MaskedImage, peaks: [Peak], _ config: PSFFitConfig) throws -> PSFFit {
    var stars = selection.stars.map { sources[$0] }
    if stars.isEmpty {
      // Faint ones are better than none: their median width is all that is taken from them.
      stars = Array(sources.filter { $0.signalToNoise >= 5 }.prefix(10))
    }
    guard !stars.isEmpty else { throw CharacterizeImageError.noStars(detected: peaks.count) }
    return try PSFFit(to: stars, on: image, peaks: peaks, config)
  }
}
