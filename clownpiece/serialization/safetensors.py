"""The safetensors format: a JSON header, then the bytes of every tensor.

The `safetensors` library writes it and checks it on reading: offsets within the file, no overlap,
sizes that fit the shapes. Here are the wording of errors and the types that NumPy lacks.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as to_bytes

__all__ = ["looks_right", "read", "write"]

_TYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}


def looks_right(start: bytes) -> bool:
    """Whether these first bytes can be a header's length and its opening brace."""
    return 0 < len(start) < 16 or start[8:9] == b"{"


def write(file: BinaryIO, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write arrays by name, and strings."""
    file.write(to_bytes(arrays, metadata=metadata or None))


def read(file: BinaryIO, name: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the strings of a file.

    Raises:
        RuntimeError: the file is cut short, or its header does not fit its content.
    """
    data = file.read()
    try:
        entries = deserialize(data)
    except SafetensorError as error:
        raise RuntimeError(
            f"{name} is no whole safetensors file of {len(data):,} bytes: {error}. "
            "It may be cut short or damaged; get it again"
        ) from error
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    arrays = {key: _array(key, entry, name) for key, entry in entries}
    return arrays, header.get("__metadata__") or {}


def _array(key: str, entry: dict[str, Any], name: str) -> np.ndarray:
    kind, data = entry["dtype"], entry["data"]
    if kind == "BF16":
        # A bfloat16 is the upper half of a float32.
        halves = np.frombuffer(data, "<u2").astype(np.uint32)
        return (halves << 16).view(np.float32).reshape(entry["shape"])
    if kind not in _TYPES:
        raise RuntimeError(
            f"the tensor {key!r} in {name} has elements of type {kind}, which clownpiece cannot "
            "hold; convert it to F32 with the program that wrote it"
        )
    return np.frombuffer(data, _TYPES[kind]).reshape(entry["shape"])
