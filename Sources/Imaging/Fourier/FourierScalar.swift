// SPDX-License-Identifier: GPL-3.0-or-later
// FFTW in single and double precision.

internal import CFFTW
internal import Synchronization

/// Guards FFTW's planner, which is the one part of it that threads must not enter together.
private let planner = Mutex<Void>(())

private func withPlanner(_ body: () -> OpaquePointer?) -> OpaquePointer? {
  // A plan belongs to its maker alone; the lock only keeps makers apart, which the compiler cannot see.
  nonisolated(unsafe) var plan: OpaquePointer?
  planner.withLock { _ in plan = body() }
  return plan
}

/// A precision that FFTW has: `Float` or `Double`.
package protocol FourierScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  /// A plan of FFTW for real input of `rows` by `columns`.
  static func plan(
    rows: Int32, columns: Int32, real: UnsafeMutablePointer<Self>, spectrum: UnsafeMutablePointer<Self>, isForward: Bool
  ) -> OpaquePointer?
  static func destroy(_ plan: OpaquePointer)
  static func forward(_ plan: OpaquePointer, _ real: UnsafeMutablePointer<Self>, _ spectrum: UnsafeMutablePointer<Self>)
  static func backward(
    _ plan: OpaquePointer, _ spectrum: UnsafeMutablePointer<Self>, _ real: UnsafeMutablePointer<Self>)
}

// FFTW's complex numbers are pairs of the scalar; its C types are imported as such pairs.
extension Double: FourierScalar {
  package static func plan(
    rows: Int32, columns: Int32, real: UnsafeMutablePointer<Double>, spectrum: UnsafeMutablePointer<Double>,
    isForward: Bool
  ) -> OpaquePointer? {
    let complex = UnsafeMutableRawPointer(spectrum).assumingMemoryBound(to: fftw_complex.self)
    // FFTW_ESTIMATE: a measured plan depends on the moment, and so would the last bits of the result.
    return withPlanner {
      isForward
        ? fftw_plan_dft_r2c_2d(rows, columns, real, complex, skydiff_fftw_estimate)
        : fftw_plan_dft_c2r_2d(rows, columns, complex, real, skydiff_fftw_estimate)
    }
  }

  package static func destroy(_ plan: OpaquePointer) {
    _ = withPlanner {
      fftw_destroy_plan(plan)
      return nil
    }
  }

  package static func forward(
    _ plan: OpaquePointer, _ real: UnsafeMutablePointer<Double>, _ spectrum: UnsafeMutablePointer<Double>
  ) {
    fftw_execute_dft_r2c(plan, real, UnsafeMutableRawPointer(spectrum).assumingMemoryBound(to: fftw_complex.self))
  }

  package static func backward(
    _ plan: OpaquePointer, _ spectrum: UnsafeMutablePointer<Double>, _ real: UnsafeMutablePointer<Double>
  ) {
    fftw_execute_dft_c2r(plan, UnsafeMutableRawPointer(spectrum).assumingMemoryBound(to: fftw_complex.self), real)
  }
}

extension Float: FourierScalar {
  package static func plan(
    rows: Int32, columns: Int32, real: UnsafeMutablePointer<Float>, spectrum: UnsafeMutablePointer<Float>,
    isForward: Bool
  ) -> OpaquePointer? {
    let complex = UnsafeMutableRawPointer(spectrum).assumingMemoryBound(to: fftwf_complex.self)
    return withPlanner {
      isForward
        ? fftwf_plan_dft_r2c_2d(rows, columns, real, complex, skydiff_fftw_estimate)
        : fftwf_plan_dft_c2r_2d(rows, columns, complex, real, skydiff_fftw_estimate)
    }
  }

  package static func destroy(_ plan: OpaquePointer) {
    _ = withPlanner {
      fftwf_destroy_plan(plan)
      return nil
    }
  }

  package static func forward(
    _ plan: OpaquePointer, _ real: UnsafeMutablePointer<Float>, _ spectrum: UnsafeMutablePointer<Float>
  ) {
    fftwf_execute_dft_r2c(plan, real, UnsafeMutableRawPointer(spectrum).assumingMemoryBound(to: fftwf_complex.self))
  }

  package static func backward(
    _ plan: OpaquePointer, _ spectrum: UnsafeMutablePointer<Float>, _ real: UnsafeMutablePointer<Float>
  ) {
    fftwf_execute_dft_c2r(plan, UnsafeMutableRawPointer(spectrum).assumingMemoryBound(to: fftwf_complex.self), real)
  }
}
