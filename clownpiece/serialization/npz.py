"""NumPy's npz: a zip of one `.npy` file an array, and one of ours with the strings."""

from __future__ import annotations

import json
import math
import struct
import zipfile
import zlib
from typing import IO, BinaryIO

import numpy as np

__all__ = ["ZIP_ERRORS", "read", "write"]

STRINGS = "clownpiece.json"

# What `zipfile` raises where a byte is not what it should be, by what the byte was for.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
)


def write(file: BinaryIO, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write arrays by name, uncompressed as `np.savez` does, and strings."""
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
        if metadata:
            archive.writestr(STRINGS, json.dumps(metadata))


def read(file: BinaryIO, name: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the strings of a file.

    Raises:
        RuntimeError: the file is cut short or damaged, or holds Python objects.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            metadata = json.loads(archive.read(STRINGS)) if STRINGS in names else {}
            arrays = {
                each.removesuffix(".npy"): _array(archive, each, name)
                for each in names
                if each != STRINGS
            }
    except ZIP_ERRORS as error:
        raise RuntimeError(
            f"{name} is no whole npz file: {error}. It may be cut short or damaged"
        ) from error
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


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"version {version} of the .npy format is for named fields only")
