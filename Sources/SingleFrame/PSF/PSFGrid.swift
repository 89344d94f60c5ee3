// SPDX-License-Identifier: GPL-3.0-or-later
// The samples of a PSF model.

internal import Imaging
internal import SkyGeometry

/// Samples of a PSF on a grid of pixels or of half pixels, each a polynomial of the position.
///
/// As pixels it becomes a ``Imaging/PolynomialPSF``, as half pixels a ``Imaging/PSFExModel``, whose interpolation does not ring where pixels undersample.
struct PSFGrid {
  let basis: SpatialBasis
  /// Pixels a sample.
  let sampling: Double
  /// Samples on each side of the central one.
  let half: Int
  let domain: Box2I
  /// One plane a term, row by row.
  var planes: [[Double]]

  var side: Int { 2 * half + 1 }

  /// Samples a field of profiles; each position's image has sum 1.
  ///
  /// The profile is sampled at 5×5 positions of the image, and each sample's polynomial goes through these by least squares.
  ///
  /// - Parameter halfWidth: of the PSF's image, pixels.
  /// - Throws: ``Imaging/ImagingError/noResult(_:)``.
  init(_ field: ShapeField, halfWidth: Int, sampling: Double, over domain: Box2I) throws(ImagingError) {
    self.sampling = sampling
    self.domain = domain
    let half = sampling < 1 ? 2 * halfWidth : halfWidth
    self.half = half
    // Beyond the first order the image of a changing width changes by squares too.
    let basis = SpatialBasis(.chebyshev(Box2D(domain)), order: field.basis.order == 0 ? 0 : 2)
    self.basis = basis
    let nodes = field.basis.order == 0 ? [0.5] : [0.0, 0.25, 0.5, 0.75, 1.0]
    let positions: [Point2D] = nodes.flatMap { v in
      nodes.map { u in
        Point2D(
          x: Double(domain.minX) - 0.5 + u * Double(domain.width),
          y: Double(domain.minY) - 0.5 + v * Double(domain.height))
      }
    }
    var system = SymmetricSystem(size: basis.termCount)
    let terms = positions.map { basis.terms(at: $0) }
    for row in terms {
      for a in row.indices { for b in a..<row.count { system.add(row[a] * row[b], row: a, column: b) } }
    }
    // Each term's weights on the positions.
    var solver: [[Double]] = []
    for row in terms {
      var one = system
      for a in row.indices { one.addRight(row[a], row: a) }
      solver.append(try one.solve().values)
    }
    let count = (2 * half + 1) * (2 * half + 1)
    var planes = [[Double]](repeating: [Double](repeating: 0, count: count), count: basis.termCount)
    for (position, weights) in zip(positions, solver) {
      let evaluator = field.profile(at: position).evaluator
      var samples: [Double] = []
      for j in -half...half {
        for i in -half...half { samples.append(evaluator.value(Double(i) * sampling, Double(j) * sampling)) }
      }
      let sum = samples.reduce(0, +) * sampling * sampling
      guard sum > 0, sum.isFinite else { throw .noResult("the profile of the stars has no flux") }
      for (term, weight) in weights.enumerated() {
        for i in samples.indices { planes[term][i] += weight * samples[i] / sum }
      }
    }
    self.planes = planes
  }

  /// - Throws: ``Imaging/ImagingError`` for a model without flux.
  func psf() throws(ImagingError) -> any PSF {
    let box = Box2I(width: side, height: side)
    let images = try planes.map { plane throws(ImagingError) in try Image(box: box, pixels: plane) }
    guard sampling < 1 else {
      return try PolynomialPSF(Kernel(planes: images, basis: basis), averagePosition: domain.center)
    }
    return try PSFExModel(
      components: try powers(images), degree: basis.order, zero: domain.center,
      scale: Point2D(x: 0.5 * Double(domain.width), y: 0.5 * Double(domain.height)), sampling: sampling)
  }

  /// From Chebyshev polynomials, 1, x, y, 2x² − 1, xy, 2y² − 1, to powers in PSFEx's order: 1, x, x², y, xy, y².
  private func powers(_ images: [Image<Double>]) throws(ImagingError) -> [Image<Double>] {
    guard images.count == 6 else { return images }
    let constant = zip(images[0].pixels, zip(images[3].pixels, images[5].pixels)).map { $0 - $1.0 - $1.1 }
    return [
      try Image(box: images[0].box, pixels: constant), images[1], images[3].map { 2 * $0 }, images[2], images[4],
      images[5].map { 2 * $0 },
    ]
  }
}
