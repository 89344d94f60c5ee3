// SPDX-License-Identifier: GPL-3.0-or-later
// One filter for a whole image, in Fourier space.

internal import Imaging
internal import SkyGeometry

/// One filter for a whole image, in Fourier space (differencing B3 to B6), in float64.
struct WholeImageDecorrelation: ~Copyable {
  struct Request {
    /// κ.
    let kernel: Image<Double>
    /// What the difference was divided by.
    let scale: Double
    /// P of a score; `nil` for a difference.
    let preConvolution: Image<Double>?
  }

  private let grid: CorrectionGrid
  private let filter: [Double]
  private let request: Request
  private let means: DifferenceInputs.Means
  private let kernelPower: [Double]
  private let psfPower: [Double]?
  /// ψ ⋆ c, of the shape of ψ and of sum 1; `nil` without ψ.
  let correctedPSF: Image<Double>?

  /// The least part of the noise that is taken to be the unconvolved image's (differencing B1.5: beyond it the reference warns).
  private static let noiseFloor = 1e-8
  /// The floor of |P̂|² (differencing B3.2).
  private static let powerFloor = 1000 * Double.leastNormalMagnitude

  /// - Parameter psf: ψ, of the difference as it is.
  /// - Throws: ``Imaging/ImagingError``.
  init(
    _ request: Request, _ means: DifferenceInputs.Means, imageWidth: Int, imageHeight: Int, psf: Image<Double>?
  ) throws(ImagingError) {
    let kernels = [request.kernel, request.preConvolution, psf].compactMap(\.self)
    // As large as what is multiplied last (differencing B4.1); more zeros change nothing but the time that it takes.
    func length(_ image: Int, _ sides: [Int]) -> Int {
      let sorted = (sides + [image]).sorted(by: >)
      return fastLength(atLeast: sorted[0] + sorted[1] - 1)
    }
    let grid = try CorrectionGrid(
      width: length(imageWidth, kernels.map(\.width)), height: length(imageHeight, kernels.map(\.height)))
    let noise = DifferenceNoise(
      unconvolved: means.unconvolved, convolved: means.convolved, kernelSum: request.kernel.sum
    ).floored(Self.noiseFloor)
    let power = grid.power(of: request.kernel)
    let psfPower = request.preConvolution.map { grid.power(of: $0).map { max($0, Self.powerFloor) } }
    let filter =
      psfPower.map { noise.scoreCorrection(power, psfPower: $0) } ?? noise.correction(power)
    var corrected: Image<Double>?
    if let psf {
      let whole = grid.filtered(psf, by: filter, radius: max(psf.width, psf.height) / 2)
      corrected = try KernelPSF(whole.cropped(to: psf.box), averagePosition: Point2D(x: 0, y: 0)).kernel
    }
    self.request = request
    self.means = means
    self.filter = filter
    self.psfPower = psfPower
    kernelPower = power
    correctedPSF = corrected
    self.grid = grid
  }

  /// c ⋆ image, with 0 beyond it and the mean where it is not finite, which stays as it is.
  func correctedImage(_ image: Image<Float>) throws(ImagingError) -> Image<Float> {
    var (sum, count) = (0.0, 0)
    for value in image.pixels where value.isFinite {
      sum += Double(value)
      count += 1
    }
    let mean = count > 0 ? sum / Double(count) : 0
    var pixels = padded(image) { $0.isFinite ? Double($0) : mean }
    grid.apply(filter, to: &pixels)
    return cropped(pixels, image) { old, new in old.isFinite ? Float(new) : old }
  }

  /// The variance afterwards (differencing B6).
  ///
  /// - Parameter isComplete: whether the planes are convolved with the squares of the filters, instead of being scaled.
  func variance(_ inputs: DifferenceInputs, isComplete: Bool) throws(ImagingError) -> Image<Float> {
    let factor = 1 / (request.scale * request.scale)
    // |ĉ₁|² = |P̂ ĉ|² and |ĉ₂|² = |κ̂ ĉ|²; P is 1 in a difference.
    let own = grid.mean { filter[$0] * filter[$0] * (psfPower?[$0] ?? 1) } * factor
    let other = grid.mean { filter[$0] * filter[$0] * kernelPower[$0] } * factor
    guard isComplete else {
      return Image(box: inputs.box) { x, y in
        Float(own * Double(inputs.unconvolved[x, y]) + other * Double(inputs.convolved[x, y]))
      }
    }
    func spread(_ plane: Image<Float>, _ mean: Double, _ kernel: Image<Double>?) -> [Double] {
      var pixels = padded(plane) { $0.isFinite ? Double($0) : mean }
      grid.convolve(&pixels, withSquareOf: filter, under: kernel)
      return pixels
    }
    let first = spread(inputs.unconvolved, means.unconvolved, request.preConvolution)
    let second = spread(inputs.convolved, means.convolved, request.kernel)
    let columns = grid.fft.width
    return Image(box: inputs.box) { x, y in
      let i = (y - inputs.box.minY) * columns + x - inputs.box.minX
      let (a, b) = (inputs.unconvolved[x, y], inputs.convolved[x, y])
      return a.isFinite && b.isFinite ? Float((first[i] + second[i]) * factor) : a.isFinite ? b : a
    }
  }

  private func padded(_ image: Image<Float>, _ value: (Float) -> Double) -> [Double] {
    var pixels = [Double](repeating: 0, count: grid.fft.width * grid.fft.height)
    for y in image.box.minY..<image.box.endY {
      let (row, start) = (image.row(y), (y - image.box.minY) * grid.fft.width)
      for i in row.indices { pixels[start + i] = value(row[i]) }
    }
    return pixels
  }

  private func cropped(
    _ pixels: [Double], _ image: Image<Float>, _ value: (Float, Double) -> Float
  ) -> Image<Float> {
    Image(box: image.box) { x, y in
      value(image[x, y], pixels[(y - image.box.minY) * grid.fft.width + x - image.box.minX])
    }
  }
}
