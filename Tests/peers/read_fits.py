# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a FITS exposure and a FITS table that we wrote and prints what it finds: read_fits.py EXPOSURE TABLE ECSV."""
import json
import sys
import warnings

import numpy as np
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS

warnings.simplefilter("ignore")
with fits.open(sys.argv[1]) as f:
    f.verify("exception")
    h = f[0].header
    out = {
        "names": [x.name for x in f], "shape": list(f[0].data.shape), "sum": float(np.nansum(f[0].data, dtype="f8")),
        "mask": int(f["MASK"].data[10, 10]), "no_data": f["MASK"].header["MP_NO_DATA"], "inexact": f["MASK"].header["MP_INEXACT_PSF"],
        "variance": float(f["VARIANCE"].data[0, 0]), "psf": float(f["PSF"].data.sum()), "corner": [h["CRVAL1A"], h["CRVAL2A"], h["LTV1"]],
        "zero": h["MAGZERO"], "filter": h["FILTER"], "visit": h["EXPNUM"],
        "sky": [float(x) for x in WCS(h).pixel_to_world_values(0.0, 0.0)],
    }
for name, path, options in (("fits", sys.argv[2], {}), ("ecsv", sys.argv[3], {"format": "ascii.ecsv"})):
    t = QTable.read(path, **options)
    out[name] = {
        "rows": len(t), "unit": str(t["psfFlux"].unit), "flux": repr(float(t["psfFlux"][2].value)), "flags": int(t["base_PsfFlux_flag"].sum()),
        "id": int(t["id"][0]), "band": str(t["band"][0]), "description": t["psfFlux"].info.description,
    }
print(json.dumps(out))
