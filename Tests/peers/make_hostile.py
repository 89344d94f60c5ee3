# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes HDF5 files that claim to be exposures and are not: make_hostile.py FOLDER."""
import sys

import h5py
import numpy as np

folder = sys.argv[1]


def make(name, libver="v110", **parts):
    with h5py.File(f"{folder}/{name}.h5", "w", libver=libver) as f:
        f.attrs["format"] = np.bytes_("skydiff exposure")
        f.attrs["format_version"] = 1
        f.attrs["xy0"] = np.array([0, 0])
        for group in ("metadata", "provenance"):
            f.create_group(group)
        for key in ("image", "mask", "variance"):
            maker = parts.get(key, lambda f, k: f.create_dataset(k, data=np.zeros((4, 4), "i4" if k == "mask" else "f4")))
            maker(f, key)


def data(array, **options):
    return lambda f, k: f.create_dataset(k, data=array, **options)


make("shapes_differ", variance=data(np.zeros((4, 5), "f4")))
make("rank_1", image=data(np.zeros(16, "f4")))
make("rank_3", image=data(np.zeros((1, 4, 4), "f4")))
make("rank_5", image=data(np.zeros((1, 1, 1, 4, 4), "f4")))
make("float16", image=data(np.zeros((4, 4), "f2")))
make("float64", image=data(np.zeros((4, 4), "f8")))
make("integers", image=data(np.zeros((4, 4), "i4")))
make("unsigned_mask", mask=data(np.zeros((4, 4), "u4")))
make("complex", image=data(np.zeros((4, 4), "c8")))
make("compound", image=data(np.zeros((4, 4), [("a", "f4")])))
make("strings", image=lambda f, k: f.create_dataset(k, data=["a", "b"], dtype=h5py.string_dtype()))
make("huge_claim", image=lambda f, k: f.create_dataset(k, shape=(1 << 20, 1 << 20), dtype="f4", chunks=(64, 64)),
     mask=lambda f, k: f.create_dataset(k, shape=(1 << 20, 1 << 20), dtype="i4", chunks=(64, 64)),
     variance=lambda f, k: f.create_dataset(k, shape=(1 << 20, 1 << 20), dtype="f4", chunks=(64, 64)))
make("large_claim", image=lambda f, k: f.create_dataset(k, shape=(1 << 15, 1 << 15), dtype="f4", chunks=(64, 64)),
     mask=lambda f, k: f.create_dataset(k, shape=(1 << 15, 1 << 15), dtype="i4", chunks=(64, 64)),
     variance=lambda f, k: f.create_dataset(k, shape=(1 << 15, 1 << 15), dtype="f4", chunks=(64, 64)))
make("external_link", image=lambda f, k: f.__setitem__(k, h5py.ExternalLink("/etc/passwd", "/image")))
make("soft_link", image=lambda f, k: f.__setitem__(k, h5py.SoftLink("/image")))
make("group_for_image", image=lambda f, k: f.create_group(k))
make("old_superblock", libver="earliest")
make("external_storage", image=lambda f, k: f.create_dataset(k, shape=(4, 4), dtype="f4", external=[("/etc/passwd", 0, 64)]))
with h5py.File(f"{folder}/virtual.h5", "w", libver="v110") as f:
    layout = h5py.VirtualLayout(shape=(4, 4), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "image", shape=(4, 4))
    f.attrs["format"] = np.bytes_("skydiff exposure")
    f.attrs["format_version"] = 1
    f.attrs["xy0"] = np.array([0, 0])
    f.create_virtual_dataset("image", layout)
    f.create_dataset("mask", data=np.zeros((4, 4), "i4"))
    f.create_dataset("variance", data=np.zeros((4, 4), "f4"))
    f.create_group("metadata")
    f.create_group("provenance")
