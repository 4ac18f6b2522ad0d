"""Files by hand, for a file that lies cannot be made by a library that does not."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import numpy as np

import clownpiece as cp

FORMATS = ["safetensors", "npz"]
READABLE = [*FORMATS, "pt", "legacy.pt"]


def same(a, b):
    """Equal in value, type and nesting."""
    if isinstance(a, cp.Tensor):
        return (
            isinstance(b, cp.Tensor)
            and a.dtype is b.dtype
            and a.shape == b.shape
            and np.array_equal(a.numpy(), b.numpy(), equal_nan=a.is_floating_point())
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def saved(obj, format):
    """The bytes of a file with `obj`."""
    file = io.BytesIO()
    cp.save(obj, file, format=format)
    return file.getvalue()


def loaded(content):
    return cp.load(io.BytesIO(content))


def small_file(format):
    """One small file in a format, made without PyTorch."""
    if format == "pt":
        return zip_file(program(TENSOR), {"0": np.arange(6, dtype="<f4").tobytes()})
    if format == "legacy.pt":
        return legacy_file(program(TENSOR), {"0": np.arange(6, dtype="<f4")})
    weight = cp.arange(6).reshape(2, 3).float()
    return saved({"weight": weight, "bias": cp.tensor([1.0, 2.0])}, format)


# -- safetensors and zip files ------------------------------------------------------------------


def safetensors_of(entries, body=None):
    """A file by hand: {name: (type, shape, bytes)}."""
    header, data = {}, b""
    for name, (kind, shape, content) in entries.items():
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
        data += content
    return with_header(json.dumps(header).encode(), data if body is None else body)


def with_header(text, data=b""):
    return struct.pack("<Q", len(text)) + text + data


def zip_of(entries, compression=zipfile.ZIP_STORED):
    """A zip file of `{name: bytes}`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def entries_of(content):
    """The `{name: bytes}` of a zip file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def npy(descr="'<f8'", order="False", shape="(2,)", data=bytes(16), version=b"\x01\x00"):
    """A `.npy` file that says what it is told to."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


# -- pickles ------------------------------------------------------------------------------------

PROTO, STOP = b"\x80\x02", b"."
ORDERED = b"ccollections\nOrderedDict\n)R"
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ"
HALF_STORAGE = STORAGE.replace(b"FloatStorage", b"BFloat16Storage").replace(b"K\x06", b"K\x0c")


def text(string):
    """The instruction that puts a text on the stack."""
    return b"X" + struct.pack("<I", len(string.encode())) + string.encode()


def number(value):
    """The instruction that puts a whole number on the stack."""
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<i", len(content)) + content


def tensor(offset=0, shape=(2, 3), strides=(3, 1), storage=STORAGE):
    """The instructions that make a tensor."""

    def numbers(values):
        return b"(" + b"".join(map(number, values)) + b"t"

    arguments = storage + number(offset) + numbers(shape) + numbers(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"\x89" + ORDERED + b"tR"


TENSOR = tensor()


def program(value, key="weight"):
    """A pickle of the ordered dict {key: value}."""
    return PROTO + ORDERED + text(key) + value + b"s" + STOP


def zip_file(pickled, storages, **more):
    """A file as `torch.save` writes it, with other entries beside the usual ones."""
    entries = {"archive/data.pkl": pickled}
    entries |= {f"archive/data/{key}": content for key, content in storages.items()}
    entries |= {"archive/version": b"3\n"}
    return zip_of(entries | {f"archive/{name}": content for name, content in more.items()})


def legacy_file(pickled, storages, *, magic=0x1950A86A20F9469CFC6C, little_endian=True):
    """A file as `torch.save` wrote it before zip files."""
    head = [magic, 1001, {"little_endian": little_endian, "protocol_version": 1001}]
    parts = [pickle.dumps(each, protocol=2) for each in head]
    parts += [pickled, pickle.dumps(list(storages), protocol=2)]
    order = "<q" if little_endian else ">q"
    parts += [struct.pack(order, each.size) + each.tobytes() for each in storages.values()]
    return b"".join(parts)


def with_program(pickled, storages=None):
    """Both kinds of file with this pickle in them."""
    if storages is None:
        storages = {"0": np.arange(6, dtype="<f4")}
    raw = {key: storage.tobytes() for key, storage in storages.items()}
    return [zip_file(pickled, raw), legacy_file(pickled, storages)]
