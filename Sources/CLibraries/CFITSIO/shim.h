// CFITSIO. Files are opened from memory only (`fits_open_memfile`): its extended file names run filters and
// network drivers, which no data file may reach.
#ifndef SKYDIFF_CFITSIO_H
#define SKYDIFF_CFITSIO_H

#include <stdlib.h>

#include <fitsio.h>

// The long names are macros, which Swift does not import.
static inline int skydiff_fits_open_memory(fitsfile **file, void **buffer, size_t *size, int *status) {
  return ffomem(file, "memory.fits", READONLY, buffer, size, 0, NULL, status);
}

static inline int skydiff_fits_create_memory(fitsfile **file, void **buffer, size_t *size, int *status) {
  return ffimem(file, buffer, size, 1 << 20, realloc, status);
}

#endif
