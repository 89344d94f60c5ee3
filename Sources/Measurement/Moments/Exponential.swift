// SPDX-License-Identifier: GPL-3.0-or-later
// The C library's exponential function.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@inline(__always)
func exponential(_ x: Double) -> Double { exp(x) }
