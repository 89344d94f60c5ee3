// SPDX-License-Identifier: GPL-3.0-or-later
// The PSFs of coadds, on the pixels of an exposure.

internal import Imaging
internal import SkyGeometry

/// The PSF of a template while it is made: those of its pieces on the template's pixels, each where its pixels are.
///
/// **Model.** The components of a coadd's PSF that are there all over a piece become one component, their weighted mean; each of the others
/// becomes one of its own, with its outline. All are resampled as the pixels are, and the outlines cut to the piece.
struct TemplatePSF {
  private(set) var components: [CoaddPSF.Component] = []
  /// The component that has most of the template's pixels.
  private(set) var largestOverlap: (area: Double, position: Point2D)?
  private(set) var lacksPSF = false
  let box: Box2I
  let control: WarpControl
  let order: Int
  private var imageCount = 0

  init(box: Box2I, control: WarpControl, order: Int) {
    self.box = box
    self.control = control
    self.order = order
  }

  /// Adds the PSF of a piece of a tract.
  ///
  /// - Parameter weight: of the tract, relative to the others'.
  /// - Throws: ``Imaging/ImagingError``, also where the PSF is not defined.
  mutating func add(_ piece: TractMosaic.Piece, along map: some PixelMap, weight: Double) throws(ImagingError) {
    guard let psf = piece.psf else {
      lacksPSF = true
      return
    }
    // A hair more than the pixels, so that no position between two pieces is in neither.
    let edges = Box2D(piece.box).grown(by: 0.01)
    guard let coadd = psf as? CoaddPSF else {
      try add(psf, edges.corners, along: map, weight: weight, image: imageCount)
      imageCount += 1
      return
    }
    let parts = CoaddParts(coadd.components, in: edges)
    if !parts.common.isEmpty {
      let sum = parts.common.reduce(0) { $0 + $1.weight }
      let mean = try CoaddPSF(parts.common, averagePosition: piece.box.center)
      try add(mean, edges.corners, along: map, weight: weight * sum, image: imageCount)
      imageCount += 1
    }
    var first: [Int: Int] = [:]
    for (component, outline) in parts.partial {
      // The detectors of a visit stay one image.
      let image = first[component.image] ?? imageCount
      if first.updateValue(image, forKey: component.image) == nil { imageCount += 1 }
      try add(
        CoaddPSF([component], averagePosition: piece.box.center), outline, along: map,
        weight: weight * component.weight, image: image)
    }
  }

  /// - Parameter outline: in the tract's pixels.
  private mutating func add(
    _ psf: any PSF, _ outline: [Point2D], along map: some PixelMap, weight: Double, image: Int
  ) throws(ImagingError) {
    guard let hull = Box2D(around: outline), let pixels = try? Box2I(covering: hull) else { return }
    // The neighbours' pixels are there for the interpolation, so nothing of the piece is lost to it.
    let source = pixels.grown(by: control.kernel.tapCount / 2)
    let warped = try CoaddPSF.Component(
      warping: psf, of: source, to: box, along: map, control: control, order: order, weight: weight)
    let mapped = map.toDestination(densified(outline))
    guard var component = warped, mapped.allSatisfy(\.isFinite) else { return }
    component.outline = mapped
    component.image = image
    guard let overlap = component.overlap(with: box) else { return }
    components.append(component)
    if overlap.area > largestOverlap?.area ?? 0 { largestOverlap = overlap }
  }

  /// An outline with positions along its edges, 64 pixels apart or less, since what is straight in one image is bent in the other.
  private func densified(_ outline: [Point2D]) -> [Point2D] {
    outline.indices.flatMap { i -> [Point2D] in
      let (a, b) = (outline[i], outline[(i + 1) % outline.count])
      let steps = Int(exactly: (a.distance(to: b) / 64).rounded(.up)).map { min(max(1, $0), 4096) } ?? 1
      return (0..<steps).map { a + (b - a) * (Double($0) / Double(steps)) }
    }
  }
}

/// The components of a coadd's PSF that a piece of it has, with outlines that do not matter any more.
private struct CoaddParts {
  /// There all over the piece.
  private(set) var common: [CoaddPSF.Component] = []
  /// There in a part of it, and in which.
  private(set) var partial: [(component: CoaddPSF.Component, outline: [Point2D])] = []

  init(_ components: [CoaddPSF.Component], in edges: Box2D) {
    let corners = edges.corners
    let outline = corners.indices.flatMap { i in
      (0..<8).map { step in corners[i] + (corners[(i + 1) % 4] - corners[i]) * (Double(step) / 8) }
    }
    let everywhere = edges.grown(by: 1000).corners
    // Images of which something is there already, and those that nothing more of counts.
    var (begun, done): (Set<Int>, Set<Int>) = ([], [])
    for component in components where !done.contains(component.image) {
      let part = clipped(component.outline, to: edges)
      guard part.count >= 3 else { continue }
      var whole = component
      whole.outline = everywhere
      if !begun.contains(component.image), outline.allSatisfy(component.contains) {
        common.append(whole)
        done.insert(component.image)
      } else {
        partial.append((whole, part))
        begun.insert(component.image)
      }
    }
  }
}
