# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds and measures sources with SEP and photutils: measure_sources.py FOLDER.

FOLDER has image.f4 and variance.f4 (side², float32), positions.f8 (x, y), and side and PSF sigma in parameters.json; prints JSON."""
import json
import sys

import numpy as np
import sep
from astropy.table import Table
from photutils.psf import ImagePSF, PSFPhotometry

folder = sys.argv[1]
with open(f"{folder}/parameters.json") as f:
    parameters = json.load(f)
side, sigma = parameters["side"], parameters["sigma"]
image = np.fromfile(f"{folder}/image.f4", "<f4").reshape(side, side)
error = np.sqrt(np.fromfile(f"{folder}/variance.f4", "<f4").reshape(side, side))
x, y = np.fromfile(f"{folder}/positions.f8", "<f8").reshape(-1, 2).T

offsets = np.arange(-7, 8)
kernel = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))
found = []
for sign in (1, -1):
    sources = sep.extract(np.ascontiguousarray(sign * image), 5.0, err=error, minarea=1, filter_kernel=kernel, clean=False)
    found += [[float(s["xcpeak"]), float(s["ycpeak"]), sign] for s in sources]

apertures = {
    str(radius): sep.sum_circle(image, x, y, radius, err=error, subpix=0)[0].tolist() for radius in (3.0, 12.0)
}

# The PSF as an image, whose values between pixels come from a spline: what ours are made of by Lanczos-5.
half = parameters["psfHalf"]
grid = np.arange(-half, half + 1)
psf = np.exp(-(grid[:, None] ** 2 + grid**2) / (2 * sigma**2))
model = ImagePSF(psf / psf.sum())
model.x_0.fixed = model.y_0.fixed = True
start = Table({"x_0": x, "y_0": y, "flux_0": apertures["3.0"]})
fit = PSFPhotometry(model, (2 * half + 1, 2 * half + 1))(image, error=error, init_params=start)
print(
    json.dumps(
        {
            "found": found,
            "apertures": apertures,
            "flux": np.asarray(fit["flux_fit"]).tolist(),
            "fluxErr": np.asarray(fit["flux_err"]).tolist(),
        }
    )
)
