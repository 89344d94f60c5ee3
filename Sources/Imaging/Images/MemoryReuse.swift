// SPDX-License-Identifier: GPL-3.0-or-later
// Keeping memory for the next image.

private import CMalloc

/// Makes the process keep freed memory for its next images; for programs, once, before they begin.
///
/// glibc returns every large block to the system and takes it back page by page, zeroed: for image after image of one size that
/// costs as much as convolving them. The process then stays as large as it has ever been.
package func keepFreedMemory() { skydiff_keep_freed_memory() }

/// Gives memory that is free back to the system, so that the process is as large as what it holds; for programs that measure it.
package func returnFreedMemory() { skydiff_return_freed_memory() }

/// Bytes that the process holds, without those that it has freed and keeps for its next images; 0 where nobody knows.
package var allocatedBytes: Int { Int(clamping: skydiff_allocated_memory()) }
