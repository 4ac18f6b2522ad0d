"""Zip archives whose table of contents has been checked, for npz and PyTorch's files.

`zipfile` believes what the table says. Here no entry may be larger than what its bytes can be
unpacked to, no two may share a name or bytes, and none be encrypted, so that neither memory nor
time is spent on more than the file can hold.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

__all__ = ["honest_zip"]

# What `zipfile` raises where a byte is not what it should be, by what the byte was for.
_ERRORS = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

# Deflate makes at most 258 bytes of two bits.
_LARGEST_RATIO = 1032


@contextmanager
def honest_zip(file: BinaryIO, name: str) -> Iterator[zipfile.ZipFile]:
    """The archive in `file`; what goes wrong inside of the block is damage to the file.

    Raises:
        RuntimeError: it is cut short or damaged, or its table of contents lies.
    """
    try:
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        with zipfile.ZipFile(file) as archive:
            _check_entries(archive.infolist(), size)
            yield archive
    except _ERRORS as error:
        raise RuntimeError(f"{name} is cut short or damaged: {error}") from error


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = Counter(entry.filename for entry in entries)
    for entry in entries:
        label = repr(entry.filename)
        if names[entry.filename] > 1:
            raise ValueError(f"it has {names[entry.filename]} entries of the name {label}")
        if entry.flag_bits & 1:
            raise ValueError(f"its entry {label} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"its entry {label} is compressed by a method other than deflate")
        stored = entry.compress_type == zipfile.ZIP_STORED
        if entry.file_size > entry.compress_size * (1 if stored else _LARGEST_RATIO):
            raise ValueError(
                f"its entry {label} claims {entry.file_size:,} bytes, but has "
                f"{entry.compress_size:,}, which do not unpack to so many"
            )
    if sum(entry.compress_size for entry in entries) > size:
        raise ValueError(f"its entries claim more than the {size:,} bytes of the file")
