# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the image and the coordinates of pairs of FITS files: compare_fits.py ORIGINAL EXPORTED [ORIGINAL EXPORTED ...].

Prints a line for each pair that differs.
"""
import sys
import warnings

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

warnings.simplefilter("ignore")


def image(path):
    with fits.open(path) as f:
        for hdu in f:
            if hdu.is_image and hdu.data is not None and hdu.data.ndim == 2:
                header = hdu.header if hdu is f[0] else f[0].header + hdu.header
                extra = {x.header.get("EXTNAME", x.header.get("EXTTYPE", "")): np.array(x.data) for x in f if x is not hdu and x.is_image and x.data is not None}
                return np.array(hdu.data), header, extra


def sky(header):
    try:
        return WCS(header)
    except KeyError:
        # Only an alternate system, of the pixels of a parent image.
        return WCS()


for original, exported in zip(sys.argv[1::2], sys.argv[2::2]):
    (a, ha, xa), (b, hb, xb) = image(original), image(exported)
    if not np.array_equal(a, b, equal_nan=True):
        print(f"{original}: the pixels differ")
    if "VARIANCE" in xa and not np.array_equal(xa["VARIANCE"], xb["VARIANCE"], equal_nan=True):
        print(f"{original}: the variances differ")
    wa, wb = sky(ha), sky(hb)
    if wa.has_celestial != wb.has_celestial:
        print(f"{original}: only one has coordinates on the sky")
    elif wa.has_celestial:
        y, x = np.mgrid[0:a.shape[0]:7, 0:a.shape[1]:7]
        difference = np.array(wa.all_pix2world(x, y, 0)) - np.array(wb.all_pix2world(x, y, 0))
        if not np.nanmax(np.abs(difference)) < 1e-9:
            print(f"{original}: positions differ by {np.nanmax(np.abs(difference))} deg")
