# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what skydiff forced wrote into a folder with astropy: read_forced.py FOLDER; prints JSON."""
import json
import sys

import numpy as np
from astropy.table import QTable, Table

folder = sys.argv[1]
table = QTable.read(f"{folder}/forced.h5", path="catalog", character_as_bytes=False)
fits = Table.read(f"{folder}/forced.fits", hdu=1)
csv = Table.read(f"{folder}/forced.csv", format="ascii.csv")


def fluxes(rows):
    values = np.ma.filled(np.ma.asarray(getattr(rows["base_PsfFlux_instFlux"], "value", rows["base_PsfFlux_instFlux"]), dtype=float), np.nan)
    return [float(v) for v in values if np.isfinite(v)]


print(
    json.dumps(
        {
            "names": table.colnames,
            "ids": [int(v) for v in table["id"]],
            "unit": str(table["base_PsfFlux_flux"].unit),
            "magnitudeUnit": str(table["base_PsfFlux_mag"].unit),
            "fluxes": fluxes(table),
            "fitsFluxes": fluxes(fits),
            "csvFluxes": fluxes(csv),
            "documented": all(table[name].info.description for name in table.colnames),
            "text": str(table["name"][4]),
        }
    )
)
