// FFTW 3 in single and double precision.
#ifndef SKYDIFF_CFFTW_H
#define SKYDIFF_CFFTW_H

#include <fftw3.h>

// FFTW_ESTIMATE is `1U << 6`, a macro that Swift does not import.
static const unsigned skydiff_fftw_estimate = FFTW_ESTIMATE;

#endif
