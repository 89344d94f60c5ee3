// SPDX-License-Identifier: GPL-3.0-or-later
// Two-dimensional Fourier transforms of real images.

/// The Fourier transform of real images of one size, and back, by FFTW.
///
/// **Shapes.** A plane is `height` rows of `width` numbers; a spectrum is `height` rows of `width / 2 + 1` complex numbers, real
/// and imaginary parts side by side.
///
/// **Guarantees.** The plan depends on size and precision alone, so equal input gives equal bits. Any thread may use its own
/// transform; making one waits for others that are being made.
///
/// **Cost.** Sides that are products of 2, 3, 5 and 7 are quick: ``fastLength(atLeast:)``.
package struct RealFFT2D<Scalar: FourierScalar>: ~Copyable {
  package let width: Int
  package let height: Int
  private let forwardPlan: OpaquePointer
  private let backwardPlan: OpaquePointer

  /// Complex numbers in a row of a spectrum.
  package var spectrumWidth: Int { width / 2 + 1 }
  /// Scalars in a spectrum.
  package var spectrumCount: Int { 2 * spectrumWidth * height }

  /// - Throws: ``ImagingError`` for a side outside 1 to 65536, or when there is no memory.
  package init(width: Int, height: Int) throws(ImagingError) {
    guard (1...65536).contains(width), (1...65536).contains(height) else {
      throw .invalidParameter("a Fourier transform of \(width)×\(height); sides are 1 to 65536")
    }
    let real = try AlignedBuffer<Scalar>(count: width * height)
    let spectrum = try AlignedBuffer<Scalar>(count: 2 * (width / 2 + 1) * height)
    guard
      let forward = Scalar.plan(
        rows: Int32(height), columns: Int32(width), real: real.base, spectrum: spectrum.base, isForward: true)
    else { throw .noResult("FFTW has no plan for \(width)×\(height)") }
    guard
      let backward = Scalar.plan(
        rows: Int32(height), columns: Int32(width), real: real.base, spectrum: spectrum.base, isForward: false)
    else {
      Scalar.destroy(forward)
      throw .noResult("FFTW has no plan for \(width)×\(height)")
    }
    self.width = width
    self.height = height
    forwardPlan = forward
    backwardPlan = backward
  }

  deinit {
    Scalar.destroy(forwardPlan)
    Scalar.destroy(backwardPlan)
  }

  /// Transforms a plane; F(k) = Σ f(x) exp(−2πi k·x / N).
  ///
  /// - Precondition: the buffers have the sizes of a plane and a spectrum.
  package func forward(_ plane: borrowing AlignedBuffer<Scalar>, into spectrum: borrowing AlignedBuffer<Scalar>) {
    precondition(plane.count == width * height && spectrum.count == spectrumCount)
    Scalar.forward(forwardPlan, plane.base, spectrum.base)
  }

  /// Transforms a spectrum back and divides by the number of pixels; the spectrum is destroyed.
  ///
  /// - Precondition: the buffers have the sizes of a spectrum and a plane.
  package func backward(_ spectrum: borrowing AlignedBuffer<Scalar>, into plane: borrowing AlignedBuffer<Scalar>) {
    precondition(plane.count == width * height && spectrum.count == spectrumCount)
    Scalar.backward(backwardPlan, spectrum.base, plane.base)
    let scale = 1 / Scalar(width * height)
    let pixels = plane.base
    for i in 0..<plane.count { pixels[i] *= scale }
  }
}

/// The smallest even product of 2, 3, 5 and 7 that is at least `length`: a side that FFTW transforms quickly.
package func fastLength(atLeast length: Int) -> Int {
  precondition(length <= 1 << 40)
  var candidate = max(2, length + length % 2)
  while true {
    var rest = candidate
    for factor in [2, 3, 5, 7] { while rest % factor == 0 { rest /= factor } }
    if rest == 1 { return candidate }
    candidate += 2
  }
}
