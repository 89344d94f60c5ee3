# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks every dataset of an HDF5 file into numpy files: golden_to_npy.py FILE FOLDER."""
import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1]) as file:
    for name, item in file.items():
        if item.dtype.names:
            for field in item.dtype.names:
                np.save(f"{sys.argv[2]}/{name}.{field}.npy", item[field])
        else:
            np.save(f"{sys.argv[2]}/{name}.npy", item[()])
