# SPDX-License-Identifier: GPL-3.0-or-later
"""Times other programs on one image, one thread each: peers.py PLANE SIDE STAGE…; prints {stage: {program: seconds}} as JSON.

Beside PLANE may be template.f4 and science.f4, a pair to subtract."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

side = int(sys.argv[2])
stages = set(sys.argv[3:])
image = np.fromfile(sys.argv[1], dtype="<f4").reshape(side, side)


def median_seconds(work, runs=3):
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[runs // 2]


result = {}
double = np.random.default_rng(1).normal(size=(2048, 2048))
result["calibration"] = {f"numpy {np.__version__}": median_seconds(lambda: np.fft.rfft2(double), runs=5)}
try:
    import sep

    for size in (64, 128):
        if f"background mesh, {size} px" not in stages:
            continue
        result[f"background mesh, {size} px"] = {
            f"SEP {sep.__version__}": median_seconds(lambda: sep.Background(image, bw=size, bh=size).back())
        }
except ImportError as error:
    print(f"skydiff-benchmarks: no comparison with {error.name}: it is not installed", file=sys.stderr)

try:
    import photutils
    from photutils.background import Background2D

    if side <= 2048 and "background mesh, 64 px" in stages:
        result.setdefault("background mesh, 64 px", {})[f"photutils {photutils.__version__}"] = median_seconds(
            lambda: Background2D(image, 64).background, runs=1
        )
except ImportError as error:
    print(f"skydiff-benchmarks: no comparison with {error.name}: it is not installed", file=sys.stderr)

folder = os.path.dirname(sys.argv[1])
if os.path.exists(f"{folder}/sources.f4"):
    sources = np.fromfile(f"{folder}/sources.f4", dtype="<f4").reshape(side, side)
    x, y = np.fromfile(f"{folder}/positions.f8", dtype="<f8").reshape(-1, 2).T
    error = np.full_like(sources, 5)
    offsets = np.arange(-7, 8)
    gaussian = np.exp(-(offsets[:, None] ** 2 + offsets**2) / 8.0)
    try:
        import sep

        if "detect sources" in stages:
            # One polarity; twice that for both.
            result["detect sources, matched filter"] = {
                f"SEP {sep.__version__} extract, positive only": median_seconds(
                    lambda: sep.extract(sources, 5.0, err=error, minarea=1, filter_kernel=gaussian, clean=False)
                )
            }
        if "measure sources" in stages:
            result["measure sources, base_CircularApertureFlux"] = {
                f"SEP {sep.__version__} sum_circle, exact": median_seconds(
                    lambda: sep.sum_circle(sources, x, y, 12.0, err=error, subpix=0)
                )
            }
    except ImportError as missing:
        print(f"skydiff-benchmarks: no comparison with {missing.name}: it is not installed", file=sys.stderr)
    try:
        import photutils
        from astropy.table import Table
        from photutils.psf import CircularGaussianPRF, PSFPhotometry

        if "measure sources" in stages:
            # A thousand sources of them, scaled: all take minutes.
            count = min(1000, len(x))
            start = Table({"x_0": x[:count], "y_0": y[:count], "flux_0": np.full(count, 1000.0)})
            model = CircularGaussianPRF(fwhm=2 * np.sqrt(2 * np.log(2)) * 2)
            model.x_0.fixed = model.y_0.fixed = True
            fit = PSFPhotometry(model, (31, 31))
            seconds = median_seconds(lambda: fit(sources, error=error, init_params=start), runs=1)
            result["measure sources, base_PsfFlux"] = {
                f"photutils {photutils.__version__} PSFPhotometry, fixed positions": seconds * len(x) / count
            }
    except ImportError as missing:
        print(f"skydiff-benchmarks: no comparison with {missing.name}: it is not installed", file=sys.stderr)

if "forced photometry" in stages:
    try:
        import photutils
        from astropy.table import Table
        from photutils.psf import CircularGaussianPSF, PSFPhotometry

        stars = np.fromfile(f"{folder}/stars.f4", dtype="<f4").reshape(side, side).astype(float)
        x, y = np.fromfile(f"{folder}/places.f8", dtype="<f8").reshape(-1, 2).T
        ours, error = np.fromfile(f"{folder}/fluxes.f8", dtype="<f8").reshape(-1, 2).T
        model = CircularGaussianPSF(fwhm=2 * np.sqrt(2 * np.log(2)) * 2)
        model.x_0.fixed = model.y_0.fixed = True
        fit = PSFPhotometry(model, (25, 25))
        start = Table({"x_0": x, "y_0": y, "flux_0": 1.1 * ours})
        noise = np.full_like(stars, 5)
        fit(stars, error=noise, init_params=start[:100])
        begin = time.perf_counter()
        theirs = fit(stars, error=noise, init_params=start)
        seconds = time.perf_counter() - begin
        theirs.sort("id")
        off = np.max(np.abs(np.asarray(theirs["flux_fit"]) - ours) / error)
        print(
            f"skydiff-benchmarks: forced photometry of {len(x)} stars: fluxes of photutils are within {off:.1e} of the error of ours",
            file=sys.stderr,
        )
        name = f"photutils {photutils.__version__} PSFPhotometry, fixed positions"
        result["forced photometry, base_PsfFlux"] = result["forced photometry, all together"] = {name: seconds}
    except ImportError as missing:
        print(f"skydiff-benchmarks: no comparison with {missing.name}: it is not installed", file=sys.stderr)

if "associate, pairs" in stages:
    try:
        import astropy
        import scipy
        from astropy.coordinates import SkyCoord, search_around_sky
        from scipy.spatial import cKDTree
        from astropy import units

        objects, sources = np.fromfile(f"{folder}/objects.f8", dtype="<f8").reshape(2, -1, 2)

        def vectors(positions):
            ra, dec = np.radians(positions).T
            return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)

        def nearest():
            # As the reference pairs them: a tree of the sources, and the nearest one of each object.
            cKDTree(vectors(sources)).query(vectors(objects), distance_upper_bound=np.radians(1 / 3600))

        def around():
            first, second = (SkyCoord(*table.T, unit="deg") for table in (objects, sources))
            search_around_sky(first, second, 1 * units.arcsec)

        result["associate, pairs"] = {
            f"SciPy {scipy.__version__} cKDTree, nearest": median_seconds(nearest, 5),
            f"astropy {astropy.__version__} search_around_sky": median_seconds(around, 5),
        }
    except ImportError as missing:
        print(f"skydiff-benchmarks: no comparison with {missing.name}: it is not installed", file=sys.stderr)

try:
    import scipy
    from scipy import ndimage, signal

    kernel = np.ones((21, 21), dtype="f4") / 441
    profile = np.ones(21, dtype="f4") / 21
    if "convolve fixed" in stages:
        result["convolve fixed"] = {
            f"scipy {scipy.__version__} fftconvolve, image only": median_seconds(
                lambda: signal.fftconvolve(image, kernel, mode="same")
            )
        }
    if "convolve separable" in stages:
        result["convolve separable"] = {
            f"scipy {scipy.__version__} convolve1d, image only": median_seconds(
                lambda: ndimage.convolve1d(ndimage.convolve1d(image, profile, axis=0), profile, axis=1)
            )
        }
except ImportError as error:
    print(f"skydiff-benchmarks: no comparison with {error.name}: it is not installed", file=sys.stderr)

try:
    import io

    import h5py

    planes = {"image": image, "mask": np.zeros((side, side), "i4"), "variance": np.full((side, side), 25, "f4")}
    options = dict(chunks=(min(256, side), min(256, side)), shuffle=True, compression="gzip", compression_opts=1, fletcher32=True)

    def make():
        buffer = io.BytesIO()
        with h5py.File(buffer, "w", libver="v110") as f:
            for name, plane in planes.items():
                f.create_dataset(name, data=plane, **options)
        return buffer

    def read(buffer):
        with h5py.File(buffer, "r") as f:
            return [f[name][:] for name in planes]

    if "exposure file, make" in stages:
        result["exposure file, make"] = {f"h5py {h5py.__version__}, same filters": median_seconds(make)}
    if "exposure file, read" in stages:
        made = make()
        result["exposure file, read"] = {f"h5py {h5py.__version__}": median_seconds(lambda: read(made))}
except ImportError as error:
    print(f"skydiff-benchmarks: no comparison with {error.name}: it is not installed", file=sys.stderr)

swarp = shutil.which("SWarp") or shutil.which("swarp")
if not swarp and "warp lanczos(3)" in stages:
    print("skydiff-benchmarks: no comparison with SWarp: it is not installed", file=sys.stderr)
elif swarp and "warp lanczos(3)" in stages:
    from astropy.io import fits

    with tempfile.TemporaryDirectory() as folder:
        header = fits.Header()
        scale = 0.2 / 3600
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CRPIX1"], header["CRPIX2"] = side / 2 + 1, side / 2 + 1
        header["CRVAL1"], header["CRVAL2"] = 150.0, 2.0
        header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -scale, 0.0, 0.0, scale
        fits.PrimaryHDU(image, header).writeto(f"{folder}/image.fits")
        for order in (3,):
            command = [
                swarp, "image.fits", "-RESAMPLING_TYPE", f"LANCZOS{order}", "-SUBTRACT_BACK", "N", "-NTHREADS", "1",
                "-PIXELSCALE_TYPE", "MANUAL", "-PIXEL_SCALE", "0.2002", "-COMBINE", "N", "-VERBOSE_TYPE", "QUIET",
            ]
            result[f"warp lanczos({order})"] = {
                "SWarp, image and weight, FITS in and out": median_seconds(
                    lambda: subprocess.run(
                        command, cwd=folder, check=True, env={**os.environ, "HOME": folder},
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )
                )
            }

pair = [os.path.join(os.path.dirname(sys.argv[1]), f"{name}.f4") for name in ("template", "science")]
if "subtract" in stages and all(map(os.path.exists, pair)):
    try:
        import contextlib
        import importlib.metadata

        from astropy.io import fits
        from sfft.CustomizedPacket import Customized_Packet

        with tempfile.TemporaryDirectory() as folder:
            for name, plane in zip(("template", "science"), pair):
                fits.PrimaryHDU(np.fromfile(plane, dtype="<f4").reshape(side, side)).writeto(f"{folder}/{name}.fits")
            reference, science = f"{folder}/template.fits", f"{folder}/science.fits"

            def subtract():
                with contextlib.redirect_stdout(sys.stderr):
                    Customized_Packet.CP(
                        FITS_REF=reference, FITS_SCI=science, FITS_mREF=reference, FITS_mSCI=science, ForceConv="REF",
                        GKerHW=10, KerPolyOrder=1, BGPolyOrder=2, BACKEND_4SUBTRACT="Numpy", NUM_CPU_THREADS_4SUBTRACT=1,
                        VERBOSE_LEVEL=0,
                    )

            result["subtract"] = {
                f"SFFT {importlib.metadata.version('sfft')} numpy, image only, FITS in": median_seconds(subtract, runs=1)
            }
    except ImportError as error:
        print(f"skydiff-benchmarks: no comparison with {error.name}: it is not installed", file=sys.stderr)

print(json.dumps(result))
