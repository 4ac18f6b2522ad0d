"""Cells as a PNG whose pixels are their codes: small, exact, and readable by a page.

A palette picture stores one byte a cell and the colour of each byte once. As every code has a
colour of its own, a script finds the value of a cell in the picture itself, and no page carries
its numbers twice (``front/ask.js``).
"""

from __future__ import annotations

import base64
import functools
import html
import struct
import zlib

import numpy as np

from .. import look
from .codes import CODES, TOP

__all__ = ["MASKED", "cell_image", "colors_of", "map_image", "palette", "png"]

MASKED = CODES["low"]
"""In a picture this pixel is transparent. A clipped value has the colour of the end instead."""


@functools.cache
def palette(name: str) -> np.ndarray:
    """(256, 4) RGBA of every pixel under a colour map; no two of them are equal."""
    table = np.full((256, 4), 255, np.uint8)
    table[: TOP + 1, :3] = look.colormap_table(name, TOP + 1)
    table[MASKED] = (0, 0, 0, 0)
    table[CODES["high"]] = (0, 0, 0, 0)
    table[CODES["nan"], :3] = look.rgb(look.color("nan"))
    # One bit beside the colour of the end: the same to an eye, another to a script.
    for infinite, end in (("posinf", TOP), ("neginf", 0)):
        table[CODES[infinite]] = table[end] ^ np.array([0, 0, 1, 0], np.uint8)
    return table


def colors_of(codes: np.ndarray, name: str) -> np.ndarray:
    """RGBA of codes: a clipped value has the colour of the end."""
    return palette(name)[_within(codes)]


def _within(codes: np.ndarray) -> np.ndarray:
    pixels = codes.copy()
    pixels[codes == CODES["low"]] = 0
    pixels[codes == CODES["high"]] = TOP
    return pixels


def png(pixels: np.ndarray, table: np.ndarray) -> bytes:
    """A palette PNG (RFC 2083) of `(rows, columns)` uint8 pixels and an `(n, 4)` RGBA palette."""
    rows, columns = pixels.shape
    # The colours that occur, and no others: most pictures are smaller than a whole palette.
    used, places = np.unique(pixels, return_inverse=True)
    colors = table[used]
    plain = np.zeros((rows, columns + 1), np.uint8)
    plain[:, 1:] = places.reshape(pixels.shape)
    # Each row as its difference to the one above: better where pictures are smooth downwards.
    above = plain.copy()
    above[1:, 1:] -= plain[:-1, 1:]
    above[:, 0] = 2
    # Which of them is smaller shows in a quick look; looking harder than 6 takes long for little.
    rows_of_bytes = min((each.tobytes() for each in (plain, above)), key=_quick_size)
    data = zlib.compress(rows_of_bytes, 6)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    transparent = _chunk(b"tRNS", colors[:, 3].tobytes()) if (colors[:, 3] < 255).any() else b""
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", np.ascontiguousarray(colors[:, :3]).tobytes()),
            transparent,
            _chunk(b"IDAT", data),
            _chunk(b"IEND", b""),
        ]
    )


def _quick_size(data: bytes) -> int:
    return len(zlib.compress(data, 1))


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def cell_image(
    codes: np.ndarray,
    box: tuple[float, float, float, float],
    map_name: str,
    *,
    masked: np.ndarray | None = None,
    facts: dict[str, str] | None = None,
) -> str:
    """An SVG image of codes in a box (x, y, width, height).

    Args:
        map_name: the colour map, "diverging" or "sequential".
        masked: which cells show what lies behind the picture.
        facts: what a page must know to answer for a cell, as `data-…` attributes.
    """
    pixels = _within(codes)
    if masked is not None:
        pixels[masked] = MASKED
    told = "".join(
        f' data-{name}="{html.escape(value, quote=True)}"' for name, value in (facts or {}).items()
    )
    return _image(pixels, box, map_name, told)


def map_image(name: str, box: tuple[float, float, float, float]) -> str:
    """A colour map from its low end to its high one, for a legend."""
    return _image(np.arange(TOP + 1, dtype=np.uint8)[None], box, name)


def _image(
    pixels: np.ndarray, box: tuple[float, float, float, float], name: str, told: str = ""
) -> str:
    data = base64.b64encode(png(pixels, palette(name))).decode()
    x, y, wide, high = box
    # Cells that are smaller than a pixel are better averaged than left out.
    crisp = ' style="image-rendering:pixelated"' if wide >= pixels.shape[1] else ""
    return (
        f'<image x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" '
        f'preserveAspectRatio="none"{crisp}{told} '
        f'href="data:image/png;base64,{data}"/>'
    )
