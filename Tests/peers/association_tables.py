# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of ephemerides as astropy and h5py write them, and the associations that skydiff wrote as astropy and h5py read them."""

import sys

import h5py
import numpy
from astropy.table import Table

action, folder = sys.argv[1:]
if action == "write":
    table = Table.read(f"{folder}/objects.csv", format="ascii.csv", comment="#")
    table.write(f"{folder}/objects.fits")
    table["Name"] = [name.encode() for name in table["Name"]]
    table.write(f"{folder}/objects_astropy.h5", path="ephemerides", serialize_meta=True)
    with h5py.File(f"{folder}/objects_h5py.h5", "w") as file:
        file["objects"] = numpy.array(table)
else:
    for name in ["objects.fits", "objects_astropy.h5", "objects_h5py.h5"]:
        with h5py.File(f"{folder}/{name}.known/associated.h5") as file:
            ids, offsets = file["catalog"]["ssObjectId"], file["catalog"]["ephOffset"]
        fits = Table.read(f"{folder}/{name}.known/associated.fits")
        assert (fits["ssObjectId"] == ids).all() and (fits["ephOffset"] == offsets).all()
        assert fits["ephOffset"].unit == "arcsec" and fits["helio_x"].unit == "AU", fits["helio_x"].unit
    print(ids.tolist(), offsets.tolist())
