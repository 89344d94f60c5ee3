# SPDX-License-Identifier: GPL-3.0-or-later
"""PSF fluxes at given positions by photutils: forced_fluxes.py FOLDER.

FOLDER has image.f4 and variance.f4 (height × width, float32), positions.f8 (x, y), starts.f8 (fluxes to start from), and width, height, sigma, fitSide and
groupApart in parameters.json; prints JSON. Sources nearer to each other than groupApart are fitted together."""
import json
import sys

import numpy as np
from astropy.table import Table
from photutils.psf import CircularGaussianPSF, PSFPhotometry, SourceGrouper

folder = sys.argv[1]
with open(f"{folder}/parameters.json") as f:
    parameters = json.load(f)
shape = parameters["height"], parameters["width"]
image = np.fromfile(f"{folder}/image.f4", "<f4").reshape(shape).astype(float)
error = np.sqrt(np.fromfile(f"{folder}/variance.f4", "<f4").reshape(shape).astype(float))
x, y = np.fromfile(f"{folder}/positions.f8", "<f8").reshape(-1, 2).T

model = CircularGaussianPSF(fwhm=2 * np.sqrt(2 * np.log(2)) * parameters["sigma"])
model.x_0.fixed = model.y_0.fixed = True
start = Table({"x_0": x, "y_0": y, "flux_0": np.fromfile(f"{folder}/starts.f8", "<f8")})
grouper = SourceGrouper(parameters["groupApart"]) if parameters["groupApart"] > 0 else None
fit = PSFPhotometry(model, (parameters["fitSide"], parameters["fitSide"]), grouper=grouper)
fluxes = fit(image, error=error, init_params=start)
fluxes.sort("id")
print(json.dumps({name: np.asarray(fluxes[f"flux_{name}"]).tolist() for name in ("fit", "err")}))
