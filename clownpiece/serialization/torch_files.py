"""PyTorch's `.pt` and `.pth` files, zip and legacy, read without running anything in them.

Both hold a pickle, a small program that builds objects by calling functions it names, and beside
it the raw bytes of storages. Three walls stand around the program:

1. Before it runs its instructions are listed, and any that tensors do not need is refused.
2. The only names it may call are the handful in `_CALLABLE`, which are ours, and frozen.
3. What it returns is copied into plain containers, and anything else in it is refused.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from ..tensor import Tensor
from .npz import ZIP_ERRORS
from .structure import as_tensor

__all__ = ["is_torch_archive", "looks_like_pickle", "read_archive", "read_legacy"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}

_NEEDED = """
    PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 LONG4 BINFLOAT
    BINSTRING SHORT_BINSTRING BINUNICODE SHORT_BINUNICODE BINBYTES SHORT_BINBYTES
    EMPTY_LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT SETITEM SETITEMS
    BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD BINPERSID
"""
_INSTRUCTIONS = frozenset(_NEEDED.split())


class _Storage:
    """A flat array that tensors look into. In a legacy file it is filled after they exist."""

    __slots__ = ("array", "bfloat16")

    def __init__(self, kind: str, count: int) -> None:
        self.bfloat16 = kind == "bfloat16"
        self.array = np.empty(count, "<u2" if self.bfloat16 else kind)


class _View:
    """A tensor to be: which elements of a storage it shows."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any) -> None:
        if not isinstance(storage, _Storage):
            raise pickle.UnpicklingError("a tensor is made from something that is no storage")
        numbers = (offset, *shape, *strides)
        if len(shape) != len(strides) or not all(type(n) is int and n >= 0 for n in numbers):
            raise RuntimeError(
                f"a tensor of shape {shape} has offset {offset} and strides {strides}, which "
                "cannot be"
            )
        last = offset + sum((size - 1) * step for size, step in zip(shape, strides))
        if 0 not in shape and last >= storage.array.size:
            raise RuntimeError(
                f"a tensor of shape {shape} reaches element {last} of a storage of "
                f"{storage.array.size}"
            )
        self.storage, self.offset = storage, offset
        self.shape, self.strides = tuple(shape), tuple(strides)

    def tensor(self, name: str) -> Tensor:
        array = self.storage.array
        if 0 in self.shape:
            shown = np.empty(self.shape, array.dtype)
        else:
            shown = np.lib.stride_tricks.as_strided(
                array[self.offset :],
                self.shape,
                [step * array.itemsize for step in self.strides],
            )
        if self.storage.bfloat16:
            shown = (shown.astype(np.uint32) << 16).view(np.float32)
        return as_tensor(shown, name)


def _rebuild_tensor(storage: Any, offset: int, shape: Any, strides: Any, *_: Any) -> _View:
    return _View(storage, offset, shape, strides)


def _rebuild_parameter(data: _View, *_: Any) -> _View:
    return data


_CALLABLE: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
}


class _Name:
    """What a global becomes: callable if it is one of ours, and nothing can be set on it."""

    __slots__ = ("_call", "storage")

    _call: Callable[..., Any] | None
    storage: str | None

    def __init__(self, call: Callable[..., Any] | None, storage: str | None) -> None:
        object.__setattr__(self, "_call", call)
        object.__setattr__(self, "storage", storage)

    def __setattr__(self, name: str, value: Any) -> None:
        raise pickle.UnpicklingError(f"the file tries to change {name!r} of one of its globals")

    def __call__(self, *args: Any) -> Any:
        if self._call is None:
            raise pickle.UnpicklingError("the file tries to call a storage type")
        return self._call(*args)


class _Unpickler(pickle.Unpickler):
    """Runs a checked program: knows the names above and where storages come from."""

    def __init__(self, file: BinaryIO, storage_of: Callable[..., _Storage], name: str) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage_of = storage_of
        self._file_name = name

    def find_class(self, module: str, name: str) -> _Name:
        if module == "torch" and name in _STORAGES:
            return _Name(None, _STORAGES[name])
        call = _CALLABLE.get((module, name))
        if call is None:
            raise pickle.UnpicklingError(
                f"{self._file_name} asks for {module}.{name}, and clownpiece never runs code from "
                "a file: it reads tensors, numbers, strings and containers. Save only the "
                "state_dict: torch.save(model.state_dict(), path)"
            )
        return _Name(call, None)

    def persistent_load(self, pid: Any) -> _Storage:
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise pickle.UnpicklingError(f"{self._file_name} refers to {pid!r}, no storage")
        kind = pid[1].storage if isinstance(pid[1], _Name) else None
        count = pid[4]
        if kind is None or not isinstance(count, int) or count < 0:
            raise pickle.UnpicklingError(
                f"{self._file_name} has a storage of unknown type or size: {count!r}"
            )
        return self._storage_of(kind, str(pid[2]), count, *pid[5:6])


def _run(file: BinaryIO, storage_of: Callable[..., _Storage], name: str) -> Any:
    """Check one pickle's instructions, then run it; the file is left behind it."""
    start = file.tell()
    _check_instructions(file, name)
    file.seek(start)
    try:
        return _Unpickler(file, storage_of, name).load()
    except (pickle.UnpicklingError, RuntimeError):
        raise
    except Exception as error:
        raise RuntimeError(f"{name} is damaged: its pickle cannot be read ({error})") from error


def _check_instructions(file: BinaryIO, name: str) -> None:
    try:
        for count, (code, argument, _) in enumerate(pickletools.genops(file)):
            if code.name not in _INSTRUCTIONS:
                raise pickle.UnpicklingError(
                    f"{name} has the pickle instruction {code.name}, which no file of tensors "
                    "needs; it is refused, for it may run code"
                )
            # The memo is an array as long as the largest number used, however few there are.
            if code.name in ("BINPUT", "LONG_BINPUT") and (argument or 0) > count:
                raise pickle.UnpicklingError(f"{name} numbers its objects in no honest way")
    # A warning is an error where the caller made it one; damaged text can cause it.
    except (ValueError, EOFError, Warning) as error:
        raise RuntimeError(f"{name} is damaged or cut short: {error}") from error


def _plain(obj: Any, name: str, path: str = "") -> Any:
    """The result with tensors in place of views, in new containers."""
    if obj is None or type(obj) in (bool, int, float, str, bytes):
        return obj
    if isinstance(obj, _View):
        return obj.tensor(f"{path or 'the tensor'} in {name}")
    if isinstance(obj, dict):
        return {
            _plain_key(key, name): _plain(value, name, f"{path}.{key}" if path else str(key))
            for key, value in dict.items(obj)
        }
    if type(obj) in (list, tuple):
        return type(obj)(_plain(each, name, f"{path}.{i}") for i, each in enumerate(obj))
    raise pickle.UnpicklingError(
        f"{name} has something at {path or 'its top'} that is no tensor, number, string or "
        "container"
    )


def _plain_key(key: Any, name: str) -> Any:
    if type(key) in (bool, int, float, str):
        return key
    raise pickle.UnpicklingError(f"{name} has a dict with a key that is no string or number")


def _finished(obj: Any, name: str) -> Any:
    try:
        return _plain(obj, name)
    except RecursionError as error:
        raise RuntimeError(f"{name} nests its containers without end") from error
    except (ValueError, OverflowError, MemoryError) as error:
        raise RuntimeError(f"{name} has a tensor that cannot be: {error}") from error


# -- the zip format, since PyTorch 1.6 ----------------------------------------------------------


def is_torch_archive(file: BinaryIO) -> bool:
    """Whether this zip has a pickle as PyTorch puts it there; the file is left where it was."""
    start = file.tell()
    try:
        with zipfile.ZipFile(file) as archive:
            return any(each.endswith("/data.pkl") for each in archive.namelist())
    except ZIP_ERRORS:
        return False
    finally:
        file.seek(start)


def read_archive(file: BinaryIO, name: str) -> Any:
    """The object in a zip file that `torch.save` wrote.

    Raises:
        RuntimeError: it is damaged, or a compiled program rather than data.
        pickle.UnpicklingError: it needs code to be run.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_archive(archive, name)
    except ZIP_ERRORS as error:
        raise RuntimeError(f"{name} is damaged or cut short: {error}") from error


def _read_archive(archive: zipfile.ZipFile, name: str) -> Any:
    entries = set(archive.namelist())
    (pickled,) = [each for each in entries if each.endswith("/data.pkl")][:1]
    root = pickled.removesuffix("data.pkl")
    if root + "constants.pkl" in entries:
        raise RuntimeError(
            f"{name} is a TorchScript program, made by torch.jit.save, and clownpiece runs no "
            "code from files; save its state_dict with torch.save"
        )
    order = archive.read(root + "byteorder") if root + "byteorder" in entries else b"little"
    storages: dict[str, _Storage] = {}

    def storage_of(kind: str, key: str, count: int, *_: Any) -> _Storage:
        if key not in storages:
            storages[key] = _from_entry(archive, root + "data/" + key, kind, count, order, name)
        return storages[key]

    return _finished(_run(io.BytesIO(archive.read(pickled)), storage_of, name), name)


def _from_entry(
    archive: zipfile.ZipFile, entry: str, kind: str, count: int, order: bytes, name: str
) -> _Storage:
    try:
        size = archive.getinfo(entry).file_size
    except KeyError:
        raise RuntimeError(f"{name} is damaged: it has no {entry!r}") from None
    itemsize = 2 if kind == "bfloat16" else np.dtype(kind).itemsize
    if size != count * itemsize:
        raise RuntimeError(
            f"{name} is damaged: {entry!r} has {size} bytes, but {count} elements of "
            f"{itemsize} bytes are expected"
        )
    storage = _Storage(kind, count)
    storage.array.view(np.uint8)[:] = np.frombuffer(archive.read(entry), np.uint8)
    if order == b"big":
        storage.array.byteswap(inplace=True)
    return storage


# -- the legacy format: pickles one after the other, then the storages --------------------------


def looks_like_pickle(start: bytes) -> bool:
    """Whether these first bytes are a pickle of protocol 2 or later."""
    return len(start) > 1 and start[0] == 0x80 and 2 <= start[1] <= 5


def read_legacy(file: BinaryIO, name: str) -> Any:
    """The object in a file that `torch.save` wrote before zip files.

    Raises:
        RuntimeError: it is damaged, or some other pickle.
        pickle.UnpicklingError: it needs code to be run.
    """
    if _run(file, _no_storage, name) != _MAGIC:
        raise RuntimeError(
            f"{name} is a pickle, but none of PyTorch's; clownpiece reads no other pickles, which "
            "can run code when they are opened"
        )
    protocol, system = _run(file, _no_storage, name), _run(file, _no_storage, name)
    if protocol != _PROTOCOL:
        raise RuntimeError(f"{name} has version {protocol} of the format, {_PROTOCOL} is known")
    little = system.get("little_endian", True) if isinstance(system, dict) else True
    storages: dict[str, _Storage] = {}
    left = _bytes_left(file)

    def storage_of(kind: str, key: str, count: int, view: Any = None) -> _Storage:
        nonlocal left
        if view is not None:
            raise RuntimeError(f"{name} has views of storages, which only very old files have")
        if key not in storages:
            left -= count * (2 if kind == "bfloat16" else np.dtype(kind).itemsize)
            if left < 0:
                raise RuntimeError(f"{name} is cut short: it names larger storages than it has")
            storages[key] = _Storage(kind, count)
        return storages[key]

    result = _run(file, storage_of, name)
    _fill(file, storages, _run(file, _no_storage, name), bool(little), name)
    return _finished(result, name)


def _no_storage(*_: Any) -> _Storage:
    raise pickle.UnpicklingError("there is a storage in the header of the file")


def _bytes_left(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end - here


def _fill(
    file: BinaryIO, storages: dict[str, _Storage], keys: Any, little: bool, name: str
) -> None:
    if not isinstance(keys, list) or {str(key) for key in keys} != set(storages):
        raise RuntimeError(f"{name} is damaged: its list of storages is not what its tensors use")
    for key in keys:
        array = storages[str(key)].array
        count = int.from_bytes(file.read(8), "little" if little else "big")
        if count != array.size:
            raise RuntimeError(
                f"{name} is damaged or cut short: storage {key} has {count} elements, but its "
                f"tensors were promised {array.size}"
            )
        if file.readinto(array.view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
            raise RuntimeError(f"{name} is cut short: storage {key} is not whole")
        if little != (sys.byteorder == "little"):
            array.byteswap(inplace=True)
