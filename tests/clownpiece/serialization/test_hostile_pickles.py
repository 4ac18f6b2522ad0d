"""PyTorch's files are read, and nothing in them is ever run."""

from __future__ import annotations

import io
import os
import pickle
import struct

import numpy as np
import pytest
from support.files import (
    HALF_STORAGE,
    ORDERED,
    PROTO,
    STOP,
    STORAGE,
    TENSOR,
    legacy_file,
    loaded,
    number,
    program,
    small_file,
    tensor,
    text,
    with_program,
    zip_file,
)
from support.fuzz import peak_of_reading

import clownpiece as cp

REFUSED = (pickle.UnpicklingError, RuntimeError)
WEIGHT = np.arange(6, dtype="<f4")


@pytest.mark.parametrize("format", ["pt", "legacy.pt"])
def test_pytorchs_files_are_read(format):
    read = loaded(small_file(format))
    assert list(read) == ["weight"]
    assert read["weight"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert read["weight"].dtype is cp.float32


# -- code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        b"cos\nsystem\n(X\x04\0\0\0exittR",
        b"cposix\nsystem\n(X\x04\0\0\0exittR",
        b"cbuiltins\neval\n(X\x03\0\0\x001+1tR",
        b"c__builtin__\ngetattr\n",
        b"ctorch\nload\n",
        b"ctorch.serialization\nload\n",
        b"ctorch._utils\n_import_dotted_name\n",
        b"ctorch._utils\n__builtins__\n",
        b"ctorch\n_utils._rebuild_tensor_v2.__globals__\n",
        b"ccollections\nOrderedDict.fromkeys\n",
        b"ccollections\nUserDict\n",
        b"cclownpiece\nload\n",
        b"ccopyreg\n_reconstructor\n",
        b"cnumpy.core.multiarray\nscalar\n",
        b"(X\x01\0\0\0xios\nsystem\n",
        b"cos\nsystem\n(X\x01\0\0\0xo",
        b"cos\nsystem\n)\x81",
        b"cos\nsystem\n)}\x92",
        b"\x82\x01",
        b"\x83\x01\x00",
        b"\x84\x01\x00\x00\x00",
        b"P7\n",
        b"X\x02\0\0\0osX\x06\0\0\0system\x93",
        b"\x8c\x02os\x8c\x06system\x93",
    ],
    ids=lambda value: repr(value)[2:34],
)
def test_a_file_that_wants_to_run_code_is_refused(value, monkeypatch):
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("the file ran a command"))
    for content in with_program(program(value)):
        with pytest.raises(pickle.UnpicklingError, match=r"run|needs"):
            loaded(content)


class Runs:
    """Pickled by protocol `protocol`, asks for `os.system` when it is read."""

    def __reduce__(self):
        return os.system, ("exit 7",)


@pytest.mark.parametrize("protocol", range(6))
def test_pythons_own_pickles_of_something_that_runs_are_refused(protocol, monkeypatch):
    pickled = pickle.dumps(Runs(), protocol)
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("the file ran a command"))
    for content in (pickled, *with_program(pickled)):
        with pytest.raises(REFUSED):
            loaded(content)


def set_slots(**slots):
    """The BUILD that sets these attributes, as Python's machine would with `setattr`."""
    return b"N}(" + b"".join(text(name) + value for name, value in slots.items()) + b"u\x86b"


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


@pytest.mark.parametrize(
    "value",
    [
        # The allowed names must be nothing that can be changed, called oddly or smuggled out.
        REBUILD + b"}X\x01\0\0\0xK\x01sb",
        REBUILD + set_slots(call=b"ccollections\nOrderedDict\n"),
        b"ctorch\nFloatStorage\n" + set_slots(name=text("DoubleStorage")),
        # A tensor must not grow after its size was checked.
        TENSOR + set_slots(shape=b"J\x00\xca\x9a\x3b\x85", strides=b"K\x01\x85"),
        TENSOR + set_slots(array=b"N"),
        TENSOR + b"}" + text("requires_grad") + b"\x88sb",
        STORAGE + set_slots(array=b"]", kind=text("f8")),
        ORDERED + b"}" + text("__setstate__") + REBUILD + b"sb)b" + b"K\x01\x85R",
        b"ctorch\nFloatStorage\n",
        b"ctorch\nFloatStorage\n)R",
        REBUILD,
        REBUILD + b"(K\x01K\x01))tR",
        REBUILD + b")R",
        REBUILD + b"]R",
        b"K\x01)R",
        text("os") + b")R",
        STORAGE,
        b"(" + STORAGE + b"t",
        b"ctorch\nSize\nK\x01\x85R",
        b"ctorch._utils\n_rebuild_parameter\n(" + REBUILD + b"\x88" + ORDERED + b"tR",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(ccollections\nOrderedDict\nN))tR",
        b"ccollections\nOrderedDict\n]](K\x01K\x02ea\x85Ra",
        b"X\x01\0\0\0xr\xff\xff\xff\x7f" + b"j\xfe\xff\xff\x7f",
        b"h\x07",
        b"e",
        b"u",
        b"t",
        b"K\x01s",
        b"K\x01a",
        b"]K\x01K\x02s",
        b"}(K\x01u",
        b"}]K\x01s",
        b"})K\x01s",
        b"}NK\x01s",
        b"Q",
        b"(K\x01tQ",
        b"X\x01\0\0\0xQ",
        STORAGE.replace(b"K\x06", b"J\xff\xff\xff\xff"),
        STORAGE.replace(b"K\x06", b"G" + struct.pack(">d", 6)),
        STORAGE.replace(b"FloatStorage", b"QuintStorage"),
        STORAGE.replace(b"X\x01\0\0\x000", b"K\x00"),
    ],
    ids=lambda value: repr(value)[2:44],
)
def test_a_program_that_does_odd_things_is_refused(value):
    for content in with_program(program(value)):
        with pytest.raises(REFUSED):
            loaded(content)


# -- size and time ------------------------------------------------------------------------------


def laughs(kind, levels=200):
    """Containers of ten times the one before, of which Python keeps one copy each."""
    made = PROTO + b"K\x00" + b"\x85q\x00"
    for level in range(1, levels):
        before = b"h" + bytes([level - 1])
        made += (b"]" if kind == "list" else b"") + b"(" + before * 10
        made += (b"e" if kind == "list" else b"t") + b"q" + bytes([level])
    return made + STOP


@pytest.mark.parametrize("kind", ["list", "tuple"])
def test_containers_that_multiply_are_read_in_the_time_of_what_is_there(kind):
    """200 levels of ten references each would be 10²⁰⁰ objects if each were copied."""
    for content in with_program(laughs(kind), {}):
        read = loaded(content)
        assert read[3] is read[4]


def test_containers_that_multiply_are_never_spelt_or_counted_on_the_way():
    bomb = laughs("tuple")[len(PROTO) : -1]
    for value in (
        bomb + b"Q",
        b"(X\x07\0\0\0storagectorch\nFloatStorage\n" + text("0") + text("cpu") + bomb + b"tQ",
        REBUILD + b"(" + STORAGE + bomb + b"))" + b"tR",
        REBUILD + b"(" + STORAGE + b"K\x00" + bomb + b")" + b"tR",
        b"}" + bomb + b"K\x01s",
        bomb + bomb + b"\x93",
        bomb + bomb + b"R",
    ):
        for content in with_program(program(value)):
            with pytest.raises(REFUSED):
                loaded(content)


def test_containers_in_containers_without_end_are_read_without_recursion():
    for value in (b"]" * 50_000 + b"a" * 49_999, b"K\x00" + b"\x85" * 50_000):
        for content in with_program(PROTO + value + STOP, {}):
            assert type(loaded(content)) in (list, tuple)
    for content in with_program(PROTO + b"]q\x00h\x00a" + STOP, {}):
        read = loaded(content)
        assert read[0] is read


@pytest.mark.parametrize(
    "value",
    [
        b"\x8b\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\xff",
        b"\x8b" + struct.pack("<i", 5000) + b"\x7f" * 5000,
        b"X\xff\xff\xff\xff",
        b"T\xff\xff\xff\x7f",
        b"T\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"\x8d" + b"\xff" * 8,
        b"\x8e" + b"\xff" * 8,
        b"X\x02\0\0\0\xff\xfe",
        b"c" + b"x" * 100_000 + b"\n",
        b"r\xff\xff\xff\xff",
    ],
    ids=lambda value: repr(value)[2:24],
)
def test_lengths_that_lie_take_no_memory(value):
    contents = with_program(program(value))
    for content in contents:
        with pytest.raises(REFUSED):
            loaded(content)
    assert peak_of_reading(contents) < 2_000_000


@pytest.mark.parametrize(
    "lying",
    [
        tensor(offset=1),
        tensor(offset=-1),
        tensor(offset=2**63),
        tensor(offset=2**400),
        tensor(shape=(3, 3)),
        tensor(shape=(2**62, 2**62), strides=(0, 0)),
        tensor(shape=(2**400, 1)),
        tensor(strides=(-3, 1)),
        tensor(strides=(1000000, 1)),
        tensor(strides=(2**62, 2**62)),
        tensor(shape=(0, *[2**31 - 1] * 3), strides=(1,) * 4),
        tensor(shape=(2**31 - 1,) * 2, strides=(0, 0), storage=HALF_STORAGE),
        tensor(shape=(1,) * 100, strides=(1,) * 100),
        tensor(shape=(2,)),
        tensor(storage=STORAGE.replace(b"K\x06", b"J\xff\xff\xff\x7f")),
        tensor(storage=STORAGE.replace(b"K\x06", number(2**62))),
        tensor(storage=STORAGE.replace(b"K\x06", number(2**400))),
        tensor(storage=STORAGE.replace(b"K\x06", b"K\x05")),
        tensor(storage=STORAGE.replace(b"0X\x03", b"1X\x03")),
        tensor(storage=STORAGE.replace(b"0X\x03", b"\xc2X\x03")),
    ],
    ids=range(20),
)
def test_a_tensor_that_reaches_outside_of_its_storage_is_refused(lying):
    contents = with_program(program(lying))
    for content in contents:
        with pytest.raises(RuntimeError):
            loaded(content)
    assert peak_of_reading(contents) < 2_000_000


def test_tensors_that_disagree_about_their_storage_are_damage():
    for other in (
        tensor(shape=(1,), strides=(1,), storage=STORAGE.replace(b"K\x06", b"K\x05")),
        tensor(shape=(1,), strides=(1,), storage=STORAGE.replace(b"Float", b"Int")),
    ):
        for content in with_program(PROTO + b"](" + TENSOR + other + b"e" + STOP):
            with pytest.raises(RuntimeError, match="disagree about storage '0'"):
                loaded(content)


# -- the files around the pickle ----------------------------------------------------------------


def test_views_of_one_storage_share_it():
    turned = text("t") + tensor(shape=(3, 2), strides=(1, 3))
    both = PROTO + ORDERED + b"(" + text("weight") + TENSOR + turned + b"u" + STOP
    for content in with_program(both):
        read = loaded(content)
        read["weight"][0, 1] = 9.0
        assert read["t"].tolist() == [[0.0, 3.0], [9.0, 4.0], [2.0, 5.0]]


def test_both_byte_orders_are_read_and_others_refused():
    big = WEIGHT.astype(">f4")
    contents = [
        zip_file(program(TENSOR), {"0": WEIGHT.tobytes()}, byteorder=b"little"),
        zip_file(program(TENSOR), {"0": big.tobytes()}, byteorder=b"big"),
        legacy_file(program(TENSOR), {"0": big}, little_endian=False),
    ]
    for content in contents:
        assert loaded(content)["weight"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(RuntimeError, match="its byte order is b'middle'"):
        loaded(zip_file(program(TENSOR), {"0": WEIGHT.tobytes()}, byteorder=b"middle"))


@pytest.mark.parametrize(
    "kind, told",
    [
        (b"ctorch._utils\n_rebuild_tensor_v3\n", r"float8.*tensor\.float"),
        (b"ctorch._utils\n_rebuild_sparse_tensor\n", r"sparse.*to_dense"),
        (b"ctorch._utils\n_rebuild_qtensor\n", "quantized.*dequantize"),
        (b"ctorch\nComplexFloatStorage\n", "complex.*view_as_real"),
    ],
)
def test_tensors_of_kinds_that_are_missing_here_are_named_with_what_to_do(kind, told):
    for content in with_program(program(kind)):
        with pytest.raises(RuntimeError, match=told):
            loaded(content)


def test_any_other_pickle_is_left_alone():
    for obj in ({"a": 1}, [1, 2], "text"):
        with pytest.raises(RuntimeError, match="none of PyTorch's"):
            loaded(pickle.dumps(obj))
    with pytest.raises(pickle.UnpicklingError, match="runs code"):
        loaded(pickle.dumps(io.BytesIO()))
    with pytest.raises(RuntimeError, match="none of PyTorch's"):
        loaded(legacy_file(program(TENSOR), {"0": WEIGHT}, magic=7))


def test_an_archive_with_two_pickles_is_refused():
    content = zip_file(program(TENSOR), {"0": bytes(24)}, **{"other/data.pkl": program(TENSOR)})
    with pytest.raises(RuntimeError, match="2 pickles"):
        loaded(content)


def test_a_compiled_program_is_named_as_such():
    with pytest.raises(RuntimeError, match="TorchScript"):
        loaded(zip_file(program(TENSOR), {"0": bytes(24)}, **{"constants.pkl": b""}))


def test_a_legacy_file_whose_list_of_storages_is_wrong_is_damage():
    content = legacy_file(program(TENSOR), {"0": WEIGHT, "1": WEIGHT})
    with pytest.raises(RuntimeError, match="list of storages"):
        loaded(content)
    with pytest.raises(RuntimeError, match="storage 0 has 5 elements"):
        loaded(legacy_file(program(TENSOR), {"0": WEIGHT[:5]}) + bytes(8))


def test_the_arguments_of_torch_load_are_understood():
    file = io.BytesIO(small_file("pt"))
    assert list(cp.load(file, map_location="cpu", weights_only=True)) == ["weight"]
    with pytest.raises(ValueError, match="never does"):
        cp.load(file, weights_only=False)
    with pytest.raises(RuntimeError, match="CPU only"):
        cp.load(file, map_location="cuda")
