# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks every dataset of an HDF5 file, or every column of a FITS table, into numpy files: golden_to_npy.py FILE FOLDER.

The fields of compound datasets become DATASET.FIELD; what is true or false becomes 1 or 0.
"""
import sys

import numpy as np


def save(name, values):
    values = np.asarray(values)
    if values.dtype == bool:
        values = values.astype(np.int32)
    np.save(f"{sys.argv[2]}/{name}.npy", values.astype(values.dtype.newbyteorder("<")))


if sys.argv[1].endswith(".fits"):
    from astropy.io import fits

    with fits.open(sys.argv[1]) as file:
        table = file[1].data
        for name in table.names:
            if table[name].dtype.kind in "bif":
                save(name, table[name])
else:
    import h5py

    with h5py.File(sys.argv[1]) as file:
        for name, item in file.items():
            values = item[()]
            if values.dtype.names:
                for field in values.dtype.names:
                    save(f"{name}.{field}", values[field])
            else:
                np.save(f"{sys.argv[2]}/{name}.npy", values)
