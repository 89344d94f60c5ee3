# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a PSFEx file of a Gaussian whose width grows linearly with x: make_psfex.py FILE.

As PSFEx does: samples half a pixel wide, components 1, x, x², y, xy, y² of a polynomial of degree 2, positions from 1.
The width is 1.5 px at the zero point and grows by 0.2 px to x = 1; the components are the Taylor series of the Gaussian.
"""
import sys

import numpy as np
from astropy.io import fits

side, step = 41, 0.5
grid = (np.arange(side) - side // 2) * step
r2 = grid[:, None] ** 2 + grid[None, :] ** 2
sigma, slope = 1.5, 0.05


def gaussian(s):
    return np.exp(-r2 / (2 * s * s)) / (2 * np.pi * s * s)


h = 1e-3
first = (gaussian(sigma + h) - gaussian(sigma - h)) / (2 * h)
second = (gaussian(sigma + h) - 2 * gaussian(sigma) + gaussian(sigma - h)) / h**2
cube = np.zeros((6, side, side), dtype="f4")
cube[0], cube[1], cube[2] = gaussian(sigma), slope * first, slope**2 * second / 2
column = fits.Column(name="PSF_MASK", format=f"{cube.size}E", dim=f"({side},{side},6)", array=cube[None])
table = fits.BinTableHDU.from_columns([column], name="PSF_DATA")
for key, value in {
    "LOADED": 100, "ACCEPTED": 90, "CHI2": 1.1, "POLNAXIS": 2, "POLGRP1": 1, "POLNAME1": "X_IMAGE", "POLZERO1": 1025.0,
    "POLSCAL1": 1000.0, "POLGRP2": 1, "POLNAME2": "Y_IMAGE", "POLZERO2": 513.0, "POLSCAL2": 500.0, "POLNGRP": 1,
    "POLDEG1": 2, "PSF_FWHM": 3.53, "PSF_SAMP": step, "PSFNAXIS": 3, "PSFAXIS1": side, "PSFAXIS2": side, "PSFAXIS3": 6,
}.items():
    table.header[key] = value
fits.HDUList([fits.PrimaryHDU(), table]).writeto(sys.argv[1], overwrite=True)
