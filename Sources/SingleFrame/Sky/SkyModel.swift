// SPDX-License-Identifier: GPL-3.0-or-later
// The sky under the sources of an image.

package import Imaging
internal import SkyGeometry

/// The sky under the sources of an image.
///
/// **Model.** The image is averaged in blocks of 4×4 pixels. In rounds, a block is a source when it differs from the sky so far by more than
/// `numSigmaDetect` of the blocks' own scatter, up or down (down too, else the sky would come out too faint), when it touches one that does so by twice as
/// much and up, or when the 4×4 blocks about it differ by more than `numSigmaWings` of such means: the wings of stars. The scatter is that of the lower half of the blocks that are left. What is left is sky.
///
/// **Surface.** By the fraction f of sky among the blocks: for f ≥ 2 · `minMeshFraction` a Chebyshev polynomial and, of what it leaves, medians of a mesh of `binSize` pixels with an Akima spline
/// through them; for f ≥ `minMeshFraction` a mesh of twice that; below it the polynomial alone, of `approxOrder`, through cells of an eighth of the
/// image, since a mesh would follow the wings of stars, and so where the blocks' lower tail is cut short (``LowerHalf``): there what is left is stars as well; below `minPolynomialFraction`, and where cells do not determine it, a constant: the mean of the sky
/// blocks.
///
/// **Invalid pixels.** Masked ones and those that are not finite do not count. Where nothing counts the sky is 0 and ``mesh`` ``Mesh/none``.
package struct SkyModel: Sendable {
  /// How the surface is drawn.
  package enum Mesh: Hashable, Sendable {
    /// A spline through cells of about so many pixels.
    case spline(binSize: Int)
    /// A polynomial.
    case polynomial(order: Int)
    case constant
    /// There is no usable pixel.
    case none
  }

  /// The sky at every pixel, counts.
  package let image: Image<Float>
  /// Median of the sky blocks, counts.
  package let level: Double
  /// Scatter of sky blocks about the sky times the block's side: what a pixel scatters if its noise is white, counts.
  package let scatter: Double
  /// Blocks of sky among those with usable pixels.
  package let skyFraction: Double
  package let mesh: Mesh

  /// - Throws: ``Imaging/ImagingError``.
  package init(of input: MaskedImage, _ config: SkyModelConfig = .init()) throws(ImagingError) {
    let bad = input.mask.planes.bitMask(ofExisting: config.badMaskPlanes)
    let blocks = try SkyBlocks(input.image, input.mask, bad: bad)
    guard blocks.count > 0 else {
      image = Image(box: input.box, fill: 0)
      (level, scatter, skyFraction, mesh) = (0, 0, 0, .none)
      return
    }
    // Medians of a mesh, and no wings yet: a smooth difference from the sky would count as one.
    var drawn = try SkySurface(blocks.means, fraction: 1, config)
    var sources = SourceBlocks(blocks.means, drawn.image, config, hasWings: false)
    if sources.isCrowded || sources.fraction < config.minMeshFraction {
      drawn = try SkySurface(blocks.means, fraction: 0.99 * config.minMeshFraction, config)
      sources = SourceBlocks(blocks.means, drawn.image, config, hasWings: false)
    }
    for _ in 1..<config.numIter {
      drawn = try SkySurface(sources.sky, fraction: sources.fraction, config)
      sources = SourceBlocks(blocks.means, drawn.image, config, hasWings: true)
    }
    // No finer than a polynomial where the wings of stars are all that there is.
    let fraction = sources.isCrowded ? min(sources.fraction, 0.99 * config.minMeshFraction) : sources.fraction
    drawn = try SkySurface(sources.sky, fraction: fraction, config)
    mesh = drawn.mesh
    image = try drawn.image(over: input.box)
    scatter = sources.scatter * Double(SkyBlocks.side)
    skyFraction = sources.fraction
    let median = try PixelStatistics(of: sources.sky, .quartiles).median
    level = median.isFinite ? median : Double(drawn.image.pixels.first ?? 0)
  }
}
