"""NumPy's npz: a zip of one `.npy` file an array, and one of ours with the strings."""

from __future__ import annotations

import json
import math
import re
import struct
import zipfile
from typing import IO, Any, BinaryIO

import numpy as np

__all__ = ["read", "write"]

STRINGS = "clownpiece.json"

# What `np.lib.format` writes before an array, by its major version: how long the header is.
_LENGTHS = {1: "<H", 2: "<I", 3: "<I"}

_LARGEST_HEADER = 10_000

_HEADER = re.compile(
    r"\{\s*'descr':\s*(?P<dtype>'[<>|=]?[A-Za-z?]\d*'|\[.*\]),\s*'fortran_order':\s*(?P<order>True|False),"
    r"\s*'shape':\s*\((?P<shape>[\d,\sL]*)\),?\s*\}\s*"
)
"""A dict in Python's spelling, which is matched rather than evaluated."""


def write(file: BinaryIO, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write arrays by name, uncompressed as `np.savez` does, and strings."""
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
        if metadata:
            archive.writestr(STRINGS, json.dumps(metadata))


def read(archive: zipfile.ZipFile, name: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the strings of an archive.

    Raises:
        RuntimeError: it is damaged, or holds Python objects.
    """
    names = archive.namelist()
    metadata = json.loads(archive.read(STRINGS)) if STRINGS in names else {}
    if type(metadata) is not dict or not all(type(text) is str for text in metadata.values()):
        raise RuntimeError(f"{name} is damaged: its {STRINGS} is no dict of strings")
    arrays = {
        each.removesuffix(".npy"): _array(archive, each, name) for each in names if each != STRINGS
    }
    return arrays, metadata


def _array(archive: zipfile.ZipFile, entry: str, name: str) -> np.ndarray:
    if not entry.endswith(".npy"):
        raise RuntimeError(f"{name} is no npz file: its entry {entry!r} is no .npy")
    with archive.open(entry) as file:
        shape, by_columns, dtype = _header(file)
        if dtype.hasobject:
            raise RuntimeError(
                f"{entry!r} in {name} holds Python objects, which could run code; convert the "
                "array to numbers where it was made"
            )
        # Asked before memory is, for a header may promise more than there is.
        present = archive.getinfo(entry).file_size - file.tell()
        promised = math.prod(shape) * dtype.itemsize
        if present != promised:
            raise RuntimeError(
                f"{entry!r} in {name} has {present} bytes, but shape {shape} of {dtype} takes "
                f"{promised}"
            )
        flat = np.frombuffer(file.read(), dtype)
    return flat.reshape(shape, order="F" if by_columns else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """The shape, whether columns come first, and the element type."""
    start = file.read(8)
    if len(start) < 8 or start[:6] != b"\x93NUMPY" or start[6] not in _LENGTHS:
        raise ValueError(f"an array starts with {start!r}, which is no .npy header")
    format = _LENGTHS[start[6]]
    (length,) = struct.unpack(format, file.read(struct.calcsize(format)))
    if length > _LARGEST_HEADER:
        raise ValueError(f"an array has a header of {length:,} bytes")
    text = file.read(length).decode("utf-8" if start[6] == 3 else "latin-1")
    found = _HEADER.fullmatch(text)
    if found is None:
        raise ValueError(f"an array has the header {text.strip()!r}, which cannot be understood")
    if found["dtype"].startswith("["):
        raise ValueError("an array has named fields; save each of them by itself")
    sizes = [size.strip().rstrip("L") for size in found["shape"].split(",")]
    shape = tuple(int(size) for size in sizes if size)
    return shape, found["order"] == "True", np.dtype(found["dtype"].strip("'"))
