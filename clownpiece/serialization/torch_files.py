"""PyTorch's `.pt` and `.pth` files, zip and legacy, read without running anything in them.

Both hold a pickle, a small program that builds objects by calling functions it names, and beside
it the raw bytes of storages. Three walls stand around the program: the machine it runs on knows
only what containers need (`pickles`); the only functions it may call are the handful in
`_CALLABLE`, which are ours; and anything but containers, tensors, numbers and strings in what it
returns is refused.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Literal

import numpy as np

from ..tensor import Tensor, wrap
from .pickles import Global, run

__all__ = ["looks_like_pickle", "read_archive", "read_legacy"]

Order = Literal["<", ">"]
"""Little-endian or big-endian, as NumPy spells it."""

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

_HELD_AS = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "bool",
}

_OUT_OF_SCOPE = {
    "_rebuild_tensor_v3": ("a tensor of float8 or another type that came late", "tensor.float()"),
    "_rebuild_sparse_tensor": ("a sparse tensor", "tensor.to_dense()"),
    "_rebuild_qtensor": ("a quantized tensor", "tensor.dequantize()"),
    "_rebuild_nested_tensor": ("a nested tensor", "tensor.to_padded_tensor(0.0)"),
    "ComplexFloatStorage": ("a complex tensor", "torch.view_as_real(tensor)"),
    "ComplexDoubleStorage": ("a complex tensor", "torch.view_as_real(tensor)"),
}


class _Storage:
    """A flat array that tensors look into. In a legacy file it is filled after they exist.

    It is of a type that clownpiece has: float16 and bfloat16 are widened to float32, which holds
    them exactly, as the bytes come in.
    """

    __slots__ = ("array", "kind")

    def __init__(self, kind: str, count: int) -> None:
        self.kind = kind
        self.array = np.empty(count, "f4" if kind in ("f2", "bfloat16") else kind)

    def fill(self, content: bytes, order: Order) -> None:
        """Take the elements from their bytes in the file, in the byte order `"<"` or `">"`."""
        if self.kind == "bfloat16":
            # A bfloat16 is the upper half of a float32.
            halves = np.frombuffer(content, order + "u2").astype(np.uint32)
            self.array[:] = (halves << 16).view(np.float32)
        elif self.kind == "bool":
            self.array[:] = np.frombuffer(content, np.uint8) != 0
        else:
            self.array[:] = np.frombuffer(content, np.dtype(self.kind).newbyteorder(order))


def _itemsize(kind: str) -> int:
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """A view of a storage; `np.ndarray` looks once more that it stays inside."""
    if not isinstance(storage, _Storage):
        raise TypeError("a tensor is made from something that is no storage")
    numbers = [offset, *shape, *strides]
    if len(shape) != len(strides) or not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
        raise ValueError("a tensor has an offset, a shape or strides that cannot be")
    array = storage.array
    if 0 in shape:
        return wrap(np.empty(shape, array.dtype))
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides))
    if last >= array.size:
        raise ValueError(
            f"a tensor of shape {tuple(shape)} reaches element {last:,} of a storage of "
            f"{array.size:,}"
        )
    steps = [step * array.itemsize for step in strides]
    return wrap(np.ndarray(shape, array.dtype, array, offset * array.itemsize, steps))


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


def _rebuild_with_attributes(rebuild: Any, _: Any, arguments: Any, *__: Any) -> Tensor:
    """A tensor that had attributes of its own, without them."""
    if not isinstance(rebuild, Global) or rebuild.call is not _rebuild_tensor:
        raise TypeError("something with attributes is no plain tensor")
    return _rebuild_tensor(*arguments)


def _dict(items: Iterable[Any] = ()) -> dict[Any, Any]:
    if any(type(key) not in (bool, int, float, str) for key in dict(items)):
        raise TypeError("a dict has a key that is no string or number")
    return dict(items)


_CALLABLE: dict[tuple[str, str], Callable[..., Any] | None] = {
    ("collections", "OrderedDict"): _dict,
    ("collections", "Counter"): _dict,
    ("torch", "Size"): lambda sizes=(): tuple(sizes),
    ("torch", "Tensor"): None,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): _rebuild_with_attributes,
}


def _run(file: BinaryIO, storage_of: Callable[..., _Storage], name: str) -> Any:
    """Run one pickle; the file is left behind it."""

    def find(module: str, attribute: str) -> Global:
        if (module, attribute) in _CALLABLE:
            return Global(attribute, _CALLABLE[module, attribute])
        if module == "torch" and attribute in _HELD_AS:
            return Global(attribute)
        if module.split(".")[0] == "torch" and attribute in _OUT_OF_SCOPE:
            what, instead = _OUT_OF_SCOPE[attribute]
            raise RuntimeError(
                f"{name} has {what}, which clownpiece cannot hold; save {instead} from PyTorch"
            )
        raise pickle.UnpicklingError(
            f"{name} asks for {module}.{attribute}, and clownpiece never runs code from a file: "
            "it reads tensors, numbers, strings and containers. Save only the state_dict: "
            "torch.save(model.state_dict(), path)"
        )

    def refer(identity: Any) -> _Storage:
        if type(identity) is not tuple or len(identity) < 5 or identity[0] != "storage":
            raise pickle.UnpicklingError(f"{name} refers to something that is no storage")
        kind, key, _, count = identity[1:5]
        if not isinstance(kind, Global) or kind.name not in _HELD_AS or type(key) is not str:
            raise pickle.UnpicklingError(f"{name} has a storage of unknown type or name")
        if type(count) is not int or count < 0:
            raise RuntimeError(f"{name} is damaged: storage {key!r} has no size")
        return storage_of(_HELD_AS[kind.name], key, count, *identity[5:6])

    return run(file, name, find, refer)


def _checked(result: Any, name: str) -> Any:
    """`result`, if there is nothing in it but tensors, numbers, strings and containers."""
    known = {id(result)}
    waiting: list[tuple[Any, Any]] = [(None, result)]
    while waiting:
        place, obj = waiting.pop()
        if obj is None or type(obj) in (bool, int, float, str, bytes, Tensor):
            continue
        if type(obj) not in (dict, list, tuple):
            raise pickle.UnpicklingError(
                f"{name} has something at {_spelt(place)} that is no tensor, number, string or "
                "container"
            )
        for key, each in obj.items() if type(obj) is dict else enumerate(obj):
            if id(each) not in known:
                known.add(id(each))
                waiting.append(((place, key), each))
    return result


def _spelt(place: Any) -> str:
    """The path to a place that is a key and the place around it."""
    keys: list[str] = []
    while place is not None and len(keys) < 20:
        place, key = place
        keys.append(str(key))
    return ".".join(reversed(keys)) or "its top"


def _of_kind(storage: _Storage, kind: str, count: int, key: str, name: str) -> _Storage:
    """`storage`, if all that refer to it agree on what it is."""
    if storage.kind != kind or storage.array.size != count:
        raise RuntimeError(f"{name} is damaged: its tensors disagree about storage {key!r}")
    return storage


# -- the zip format, since PyTorch 1.6 ----------------------------------------------------------


def read_archive(archive: zipfile.ZipFile, name: str) -> Any:
    """The object in a zip file that `torch.save` wrote.

    Raises:
        RuntimeError: it is damaged, or a compiled program rather than data.
        pickle.UnpicklingError: it needs code to be run.
    """
    entries = set(archive.namelist())
    pickles = [each for each in entries if each.endswith("/data.pkl")]
    if len(pickles) > 1:
        raise RuntimeError(f"{name} is no file of torch.save: it has {len(pickles)} pickles")
    root = pickles[0].removesuffix("data.pkl")
    if root + "constants.pkl" in entries:
        raise RuntimeError(
            f"{name} is a TorchScript program, made by torch.jit.save, and clownpiece runs no "
            "code from files; save its state_dict with torch.save"
        )
    orders: dict[bytes, Order] = {b"little": "<", b"big": ">"}
    written = archive.read(root + "byteorder") if root + "byteorder" in entries else b"little"
    if written not in orders:
        raise RuntimeError(f"{name} is damaged: its byte order is {written[:16]!r}")
    storages: dict[str, _Storage] = {}

    def storage_of(kind: str, key: str, count: int, *_: Any) -> _Storage:
        if key not in storages:
            entry = f"{root}data/{key}"
            storages[key] = _from_entry(archive, entry, kind, count, orders[written], name)
        return _of_kind(storages[key], kind, count, key, name)

    return _checked(_run(io.BytesIO(archive.read(pickles[0])), storage_of, name), name)


def _from_entry(
    archive: zipfile.ZipFile, entry: str, kind: str, count: int, order: Order, name: str
) -> _Storage:
    try:
        size = archive.getinfo(entry).file_size
    except KeyError:
        raise RuntimeError(f"{name} is damaged: it has no {entry!r}") from None
    itemsize = _itemsize(kind)
    if size != count * itemsize:
        raise RuntimeError(
            f"{name} is damaged: {entry!r} has {size:,} bytes, but {count:,} elements of "
            f"{itemsize} bytes are expected"
        )
    storage = _Storage(kind, count)
    storage.fill(archive.read(entry), order)
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
        raise RuntimeError(f"{name} has another version of PyTorch's format than {_PROTOCOL}")
    little = system.get("little_endian", True) if isinstance(system, dict) else True
    storages: dict[str, _Storage] = {}
    left = _bytes_left(file)

    def storage_of(kind: str, key: str, count: int, view: Any = None) -> _Storage:
        nonlocal left
        if view is not None:
            raise RuntimeError(f"{name} has views of storages, which only very old files have")
        if key not in storages:
            left -= count * _itemsize(kind)
            if left < 0:
                raise RuntimeError(f"{name} is cut short: it names larger storages than it has")
            storages[key] = _Storage(kind, count)
        return _of_kind(storages[key], kind, count, key, name)

    result = _checked(_run(file, storage_of, name), name)
    _fill(file, storages, _run(file, _no_storage, name), "<" if little else ">", name)
    return result


def _no_storage(*_: Any) -> _Storage:
    raise pickle.UnpicklingError("there is a storage in the header of the file")


def _bytes_left(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end - here


def _fill(
    file: BinaryIO, storages: dict[str, _Storage], keys: Any, order: Order, name: str
) -> None:
    known = isinstance(keys, list) and all(type(key) is str for key in keys)
    if not known or sorted(keys) != sorted(storages):
        raise RuntimeError(f"{name} is damaged: its list of storages is not what its tensors use")
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(file.read(8), "little" if order == "<" else "big")
        if count != storage.array.size:
            raise RuntimeError(
                f"{name} is damaged or cut short: storage {key} has {count:,} elements, but its "
                f"tensors were promised {storage.array.size:,}"
            )
        wanted = count * _itemsize(storage.kind)
        content = file.read(wanted)
        if len(content) < wanted:
            raise RuntimeError(f"{name} is cut short: storage {key} is not whole")
        storage.fill(content, order)
