// SPDX-License-Identifier: GPL-3.0-or-later
// The program.

internal import CProcessor
internal import CommandLineInterface
internal import Pipeline

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

// This target is built for any x86-64 processor, all others for x86-64-v3: an older one gets this message and no SIGILL.
if skydiff_processor_is_v3() == 0 {
  let text =
    "skydiff: this processor lacks AVX2, FMA or BMI (x86-64-v3, 2013 and newer); build for it: SKYDIFF_MARCH=native make\n"
  _ = write(2, text, text.utf8.count)
  exit(78)
}
runSkydiff(tasks: pipelineTasks)
