"""Saving and loading: safetensors and npz are written and read, PyTorch's files only read.

Nothing in a file is ever run. What is saved may be a state_dict, an optimizer's, or any nest of
dicts, lists and tuples of tensors, numbers and strings:

>>> import clownpiece as cp, pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "checkpoint.safetensors"
>>> model = cp.nn.Linear(2, 1)
>>> optimizer = cp.optim.SGD(model.parameters(), lr=0.1)
>>> cp.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
>>> checkpoint = cp.load(path)
>>> checkpoint["epoch"]
3
>>> optimizer.load_state_dict(checkpoint["optimizer"])
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from . import npz, safetensors, torch_files
from .atomic import written_whole
from .structure import STRUCTURE, from_tensors, to_tensors
from .zips import honest_zip

__all__ = ["load", "load_metadata", "save"]

File = str | os.PathLike[str] | BinaryIO

_WRITERS = {".safetensors": safetensors.write, ".npz": npz.write}


def save(
    obj: Any,
    f: File,
    *,
    metadata: Mapping[str, str] | None = None,
    format: str | None = None,
) -> None:
    """Write `obj` to a file, which is the old one or the new one and never a part of it.

    Args:
        obj: a state_dict, or a nest of dicts, lists, tuples, tensors, arrays, numbers, strings.
        f: a path, or a binary file that is open for writing.
        metadata: strings to keep beside it, for `load_metadata`.
        format: `"safetensors"` or `"npz"`; without it the path's suffix says which, and an
            open file becomes safetensors.

    Raises:
        ValueError: no known format.
        TypeError: something in `obj` that no file can hold; the message says where it is. Or `f`
            is no file.
        OSError: no such folder, no permission, no space; an old file is as it was.
    """
    _check_file(f, "write", "save(obj, path)")
    write = _writer(f, format)
    tensors, structure = to_tensors(obj)
    strings = _checked_metadata(metadata)
    if structure is not None:
        strings[STRUCTURE] = structure
    if isinstance(f, (str, os.PathLike)):
        with written_whole(Path(f)) as file:
            write(file, tensors, strings)
    else:
        write(f, tensors, strings)


def load(
    f: File, map_location: Any = None, *, weights_only: bool = True, mmap: bool | None = None
) -> Any:
    """What `save` wrote, or the tensors of a safetensors, npz, `.pt` or `.pth` file.

    The format is read from the content, not from the name. PyTorch's files are read without
    running anything in them: tensors, numbers, strings and containers come through, any other
    object is refused. Elements that clownpiece has no type for (float16, bfloat16, unsigned) are
    converted to the next larger one that holds them exactly: published weights simply work. Types
    that none holds (float8, complex, uint64) are refused.

    Args:
        f: a path, or a binary file that is open for reading.
        map_location: PyTorch's; everything is on the CPU here.
        weights_only: PyTorch's; False is refused.
        mmap: accepted for PyTorch's sake.

    Raises:
        FileNotFoundError: no such file.
        RuntimeError: a file that is cut short, damaged, or of no known format.
        pickle.UnpicklingError: a PyTorch file that needs code to be run.
    """
    if not weights_only:
        raise ValueError(
            "weights_only=False would run code from the file, which clownpiece never does; "
            "leave it out to load the tensors"
        )
    if map_location is not None and str(map_location) != "cpu":
        raise RuntimeError(f"clownpiece computes on the CPU only; got map_location={map_location}")
    _check_file(f, "read", "load(path)")
    if not isinstance(f, (str, os.PathLike)):
        return _read(f, "the open file")[0]
    with open(f, "rb") as file:
        return _read(file, os.fspath(f))[0]


def _check_file(f: Any, able: str, call: str) -> None:
    if not isinstance(f, (str, os.PathLike)) and not hasattr(f, able):
        raise TypeError(
            f"expected a path or an open binary file, but got {type(f).__name__}; call {call}"
        )


def load_metadata(f: File) -> dict[str, str]:
    """The strings that `save` was given as `metadata`, or another program wrote."""
    if not isinstance(f, (str, os.PathLike)):
        return _read(f, "the open file")[1]
    with open(f, "rb") as file:
        return _read(file, os.fspath(f))[1]


def _read(file: BinaryIO, name: str) -> tuple[Any, dict[str, str]]:
    if not file.seekable():
        file = io.BytesIO(file.read())
    start = file.read(16)
    if not isinstance(start, bytes):
        raise TypeError(f"{name} is open for text; open it with mode 'rb'")
    file.seek(-len(start), os.SEEK_CUR)
    if torch_files.looks_like_pickle(start):
        return torch_files.read_legacy(file, name), {}
    if start.startswith(b"PK"):
        with honest_zip(file, name) as archive:
            if any(each.endswith("/data.pkl") for each in archive.namelist()):
                return torch_files.read_archive(archive, name), {}
            tensors, strings = npz.read(archive, name)
    elif safetensors.looks_right(start):
        tensors, strings = safetensors.read(file, name)
    else:
        raise RuntimeError(
            f"{name} is neither a safetensors, an npz nor a PyTorch file: it "
            + (f"starts with {start[:8]!r}" if start else "is empty, perhaps cut short")
        )
    structure = strings.pop(STRUCTURE, None)
    return from_tensors(tensors, structure, name), strings


def _writer(f: File, format: str | None) -> Any:
    if format is not None:
        suffix = "." + format.lstrip(".")
    elif isinstance(f, (str, os.PathLike)):
        suffix = Path(f).suffix
    else:
        suffix = ".safetensors"
    if suffix in _WRITERS:
        return _WRITERS[suffix]
    if suffix in (".pt", ".pth", ".pkl"):
        raise ValueError(
            f"clownpiece reads {suffix} files, but does not write pickles, which can run code "
            "when they are opened; save to a .safetensors file, which PyTorch reads too"
        )
    raise ValueError(f"cannot tell the format from {suffix!r}; expected .safetensors or .npz")


def _checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    strings = dict(metadata or {})
    for key, value in strings.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(
                f"metadata is strings by strings, but {key!r} has {value!r}; put numbers into "
                "the saved object, or write str(value)"
            )
        if (key + value).encode(errors="ignore").decode() != key + value:
            raise ValueError(f"the metadata {key!r} has half of a character, which is no text")
    if STRUCTURE in strings:
        raise ValueError(f"the metadata key {STRUCTURE!r} is taken; choose another one")
    return strings
