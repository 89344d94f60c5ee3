# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a run's deepCoadd of one patch against numpy: check_coadd.py RUN_FOLDER.

The run has to have kept its warps (deepCoadd_tempExp) and background models (deepCoadd_tempExp_background). Prints as JSON: what part
of the covered pixels was compared, the largest difference from the plain weighted mean in units of the coadd's noise, the scatter of
blank sky over what the scatter of the single warps and the weights say, and the largest relative difference of the weights from those
that the scatter of the single warps would give.
"""
import glob
import json
import re
import sys

import h5py
import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

run = sys.argv[1]


def files(dataset_type):
    found = {int(re.search(r"visit(\d+)", f).group(1)): f for f in glob.glob(f"{run}/{dataset_type}/**/*.h5", recursive=True)}
    return dict(sorted(found.items()))


def akima(x, y, at):
    """Akima's curve (1970, without special ends) through those nodes that are finite; beyond them the quadratic that goes on."""
    good = np.isfinite(y)
    x, y = x[good], y[good]
    assert len(x) >= 5, "the check is about grids with enough cells"
    slope, h = np.diff(y) / np.diff(x), np.diff(x)
    first, last = slope[0] - slope[1], slope[-1] - slope[-2]
    m = np.concatenate([[slope[0] + 2 * first, slope[0] + first], slope, [slope[-1] + last, slope[-1] + 2 * last]])
    before, after = np.abs(np.diff(m))[:-2], np.abs(np.diff(m))[2:]
    straight = before + after == 0
    assert np.all(m[1:-2][straight] == m[2:-1][straight]), "only the reference's model, which is zero, has no curvature"
    total = np.where(straight, 1, before + after)
    tangent = np.where(straight, m[1:-2], (after * m[1:-2] + before * m[2:-1]) / total)
    c = (3 * slope - 2 * tangent[:-1] - tangent[1:]) / h
    d = (tangent[:-1] + tangent[1:] - 2 * slope) / h**2
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    t = at - x[i]
    inside = y[i] + t * (tangent[i] + t * (c[i] + t * d[i]))
    below, above = at - x[0], at - x[-1]
    return np.select(
        [below < 0, above > 0],
        [y[0] + below * (tangent[0] + below * c[0]), y[-1] + above * (tangent[-1] + above * (c[-1] + 3 * h[-1] * d[-1]))],
        inside)


def background(path, x0, y0, shape):
    """The surface at the pixels of an image."""
    with h5py.File(path) as f:
        (group,) = [f[k] for k in f if k.startswith("background_")]
        assert group.attrs["interpolation"] == b"AKIMA_SPLINE"
        values = group["values"][:].astype("f8")
        bx, by, width, height = (int(v) for v in group.attrs["box"])

    def centers(length, count):
        edges = (np.arange(count + 1) * length + count // 2) // count
        return (edges[:-1] + edges[1:] - 1) / 2

    rows, columns = centers(height, values.shape[0]), centers(width, values.shape[1])
    y, x = np.arange(y0 - by, y0 - by + shape[0]), np.arange(x0 - bx, x0 - bx + shape[1])
    along_y = np.array([akima(rows, values[:, i], y) for i in range(values.shape[1])])
    return np.array([akima(columns, along_y[:, j], x) for j in range(len(y))]).astype("f4")


def scatter(v):
    low, high = np.percentile(v, [15.865, 84.135])
    return (high - low) / 2


(coadd_path,) = glob.glob(f"{run}/deepCoadd/**/*.h5", recursive=True)
with h5py.File(coadd_path) as f:
    coadd, variance, bits = f["image"][:], f["variance"][:], f["mask"][:]
    planes = {k[3:]: 1 << int(v) for k, v in f["mask"].attrs.items() if k.startswith("MP_")}
    values = f["metadata/assembleCoadd"].attrs
    visits, weights = values["coadd_visits"].tolist(), values["coadd_weights"][:]
warps, models = files("deepCoadd_tempExp"), files("deepCoadd_tempExp_background")
assert visits == list(warps) == list(models), (visits, list(warps), list(models))

covered = np.isfinite(coadd)
# Where a visit was left out the mean is another one.
matched, good = [], covered & (bits & (planes["CLIPPED"] | planes["REJECTED"] | planes["NO_DATA"]) == 0)
for visit in visits:
    with h5py.File(warps[visit]) as f:
        x0, y0 = f.attrs["xy0"]
        image, mask = f["image"][:], f["mask"][:]
        for plane in ("NO_DATA", "BAD", "SAT", "CR", "INTRP", "EDGE"):
            good &= (mask >> f["mask"].attrs[f"MP_{plane}"]) & 1 == 0
    matched.append(image.astype("f8") + background(models[visit], int(x0), int(y0), image.shape))
matched = np.array(matched)
mean = np.tensordot(weights, matched, 1) / weights.sum()

# Blank sky: nothing smooth stands out, in the coadd of which all warps are a part.
inner = np.where(good, coadd, 0)
smooth = gaussian_filter(inner.astype("f8"), 2) / np.maximum(gaussian_filter(good.astype("f8"), 2), 1e-3)
level = scatter(smooth[good])
blank = good & (maximum_filter(np.abs(smooth - np.median(smooth[good])) * good, 9) < 4 * level)
singles = np.array([scatter(w[blank]) for w in matched])
expected = np.sqrt(np.sum((weights * singles) ** 2) / weights.sum() ** 2)
# A float32 cannot say it better.
rounding = np.abs(coadd) * 2.0**-23
difference = (np.abs(coadd - mean) - rounding) / np.sqrt(variance)
ideal = singles**-2 / np.sum(singles**-2)
print(
    json.dumps(
        {
            "compared": float(good.sum() / covered.sum()),
            "difference": float(difference[good].max()),
            "blankPixels": int(blank.sum()),
            "noiseRatio": float(scatter(coadd[blank]) / expected),
            "weightDifference": float(np.max(np.abs(weights / weights.sum() / ideal - 1))),
        }
    )
)
