# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes FITS files of the kinds that people have: make_fits.py FOLDER."""
import gzip
import sys

import numpy as np
from astropy.io import fits
from astropy.table import Table

folder = sys.argv[1]
rng = np.random.default_rng(4)
image = rng.normal(100, 5, (30, 40)).astype("f4")
image[3, 4] = np.nan
np.save(f"{folder}/image.npy", image)


def header(**more):
    h = fits.Header()
    for key, value in dict(EXPNUM=17, CCDNUM=2, FILTER="r DECam SDSS", MAGZERO=27.5, GAIN=2.0, RDNOISE=4.0, EXPTIME=30.0,
                           CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRPIX1=20.5, CRPIX2=15.5, CRVAL1=10.0, CRVAL2=-20.0,
                           CD1_1=-1e-4, CD1_2=0.0, CD2_1=0.0, CD2_2=1e-4, OBJECT="it's a 'star'", SATURATE=115.0,
                           **{"DATE-OBS": "2020-01-01T12:00:00"}, **more).items():
        h[key] = value
    return h


fits.PrimaryHDU(image, header()).writeto(f"{folder}/plain.fits")
with open(f"{folder}/plain.fits", "rb") as f, gzip.open(f"{folder}/plain.fits.gz", "wb") as g:
    g.write(f.read())
# Rice would lose bits of float32; gzip keeps them all.
fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, header(), compression_type="GZIP_1", quantize_level=0.0)]).writeto(f"{folder}/compressed.fits.fz")
scaled = np.round(np.nan_to_num(image, nan=100.0)).astype("i2")
hdu = fits.PrimaryHDU(scaled, header())
hdu.header["BSCALE"], hdu.header["BZERO"], hdu.header["BLANK"] = 0.5, 10.0, int(scaled[0, 0])
hdu.writeto(f"{folder}/scaled.fits", output_verify="ignore")
np.save(f"{folder}/scaled.npy", np.where(scaled == scaled[0, 0], np.nan, scaled * 0.5 + 10).astype("f4"))
fits.PrimaryHDU(image.astype("f8"), header()).writeto(f"{folder}/double.fits")
fits.PrimaryHDU(image[None], header()).writeto(f"{folder}/cube1.fits")
fits.PrimaryHDU(np.stack([image, image]), header()).writeto(f"{folder}/cube2.fits")
fits.PrimaryHDU(image, fits.Header()).writeto(f"{folder}/bare.fits")
# As the LSST Science Pipelines write: the first pixel at (9, 7), planes at other bits than usual.
corner = dict(CTYPE1A="LINEAR", CTYPE2A="LINEAR", CRPIX1A=1.0, CRPIX2A=1.0, CRVAL1A=9, CRVAL2A=7, LTV1=-9, LTV2=-7)
bits = np.zeros((30, 40), "i4")
bits[5, 6], bits[7, 8] = 1 << 3, 1 << 12
mask = fits.ImageHDU(bits, name="MASK")
mask.header["MP_SAT"], mask.header["MP_CLIPPED"] = 3, 12
psf = np.exp(-0.5 * ((np.arange(11)[:, None] - 5) ** 2 + (np.arange(11)[None] - 5) ** 2) / 4).astype("f4")
fits.HDUList([fits.PrimaryHDU(header=header()), fits.ImageHDU(image, fits.Header(corner) + header(), name="IMAGE"), mask,
              fits.ImageHDU(np.full((30, 40), 25, "f4"), name="VARIANCE"), fits.ImageHDU(psf, name="PSF")]).writeto(f"{folder}/lsst.fits")
fits.HDUList([fits.PrimaryHDU(image, header()), fits.ImageHDU(np.zeros((5, 5), "i4"), name="MASK")]).writeto(f"{folder}/mask_of_other_size.fits")
fits.HDUList([fits.PrimaryHDU()]).writeto(f"{folder}/no_image.fits")
fits.PrimaryHDU(image, header(CPDIS1="LOOKUP")).writeto(f"{folder}/distorted.fits")

fits.PrimaryHDU(image, header(RADESYS="FK4", EQUINOX=1950.0)).writeto(f"{folder}/fk4.fits")
galactic = header()
galactic["CTYPE1"], galactic["CTYPE2"] = "GLON-TAN", "GLAT-TAN"
fits.PrimaryHDU(image, galactic).writeto(f"{folder}/galactic.fits")
fits.HDUList([fits.PrimaryHDU(header=header()), fits.ImageHDU(image, name="CCD1"), fits.ImageHDU(image, name="CCD2")]).writeto(f"{folder}/several.fits")
infinite = image.copy()
infinite[1, 1] = np.inf
fits.PrimaryHDU(infinite, header()).writeto(f"{folder}/infinite.fits")

n = 5
table = Table({"id": np.arange(n, dtype="i8"), "RA": np.linspace(10, 11, n), "flux": np.array([1, 2, np.nan, 4, 5], "f4"), "good": [True, False] * 2 + [True],
               "count": np.arange(n, dtype="i2"), "band": ["u", "g", "r", "ii", "z"], "apertures": np.arange(3 * n, dtype="f4").reshape(n, 3), "a.b c": np.arange(n, dtype="i4")})
table["flux"].unit, table["flux"].description = "nJy", "a flux"
table.write(f"{folder}/table.fits")
flags = fits.Column(name="flags", format="10X", array=np.eye(n, 10, dtype=bool))
hdu = fits.BinTableHDU.from_columns([fits.Column(name="id", format="K", array=np.arange(n)), flags], name="SRC")
for i in range(10):
    hdu.header[f"TFLAG{i + 1}"] = f"base_flag_{i}"
fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(f"{folder}/flags.fits")
variable = fits.Column(name="v", format="PD()", array=np.array([np.zeros(2), np.zeros(3)], dtype=object))
fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([variable])]).writeto(f"{folder}/variable.fits")
