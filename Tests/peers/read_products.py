# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an exposure and a catalog as a user would and prints what it finds as JSON: read_products.py EXPOSURE CATALOG."""
import json
import sys
import warnings

import astropy.units as u
import h5py
import numpy as np
from astropy.io import fits
from astropy.table import QTable, Table
from astropy.wcs import WCS

warnings.simplefilter("error")
out = {}
with h5py.File(sys.argv[1]) as f:
    image, mask, variance = f["image"], f["mask"], f["variance"]
    out["shape"] = list(image.shape)
    out["types"] = [d.dtype.str for d in (image, mask, variance)]
    out["filters"] = [[d.shuffle, d.compression, bool(d.fletcher32)] for d in (image, mask, variance)]
    out["xy0"] = f.attrs["xy0"].tolist()
    out["planes"] = {k: int(v) for k, v in mask.attrs.items() if k.startswith("MP_")}
    pixels, bits = image[:], mask[:]
    no_data = (bits >> mask.attrs["MP_NO_DATA"]) & 1
    out["no_data"] = np.argwhere(no_data).tolist()
    out["nan"] = np.argwhere(np.isnan(pixels)).tolist()
    out["infinite"] = np.argwhere(np.isinf(variance[:])).tolist()
    out["sum"] = float(np.nansum(pixels, dtype="f8"))
    header = fits.Header.fromstring(b"".join(c.ljust(80) for c in f["wcs/header"][:]).decode())
    # Positions of the file's array are 0-based from xy0, the header's 1-based.
    sky = WCS(header).pixel_to_world_values([1000.0, 1079.0], [2000.0, 2059.0])
    out["sky"] = [[float(x) for x in axis] for axis in sky]
    out["psf"] = f["psf"].attrs["model"].decode()
    out["mean"] = float(f["photoCalib"].attrs["mean"])
    out["band"] = f["filter"].attrs["band"].decode()
    out["visit"] = int(f["visitInfo"].attrs["id"])
    node = f["metadata/top:sub"]
    out["metadata"] = {k: (v.tolist() if hasattr(v, "tolist") else v) for k, v in node.attrs.items() if k in ("nSources", "scale", "isGood")}
    out["limits"] = [repr(float(x)) for x in node.attrs["limits"]]
    out["long"] = int(node["_arrays/long"][4999])
    out["software"] = f["provenance"].attrs["software"].decode()
    out["inputs"] = [r["dataset_type"].decode() for r in f["provenance/inputs"]]

table = QTable.read(sys.argv[2], path="catalog", character_as_bytes=False)
out["columns"] = table.colnames
out["units"] = {name: str(table[name].unit) for name in table.colnames if getattr(table[name], "unit", None) is not None}
out["rows"] = len(table)
out["quantity"] = isinstance(table["base_PsfFlux_instFlux"], u.Quantity)
out["description"] = table["base_PsfFlux_instFlux"].info.description
out["flag_type"] = table["base_PsfFlux_flag"].dtype.str
out["flags"] = table["base_PsfFlux_flag"].tolist()
out["bands"] = sorted(set(table["band"]))
out["aperture"] = [repr(float(x)) for x in table["aperture"][7].value]
out["microjansky"] = float(table["psfFlux"].to(u.uJy)[2].value)
out["psfFlux"] = float(table["psfFlux"][2].value)
out["id"] = int(table["id"][0])
out["missing"] = bool(np.isnan(table["base_PsfFlux_instFluxErr"][3].value))
schema = Table.read(sys.argv[2], path="catalog_schema", character_as_bytes=False)
out["schema"] = [list(map(str, row)) for row in schema["name", "type", "unit"]]
with h5py.File(sys.argv[2]) as f:
    out["h5py_units"] = [x.decode() for x in f["catalog"].attrs["units"]]
    out["slot"] = f["catalog_aliases"].attrs["slot_PsfFlux"].decode()
    first, spans = f["footprints/span_first"][:], f["footprints/spans"][:]
    out["spans"] = spans[first[0]:first[1]].tolist()
    out["peak"] = float(f["footprints/peaks"]["peakValue"][0])
print(json.dumps(out))
