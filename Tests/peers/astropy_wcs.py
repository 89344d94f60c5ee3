# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints headers of several projections and distortions, with 1,000 pixels each and where astropy puts them, as JSON."""
import json
import warnings

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

warnings.simplefilter("ignore")
random = np.random.default_rng(20240229)


def header(code, dec, scale, extra=None, ctype=None):
    h = fits.Header()
    h["NAXIS"] = 2
    h["NAXIS1"], h["NAXIS2"] = 2048, 4096
    first, second = ctype or (f"RA---{code}", f"DEC--{code}")
    h["CTYPE1"], h["CTYPE2"] = first, second
    h["CRPIX1"], h["CRPIX2"] = 1024.25, 2047.5
    h["CRVAL1"], h["CRVAL2"] = 359.99 if code == "STG" else 150.1, dec
    angle = np.radians(33.0)
    h["CD1_1"], h["CD1_2"] = -scale * np.cos(angle), scale * np.sin(angle)
    h["CD2_1"], h["CD2_2"] = scale * np.sin(angle), scale * np.cos(angle)
    h["RADESYS"] = "ICRS"
    h["EQUINOX"] = 2000.0
    for key, value in (extra or {}).items():
        h[key] = value
    return h


def sip(inverse):
    cards = {"A_ORDER": 3, "B_ORDER": 3}
    for p in range(4):
        for q in range(4 - p):
            if p + q >= 2:
                size = 2e-3 if p + q == 2 else 5e-7
                cards[f"A_{p}_{q}"] = random.normal() * size / 2048 ** (p + q - 2) * 1e-2
                cards[f"B_{p}_{q}"] = random.normal() * size / 2048 ** (p + q - 2) * 1e-2
    if inverse:
        cards.update({"AP_ORDER": 2, "BP_ORDER": 2})
        for p, q in [(2, 0), (1, 1), (0, 2)]:
            cards[f"AP_{p}_{q}"], cards[f"BP_{p}_{q}"] = -cards[f"A_{p}_{q}"], -cards[f"B_{p}_{q}"]
    return cards


def tpv():
    # The size of DECam's distortion: cubic terms of a percent at the corner.
    cards = {}
    for axis in (1, 2):
        cards[f"PV{axis}_0"] = 1e-4 * random.normal()
        cards[f"PV{axis}_1"] = 1 + 1e-3 * random.normal()
        cards[f"PV{axis}_2"] = 1e-3 * random.normal()
        for m in (4, 5, 6):
            cards[f"PV{axis}_{m}"] = 1e-3 * random.normal()
        for m in (7, 8, 9, 10):
            cards[f"PV{axis}_{m}"] = 1e-2 * random.normal()
    return cards


TAN_SIP = ("RA---TAN-SIP", "DEC--TAN-SIP")
polynomial = tpv()
cases = {
    "TAN": header("TAN", 2.2, 7e-5),
    "TAN near the pole": header("TAN", 89.99, 7e-5),
    "TAN-SIP": header("TAN", -30.0, 7e-5, sip(False), TAN_SIP),
    "TAN-SIP with inverse": header("TAN", -30.0, 7e-5, sip(True), TAN_SIP),
    "TPV": header("TPV", -45.0, 7.3e-5, polynomial),
    "TPV under the name TAN": header("TPV", -45.0, 7.3e-5, polynomial),
    "ZEA": header("ZEA", 60.0, 1e-3),
    "STG": header("STG", -5.0, 1e-3),
}
for code in ["SIN", "ARC", "AIR", "CAR", "MER", "SFL", "AIT", "MOL", "CEA", "PAR"]:
    cases[code] = header(code, 0.0, 1e-4)
# A cube: its third axis does not matter.
cube = header("TAN", 10.0, 1e-4)
cube["NAXIS"], cube["NAXIS3"] = 3, 5
cases["cube"] = cube

result = []
for name, h in cases.items():
    pixels = np.column_stack([random.uniform(-0.5, 2047.5, 1000), random.uniform(-0.5, 4095.5, 1000)])
    wcs = WCS(h, naxis=2)
    sky = wcs.all_pix2world(pixels, 0)
    shown = h.copy()
    if name == "TPV under the name TAN":
        shown["CTYPE1"], shown["CTYPE2"] = "RA---TAN", "DEC--TAN"
    cards = [str(card).rstrip() for card in shown.cards]
    result.append({"name": name, "cards": cards, "pixels": pixels.tolist(), "sky": sky.tolist()})
print(json.dumps(result))
