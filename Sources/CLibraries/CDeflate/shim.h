// libdeflate: fast compression in zlib's and gzip's formats.
#ifndef SKYDIFF_CDEFLATE_H
#define SKYDIFF_CDEFLATE_H

#include <libdeflate.h>

#endif
