// The settings of glibc's allocator, whose header Swift's Glibc module leaves out.
#ifndef SKYDIFF_CMALLOC_H
#define SKYDIFF_CMALLOC_H

#include <limits.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static inline void skydiff_keep_freed_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

// Gives what is freed back to the system, also from the middle of the heap.
static inline void skydiff_return_freed_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

// Bytes that the program holds, without those that it has freed and keeps; 0 where nobody knows.
static inline size_t skydiff_allocated_memory(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

#endif
