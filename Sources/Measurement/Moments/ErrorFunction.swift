// SPDX-License-Identifier: GPL-3.0-or-later
// The C library's error function.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@inline(__always)
func errorFunction(_ x: Double) -> Double { erf(x) }
