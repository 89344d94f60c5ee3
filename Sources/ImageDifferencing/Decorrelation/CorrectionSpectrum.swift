// SPDX-License-Identifier: GPL-3.0-or-later
// What makes the noise of a difference white, by frequency.

internal import Imaging
internal import SkyGeometry

/// A Fourier grid with what decorrelation does on it: squares of transforms of kernels, and what follows from them.
///
/// Values come as half of the frequencies, row by row, `width / 2 + 1` a row, as transforms of real images have them.
struct CorrectionGrid: ~Copyable {
  let fft: RealFFT2D<Double>
  private let plane: AlignedBuffer<Double>
  private let spectrum: AlignedBuffer<Double>

  /// - Throws: ``Imaging/ImagingError``.
  init(width: Int, height: Int) throws(ImagingError) {
    let fft = try RealFFT2D<Double>(width: width, height: height)
    let plane = try AlignedBuffer<Double>(count: width * height)
    let spectrum = try AlignedBuffer<Double>(count: fft.spectrumCount)
    self.fft = fft
    self.plane = plane
    self.spectrum = spectrum
  }

  var frequencyCount: Int { fft.spectrumWidth * fft.height }

  /// Transforms a kernel about its central pixel, (n − 1) / 2 by integer division.
  private func transform(_ kernel: Image<Double>) {
    let (width, height) = (fft.width, fft.height)
    for i in 0..<plane.count { plane[i] = 0 }
    let (cx, cy) = ((kernel.width - 1) / 2, (kernel.height - 1) / 2)
    for v in 0..<kernel.height {
      let row = kernel.row(v + kernel.box.minY)
      let y = (v - cy + height) % height
      for u in 0..<kernel.width { plane[y * width + (u - cx + width) % width] += row[u] }
    }
    fft.forward(plane, into: spectrum)
  }

  /// |k̂|² at every frequency.
  func power(of kernel: Image<Double>) -> [Double] {
    transform(kernel)
    return (0..<frequencyCount).map {
      let (re, im) = (spectrum[2 * $0], spectrum[2 * $0 + 1])
      return re * re + im * im
    }
  }

  /// The transform of a kernel that is symmetric about its central pixel, which is real.
  func symmetricSpectrum(of kernel: Image<Double>) -> [Double] {
    transform(kernel)
    return (0..<frequencyCount).map { spectrum[2 * $0] }
  }

  /// The mean over all frequencies of both halves; by Parseval's theorem Σ c² for |ĉ|².
  func mean(_ value: (Int) -> Double) -> Double {
    let (columns, isEven) = (fft.spectrumWidth, fft.width % 2 == 0)
    var sum = 0.0
    for y in 0..<fft.height {
      for x in 0..<columns {
        let isAlone = x == 0 || (isEven && x == columns - 1)
        sum += (isAlone ? 1 : 2) * value(y * columns + x)
      }
    }
    return sum / Double(fft.width * fft.height)
  }

  /// The kernel of a real, symmetric filter: its pixels to `radius` either way of the centre.
  func kernel(of filter: [Double], radius: Int) -> Image<Double> {
    for (i, value) in filter.enumerated() { (spectrum[2 * i], spectrum[2 * i + 1]) = (value, 0) }
    fft.backward(spectrum, into: plane)
    return stamp(radius)
  }

  private func stamp(_ radius: Int) -> Image<Double> {
    let (width, height) = (fft.width, fft.height)
    let box = Box2I(minX: -radius, minY: -radius, width: 2 * radius + 1, height: 2 * radius + 1)
    return Image(box: box) { x, y in plane[(y + height) % height * width + (x + width) % width] }
  }

  /// Multiplies what is in `spectrum`.
  private func multiply(by filter: [Double]) {
    for (i, value) in filter.enumerated() {
      spectrum[2 * i] *= value
      spectrum[2 * i + 1] *= value
    }
  }

  /// A kernel under a real, symmetric filter: its pixels to `radius` either way of the centre.
  func filtered(_ kernel: Image<Double>, by filter: [Double], radius: Int) -> Image<Double> {
    transform(kernel)
    multiply(by: filter)
    fft.backward(spectrum, into: plane)
    return stamp(radius)
  }

  /// What two kernels are one after the other: its pixels to `radius` either way of the centre.
  func composed(_ first: Image<Double>, _ second: Image<Double>, radius: Int) -> Image<Double> {
    transform(first)
    let other = (0..<spectrum.count).map { spectrum[$0] }
    transform(second)
    for i in stride(from: 0, to: spectrum.count, by: 2) {
      let (x, y, u, v) = (spectrum[i], spectrum[i + 1], other[i], other[i + 1])
      (spectrum[i], spectrum[i + 1]) = (x * u - y * v, x * v + y * u)
    }
    fft.backward(spectrum, into: plane)
    return stamp(radius)
  }

  /// Convolves an image with the square of a real filter's kernel, under a further kernel if there is one.
  ///
  /// - Parameter pixels: `width` · `height` numbers, replaced.
  func convolve(_ pixels: inout [Double], withSquareOf filter: [Double], under kernel: Image<Double>?) {
    if let kernel {
      transform(kernel)
    } else {
      for i in 0..<spectrum.count { spectrum[i] = i % 2 == 0 ? 1 : 0 }
    }
    multiply(by: filter)
    fft.backward(spectrum, into: plane)
    for i in 0..<plane.count { plane[i] = plane[i] * plane[i] }
    fft.forward(plane, into: spectrum)
    let squared = (0..<spectrum.count).map { spectrum[$0] }
    for i in pixels.indices { plane[i] = pixels[i] }
    fft.forward(plane, into: spectrum)
    for i in stride(from: 0, to: spectrum.count, by: 2) {
      let (x, y, u, v) = (spectrum[i], spectrum[i + 1], squared[i], squared[i + 1])
      spectrum[i] = x * u + y * v
      spectrum[i + 1] = y * u - x * v
    }
    fft.backward(spectrum, into: plane)
    for i in pixels.indices { pixels[i] = plane[i] }
  }

  /// A real, symmetric filter applied to an image.
  ///
  /// - Parameter pixels: `width` · `height` numbers, replaced.
  func apply(_ filter: [Double], to pixels: inout [Double]) {
    for i in pixels.indices { plane[i] = pixels[i] }
    fft.forward(plane, into: spectrum)
    multiply(by: filter)
    fft.backward(spectrum, into: plane)
    for i in pixels.indices { pixels[i] = plane[i] }
  }
}

/// The noise of a difference: noise of variance a, and noise of variance b under the matching kernel κ.
struct DifferenceNoise: Hashable {
  /// Of the image that was not convolved.
  let unconvolved: Double
  /// Of the one that was, before it was.
  let convolved: Double
  /// Σ κ.
  let kernelSum: Double

  /// a + b k²: what the variance of a pixel is afterwards.
  var total: Double { unconvolved + convolved * kernelSum * kernelSum }

  /// With a at least as a part of the whole: what the kernel takes away altogether cannot be had back.
  func floored(_ part: Double) -> DifferenceNoise {
    DifferenceNoise(unconvolved: max(unconvolved, part * total), convolved: convolved, kernelSum: kernelSum)
  }

  /// ĉ = √((a + b k²) / (a + b |κ̂|²)), 1 at frequency 0, for noise that is white in both images (differencing B3.1).
  func correction(_ kernelPower: [Double]) -> [Double] {
    kernelPower.map { (total / (unconvolved + convolved * $0)).squareRoot() }
  }

  /// The same for noise of any power, ĉ = √((a + b k²) / (a r_a + b r_b |κ̂|²)).
  func correction(_ kernelPower: [Double], _ noise: NoisePower) -> [Double] {
    kernelPower.indices.map {
      (total / (unconvolved * noise.unconvolved[$0] + convolved * noise.convolved[$0] * kernelPower[$0])).squareRoot()
    }
  }

  /// ĉ = (a + b k²) / (a + b |κ̂|² / |P̂|²) (differencing B3.2): rounding noise where neither P̂ nor κ̂ let anything through.
  func scoreCorrection(_ kernelPower: [Double], psfPower: [Double]) -> [Double] {
    zip(kernelPower, psfPower).map { kernel, psf in total * psf / (unconvolved * psf + convolved * kernel) }
  }
}
