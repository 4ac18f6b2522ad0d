"""IDX files, the format of MNIST and its successors.

Two zero bytes, the element type, the number of dimensions, each size as a big-endian 32-bit
number, then the elements, big-endian too; often the whole file is compressed with gzip.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

__all__ = ["read_idx", "write_idx"]

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, compressed or not.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not IDX, cut short, or longer than its header says.
    """
    with open(path, "rb") as stored:
        packed = stored.read(2) == b"\x1f\x8b"
        stored.seek(0)
        file: Any = gzip.GzipFile(fileobj=stored) if packed else stored
        try:
            return _read(file, path)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is cut short or damaged: {error}") from error


def _read(file: IO[bytes], path: str | os.PathLike[str]) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        raise ValueError(
            f"{path} is no IDX file: it starts with {start!r}, expected two zero bytes, a type "
            "from 8 to 14 and the number of dimensions"
        )
    dtype, dims = np.dtype(_TYPES[start[2]]), start[3]
    sizes = file.read(4 * dims)
    if len(sizes) < 4 * dims:
        raise ValueError(f"{path} is cut short: its header has {dims} sizes, but it ends before")
    shape = struct.unpack(f">{dims}I", sizes)
    promised = math.prod(shape) * dtype.itemsize
    # In pieces: memory for what is there and not for what was promised, and no more than that.
    data = bytearray()
    while len(data) <= promised and (piece := file.read(1 << 20)):
        data += piece
    if len(data) != promised:
        present = f"{len(data):,}" if len(data) < promised else "more"
        raise ValueError(
            f"{path} is {'cut short' if len(data) < promised else 'too long'}: shape {shape} of "
            f"{dtype.name} takes {promised:,} bytes, but {present} follow its header"
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def write_idx(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write an array as IDX, compressed if the name ends in `.gz`.

    Raises:
        TypeError: the format has no type for these elements.
    """
    code = next(
        (c for c, name in _TYPES.items() if np.dtype(name) == array.dtype.newbyteorder(">")), None
    )
    if code is None:
        known = ", ".join(np.dtype(name).name for name in _TYPES.values())
        raise TypeError(f"IDX files hold {known}; got an array of {array.dtype}")
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    data = header + array.astype(_TYPES[code]).tobytes()
    # Without a time stamp the same array always makes the same file.
    Path(path).write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)
