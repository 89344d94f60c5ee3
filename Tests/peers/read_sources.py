# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a catalog of DIA sources with astropy and h5py: read_sources.py FILE; prints JSON."""
import json
import sys

import h5py
from astropy.table import QTable, Table

table = QTable.read(sys.argv[1], path="catalog")
dropped = QTable.read(sys.argv[1], path="dropped")
with h5py.File(sys.argv[1]) as f:
    shapes = {name: list(f["cutouts"][name].shape) for name in f["cutouts"]}
    aliases = {key: value.decode() if isinstance(value, bytes) else str(value) for key, value in f["catalog_aliases"].attrs.items()}
fits = Table.read(sys.argv[1].replace(".h5", ".fits"), hdu=1)
print(
    json.dumps(
        {
            "count": len(table),
            "fitsCount": len(fits),
            "x": [float(v) for v in table["ip_diffim_DipoleFit_x"].value],
            "unit": str(table["base_PsfFlux_instFlux"].unit),
            "reasons": [str(v) for v in dropped["reason"]],
            "shapes": shapes,
            "centroid": aliases["slot_Centroid"],
            "documented": all(table[name].info.description for name in table.colnames),
        }
    )
)
