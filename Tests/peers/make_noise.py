# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a FITS image of noise that no compression makes much smaller: make_noise.py FILE."""
import sys

import numpy as np
from astropy.io import fits

header = fits.Header({"EXPNUM": 18, "CCDNUM": 2, "FILTER": "r", "MAGZERO": 27.0, "GAIN": 2.0})
fits.PrimaryHDU(np.random.default_rng(1).normal(100, 5, (400, 400)).astype("f4"), header).writeto(sys.argv[1])
