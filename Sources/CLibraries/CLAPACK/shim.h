// LAPACK (LAPACKE's row-major interface) on OpenBLAS.
#ifndef SKYDIFF_CLAPACK_H
#define SKYDIFF_CLAPACK_H

#include <stdint.h>
#include <cblas.h>
#include <lapacke.h>

// `lapack_int` and the layout's number are macros, which Swift does not import.
typedef lapack_int skydiff_lapack_int;
static const int skydiff_row_major = LAPACK_ROW_MAJOR;

#endif
