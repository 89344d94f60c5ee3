// WCSLIB: FITS world coordinate systems.
#ifndef SKYDIFF_CWCS_H
#define SKYDIFF_CWCS_H

#include <stdlib.h>
#include <wcslib/wcslib.h>

// wcspih's "accept every keyword that WCSLIB knows" is a macro that Swift does not import.
static const int skydiff_wcshdr_all = WCSHDR_all;

// The table of messages is an array of unknown length, which Swift does not import; one entry a status, 0 to 14.
static inline const char *skydiff_wcs_message(int status) {
  return status >= 0 && status <= 14 ? wcs_errmsg[status] : "unknown status";
}

#endif
